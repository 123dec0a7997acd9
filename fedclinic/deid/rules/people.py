"""Names that the dictionaries know, and further mentions of a name that the note announced."""

import functools
import re
from dataclasses import dataclass

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import UPPER
from fedclinic.notes import Span

_WORD = re.compile(rf"{UPPER}[^\W\d_]*(?:['’-][^\W\d_]+)*")
_NAME_PART = re.compile(r"[^\W\d_]{3,}(?:['’-][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"['’]s?$")
EPONYM_FOLLOWS = re.compile(
    r"(?:['’]s?)? (?:disease|syndrome|sign|test|maneuver|procedure|catheter|line|lymphoma|palsy|"
    r"dementia|"
    r"classification|score|scale|criteria|retractor|clamp|suture|drain|position|esophagus|cells|"
    r"body|"
    r"phenomenon|thyroiditis|contracture|fracture|reflex|stain|operation|repair|hernia|tube|"
    r"needle|forceps|"
    r"scissors|elevator|speculum|balloon|stent|filter|valve|prosthesis|screw|plate|pin|nail|rod|"
    r"wire|"
    r"hypothesis|law|rule|index|grade|stage|type|tumor|sarcoma|cyst|ulcer|node|nodes|fiber|"
    r"ligament|fossa)"
)
_SENTENCE_START = re.compile(r"[.?!:;]\s{1,2}$|[-•*]\s$")
_COMMON_SURNAME_RANK = 5000
_ANNOUNCED = 0.75
_ALL_CAPITALS_SHARE = 0.35


@dataclass(frozen=True)
class _Entry:
    """What the dictionaries say about one spelling."""

    given: bool
    family: bool
    rank: int
    ordinary: bool
    eponym: bool
    never: bool
    is_upper: bool
    plain: str
    """In lower case and without a possessive ending."""
    ending: int
    """Letters of the possessive ending, which is no part of a name."""


@dataclass(frozen=True)
class _Word:
    start: int
    end: int
    text: str
    entry: _Entry


def announced_words(text: str, spans: list[Span], lexicon: Lexicon) -> frozenset[str]:
    """Words of names found with certainty; each further mention in the note is a name too."""
    found: set[str] = set()
    for span in spans:
        if span.label == Kind.PERSON and span.score >= _ANNOUNCED:
            parts = (part.lower() for part in _NAME_PART.findall(text[span.start : span.end]))
            found.update(part for part in parts if part not in lexicon.ordinary)
    return frozenset(found)


def find_listed_names(text: str, announced: frozenset[str], lexicon: Lexicon) -> list[Span]:
    """Find names of the dictionaries and every further mention of announced ones."""
    words = [
        _Word(match.start(), match.end(), match.group(), _entry(match.group(), lexicon))
        for match in _WORD.finditer(text)
    ]
    long_words = [word for word in words if len(word.text) > 3]
    capitals = sum(word.entry.is_upper for word in long_words) / max(1, len(words))
    found: list[Span] = []
    index = 0
    while index < len(words):
        taken, span = _name_at(text, words, index, announced, capitals > _ALL_CAPITALS_SHARE)
        if span is not None:
            found.append(span)
        index += taken
    return found


@functools.lru_cache(maxsize=50_000)
def _entry(text: str, lexicon: Lexicon) -> _Entry:
    plain = _POSSESSIVE.sub("", text).lower().replace("’", "'")
    parts = plain.split("-")
    return _Entry(
        given=any(part in lexicon.given for part in parts),
        family=plain in lexicon.family_rank or any(part in lexicon.family_rank for part in parts),
        rank=max(lexicon.family_rank.get(part, 10**6) for part in parts),
        ordinary=plain in lexicon.ordinary
        or (len(parts) > 1 and any(part in lexicon.ordinary for part in parts)),
        eponym=any(part in lexicon.eponyms for part in parts),
        never=len(text) < 2 or plain in lexicon.never,
        is_upper=len(text) > 1 and text.isupper(),
        plain=plain,
        ending=len(text) - len(plain),
    )


def _name_at(
    text: str, words: list[_Word], index: int, announced: frozenset[str], many_capitals: bool
) -> tuple[int, Span | None]:
    """Read a name that begins at `index`; returns how many words were read and the name, if any."""
    word = words[index]
    if word.entry.never:
        return 1, None
    pair = _given_and_family(text, words, index, many_capitals)
    if pair is not None:
        return pair
    if EPONYM_FOLLOWS.match(text[word.end : word.end + 20]):
        return 1, None
    if word.entry.plain in announced:
        return 1, Span(word.start, word.end - word.entry.ending, Kind.PERSON, 0.75)
    if _is_name_alone(text, word):
        return 1, Span(word.start, word.end - word.entry.ending, Kind.PERSON, 0.5)
    return 1, None


def _is_name_alone(text: str, word: _Word) -> bool:
    """Tell whether a single word is a given name or common surname and nothing else."""
    entry = word.entry
    if entry.ordinary or entry.eponym or entry.is_upper or len(entry.plain) <= 2:
        return False
    if _starts_sentence(text, word.start):
        return entry.given and not entry.family and "-" not in word.text
    common_surname = entry.family and entry.rank <= _COMMON_SURNAME_RANK
    return (entry.given and "-" not in word.text) or common_surname


def _given_and_family(
    text: str, words: list[_Word], index: int, many_capitals: bool
) -> tuple[int, Span] | None:
    """Read given name, perhaps an initial, and family name, perhaps a second one."""
    word, following = words[index], index + 1
    if following >= len(words):
        return None
    gap = text[word.end : words[following].start]
    is_initial = len(words[following].text) == 1 and following + 1 < len(words)
    if (
        is_initial
        and gap in (" ", ". ")
        and text[words[following].end : words[following + 1].start] in (" ", ". ")
    ):
        following, gap = following + 1, " "
    family = words[following]
    if gap not in (" ", "\n") or family.entry.never:
        return None
    if EPONYM_FOLLOWS.match(text[family.end : family.end + 20]):
        return None
    if word.entry.is_upper and (many_capitals or family.entry.is_upper):
        fits = (
            word.entry.given
            and family.entry.family
            and not word.entry.ordinary
            and not family.entry.ordinary
        )
    else:
        fits = word.entry.given and (
            (not word.entry.ordinary and (family.entry.family or not family.entry.ordinary))
            or (family.entry.family and not family.entry.ordinary)
        )
    if gap == "\n" and (family.entry.ordinary or not family.entry.family):
        return None
    if not fits:
        return None
    end = family.end - family.entry.ending
    if following + 1 < len(words):
        second = words[following + 1]
        plain = (
            second.entry.family
            and not second.entry.ordinary
            and not second.entry.never
            and not second.entry.is_upper
        )
        if plain and text[end : second.start] == " ":
            following, end = following + 1, second.end - second.entry.ending
    return following + 1 - index, Span(word.start, end, Kind.PERSON, 0.7)


def _starts_sentence(text: str, start: int) -> bool:
    if start == 0 or text[start - 1] == "\n":
        return True
    return _SENTENCE_START.search(text[max(0, start - 4) : start]) is not None
