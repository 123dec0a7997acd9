"""Names that the dictionaries know, and further mentions of a name that the note announced."""

import functools
import re
from collections.abc import Sequence
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
    r"ligament|fossa|curettes?|cannula|stitch|osteotomy|splint|boots?|technique|incision|flap|formula|"
    r"equation|protocol|trocar|taper|collar|traction|triangle|pouch|canal|murmur|encephalopathy|"
    r"psychosis|ataxia|chorea|neuralgia|neuroma|adenoma|carcinoma|titers?|antibod(?:y|ies)|virus|"
    r"retinopathy|culdoplasty|fundoplication|anastomosis|procedures|maneuvers|signs)\b"
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
    may_open: bool
    """Whether a name of the dictionaries can begin here."""


@dataclass(frozen=True)
class _Words:
    """The words of a text that begin with a capital: where they stand, and their entries."""

    places: Sequence[tuple[int, int]]
    entries: Sequence[_Entry]

    def __len__(self) -> int:
        return len(self.places)

    def person(self, first: int, last: int, score: float) -> Span:
        """A name from one word to another, less a possessive ending."""
        end = self.places[last][1] - self.entries[last].ending
        return Span(self.places[first][0], end, Kind.PERSON, score)

    def has_many_capitals(self) -> bool:
        """Whether the text writes so many whole words in capitals that they say nothing."""
        capitals = sum(
            end - start > 3
            for (start, end), entry in zip(self.places, self.entries, strict=True)
            if entry.is_upper
        )
        return capitals / max(1, len(self)) > _ALL_CAPITALS_SHARE


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
    matches = list(_WORD.finditer(text))
    words = _Words(
        places=[match.span() for match in matches],
        entries=[_entry(match.group(), lexicon) for match in matches],
    )
    many_capitals = words.has_many_capitals()
    found: list[Span] = []
    last = 0
    for index, entry in enumerate(words.entries):
        may_open = entry.may_open or entry.plain in announced
        if index < last or entry.never or not may_open:
            continue
        taken, span = _name_at(text, words, index, announced, many_capitals)
        if span is not None:
            found.append(span)
        last = index + taken
    return found


@functools.lru_cache(maxsize=50_000)
def _entry(text: str, lexicon: Lexicon) -> _Entry:
    plain = _POSSESSIVE.sub("", text).lower().replace("’", "'")
    parts = plain.split("-")
    given = any(part in lexicon.given for part in parts)
    family = plain in lexicon.family_rank or any(part in lexicon.family_rank for part in parts)
    return _Entry(
        given=given,
        family=family,
        rank=max(lexicon.family_rank.get(part, 10**6) for part in parts),
        ordinary=plain in lexicon.ordinary
        or (len(parts) > 1 and any(part in lexicon.ordinary for part in parts)),
        eponym=any(part in lexicon.eponyms for part in parts),
        never=len(text) < 2 or plain in lexicon.never,
        is_upper=len(text) > 1 and text.isupper(),
        plain=plain,
        ending=len(text) - len(plain),
        may_open=given or family,
    )


def _name_at(
    text: str, words: _Words, index: int, announced: frozenset[str], many_capitals: bool
) -> tuple[int, Span | None]:
    """Read a name that begins at `index`; returns how many words were read and the name, if any."""
    last = _last_of_name(text, words, index, many_capitals)
    if last is not None:
        return last + 1 - index, words.person(index, last, 0.7)
    (start, end), entry = words.places[index], words.entries[index]
    if EPONYM_FOLLOWS.match(text, end):
        return 1, None
    if entry.plain in announced:
        return 1, words.person(index, index, 0.75)
    if _is_name_alone(entry, starts_sentence=starts_sentence(text, start)):
        return 1, words.person(index, index, 0.5)
    return 1, None


def _is_name_alone(entry: _Entry, *, starts_sentence: bool) -> bool:
    """Tell whether a single word is a given name or common surname and nothing else."""
    if entry.ordinary or entry.eponym or entry.is_upper or len(entry.plain) <= 2:
        return False
    is_given = entry.given and "-" not in entry.plain
    if starts_sentence:
        return is_given and not entry.family
    return is_given or (entry.family and entry.rank <= _COMMON_SURNAME_RANK)


def _last_of_name(text: str, words: _Words, index: int, many_capitals: bool) -> int | None:
    """Where a given name, perhaps an initial, a family name and perhaps a second one end.

    The result is the index of the last word; None if they do not stand here.
    """
    last, gap = _after_initial(text, words, index)
    if gap not in (" ", "\n"):
        return None
    given, family = words.entries[index], words.entries[last]
    if family.never or not _fit(given, family, many_capitals=many_capitals):
        return None
    if gap == "\n" and (family.ordinary or not family.family):
        return None
    if EPONYM_FOLLOWS.match(text, words.places[last][1]):
        return None
    return last + 1 if _is_second_family(text, words, last) else last


def _after_initial(text: str, words: _Words, index: int) -> tuple[int, str]:
    """The word after that at `index`, or after an initial that follows it, and the gap before."""
    places, following = words.places, index + 1
    if following >= len(places):
        return index, ""
    gap = text[places[index][1] : places[following][0]]
    start, end = places[following]
    is_initial = end - start == 1 and following + 1 < len(places) and gap in (" ", ". ")
    if is_initial and text[end : places[following + 1][0]] in (" ", ". "):
        return following + 1, " "
    return following, gap


def _fit(given: _Entry, family: _Entry, *, many_capitals: bool) -> bool:
    """Tell whether two words are a given and a family name."""
    sure_family = family.family and not family.ordinary
    if given.is_upper and (many_capitals or family.is_upper):
        return given.given and not given.ordinary and sure_family
    return given.given and (
        sure_family or (not given.ordinary and (family.family or not family.ordinary))
    )


def _is_second_family(text: str, words: _Words, last: int) -> bool:
    """Tell whether a second family name follows the first."""
    if last + 1 >= len(words):
        return False
    second = words.entries[last + 1]
    if not second.family or second.ordinary or second.never or second.is_upper:
        return False
    end = words.places[last][1] - words.entries[last].ending
    return text[end : words.places[last + 1][0]] == " "


def starts_sentence(text: str, start: int) -> bool:
    if start == 0 or text[start - 1] == "\n":
        return True
    return _SENTENCE_START.search(text[max(0, start - 4) : start]) is not None
