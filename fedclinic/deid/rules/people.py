"""Names that the dictionaries know, and further mentions of a name that the note has already shown."""

import re
from dataclasses import dataclass

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import UPPER
from fedclinic.notes import Span

_WORD = re.compile(rf"{UPPER}[^\W\d_]*(?:['’-][^\W\d_]+)*")
_NAME_PART = re.compile(r"[^\W\d_]{3,}(?:['’-][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"['’]s?$")
_EPONYM_FOLLOWS = re.compile(
    r"^(?:['’]s?)? (?:disease|syndrome|sign|test|maneuver|procedure|catheter|line|lymphoma|palsy|dementia|"
    r"classification|score|scale|criteria|retractor|clamp|suture|drain|position|esophagus|cells|body|"
    r"phenomenon|thyroiditis|contracture|fracture|reflex|stain|operation|repair|hernia|tube|needle|forceps|"
    r"scissors|elevator|speculum|balloon|stent|filter|valve|prosthesis|screw|plate|pin|nail|rod|wire|"
    r"hypothesis|law|rule|index|grade|stage|type|tumor|sarcoma|cyst|ulcer|node|nodes|fiber|ligament|fossa)"
)
_SENTENCE_START = re.compile(r"[.?!:;]\s{1,2}$|[-•*]\s$")
_COMMON_SURNAME_RANK = 5000
_ANNOUNCED = 0.75
_ALL_CAPITALS_SHARE = 0.35


@dataclass(frozen=True)
class _Word:
    start: int
    end: int
    text: str
    given: bool
    family: bool
    rank: int
    ambiguous: bool
    never: bool

    @property
    def is_upper(self) -> bool:
        return len(self.text) > 1 and self.text.isupper()


def announced_words(text: str, spans: list[Span], lexicon: Lexicon) -> frozenset[str]:
    """Words of names found with certainty; each further mention in the note is a name too."""
    found: set[str] = set()
    for span in spans:
        if span.label == Kind.PERSON and span.score >= _ANNOUNCED:
            parts = (part.lower() for part in _NAME_PART.findall(text[span.start : span.end]))
            found.update(part for part in parts if not lexicon.is_ambiguous(part))
    return frozenset(found)


def find_listed_names(text: str, announced: frozenset[str], lexicon: Lexicon) -> list[Span]:
    """Find given and family names of the dictionaries and every further mention of announced ones."""
    words = [_look_up(match, lexicon) for match in _WORD.finditer(text)]
    long_words = [word for word in words if len(word.text) > 3]
    capitals = sum(word.is_upper for word in long_words) / max(1, len(words))
    found: list[Span] = []
    index = 0
    while index < len(words):
        taken, span = _name_at(text, words, index, announced, capitals > _ALL_CAPITALS_SHARE)
        if span is not None:
            found.append(span)
        index += taken
    return found


def _look_up(match: re.Match[str], lexicon: Lexicon) -> _Word:
    text = match.group()
    lowered = _POSSESSIVE.sub("", text).lower().replace("’", "'")
    parts = lowered.split("-")
    return _Word(
        start=match.start(),
        end=match.end(),
        text=text,
        given=any(part in lexicon.given for part in parts),
        family=lowered in lexicon.family_rank or any(part in lexicon.family_rank for part in parts),
        rank=lexicon.family_rank.get(lowered, 10**6),
        ambiguous=lexicon.is_ambiguous(lowered),
        never=len(text) < 2 or lowered in lexicon.never,
    )


def _name_at(
    text: str, words: list[_Word], index: int, announced: frozenset[str], many_capitals: bool
) -> tuple[int, Span | None]:
    """Read a name that begins at `index`; returns how many words were read and the name, if any."""
    word = words[index]
    if word.never:
        return 1, None
    pair = _given_and_family(text, words, index, many_capitals)
    if pair is not None:
        return pair
    lowered = _POSSESSIVE.sub("", word.text).lower()
    if _EPONYM_FOLLOWS.match(text[word.end : word.end + 20]):
        return 1, None
    if lowered in announced:
        return 1, Span(word.start, word.end, Kind.PERSON, 0.75)
    if word.ambiguous or word.is_upper or len(lowered) <= 2:
        return 1, None
    starts_sentence = _starts_sentence(text, word.start)
    common_surname = word.family and word.rank <= _COMMON_SURNAME_RANK
    if (word.given and not (starts_sentence and word.family)) or (
        common_surname and not starts_sentence
    ):
        return 1, Span(word.start, word.end, Kind.PERSON, 0.5)
    return 1, None


def _given_and_family(
    text: str, words: list[_Word], index: int, many_capitals: bool
) -> tuple[int, Span] | None:
    """Read given name, perhaps an initial, and family name, perhaps a second one."""
    word, following = words[index], index + 1
    if following >= len(words):
        return None
    gap = text[word.end : words[following].start]
    if gap in (" ", ". ") and len(words[following].text) == 1 and following + 1 < len(words):
        if text[words[following].end : words[following + 1].start] in (" ", ". "):
            following, gap = following + 1, " "
    family = words[following]
    if gap not in (" ", "\n") or family.never:
        return None
    if _EPONYM_FOLLOWS.match(text[family.end : family.end + 20]):
        return None
    if word.is_upper and (many_capitals or family.is_upper):
        fits = word.given and family.family and not word.ambiguous and not family.ambiguous
    else:
        fits = word.given and (
            (not word.ambiguous and (family.family or not family.ambiguous))
            or (family.family and not family.ambiguous)
        )
    if not fits:
        return None
    end = family.end
    if following + 1 < len(words):
        second = words[following + 1]
        plain = second.family and not second.ambiguous and not second.never and not second.is_upper
        if plain and text[end : second.start] == " ":
            following, end = following + 1, second.end
    return following + 1 - index, Span(word.start, end, Kind.PERSON, 0.7)


def _starts_sentence(text: str, start: int) -> bool:
    if start == 0 or text[start - 1] == "\n":
        return True
    return _SENTENCE_START.search(text[max(0, start - 4) : start]) is not None
