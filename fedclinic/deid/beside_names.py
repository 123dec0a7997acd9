"""Find names by the names beside them: partners in a list, initials, the same name turned round."""

import re
from collections.abc import Iterable, Iterator, Sequence

from fedclinic.deid.kinds import EntityKind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import CAPITALIZED
from fedclinic.deid.rules.names import CREDENTIAL_OPENINGS, CREDENTIALED
from fedclinic.deid.rules.openings import Openings, whole_words
from fedclinic.deid.rules.people import EPONYM_FOLLOWS
from fedclinic.deid.word_lists import NAMES_THAT_ARE_WORDS, words
from fedclinic.notes import Span

_Names = Sequence[Sequence[str]]
"""The words of each distinct name."""
_SCORE = 0.56
_WORDED = frozenset({EntityKind.PERSON, EntityKind.LOCATION, EntityKind.ORGANIZATION})
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_GAP = re.compile(r",? ")
_JOINT = r"(?:,? (?:and|&) |, | )"
_PLACE_HEAD = re.compile(
    r"(?<!\w)(?i:north|south|east|west|new|port|lake|mount|fort|upper|lower|old|saint|santa|san|los|"
    r"las|el|la|glen|cape|point) $"
)
_HYPHENED = re.compile(r"-[^\W\d_]{3,}| ['’][st][ -][^\W\d_]{3,}")
_HYPHENED_BEFORE = re.compile(r"[^\W\d_]{3,}-$")
_DOES = re.compile(
    r" (?:is|was|has|had|says|said|denies|denied|slept|ate|states|feels|felt|lives|works|reports|"
    r"went|came|took|wants|needs|gave|saw|told|[a-z]+ed)\b"
)
_POSSESSIVE = re.compile(r"['’][sS]$")
_NEXT = re.compile(rf"{_JOINT}(?P<name>{CAPITALIZED})(?![\w'’-])")
_BEFORE = re.compile(rf"(?<![\w'’-])(?P<name>{CAPITALIZED}){_JOINT}$")
_REACH = 40
_INITIALS_IN_SMALL = frozenset("abcdefghijklmnopqrstuvwxyz")
_INITIALS = re.compile(
    r" (?P<name>[A-Z]{1,2}\.?)(?=[,;:)\n]|\s*$|\. |(?<=[A-Z]{2}) [a-z]|(?<= [B-HJ-Z]) [a-z])"
)
_LOWER = r"[a-z][a-zß-öø-ÿ'’-]+"
_AFTER_INITIAL = re.compile(rf"(?<![\w.'’-])[a-z]\. ?(?:[a-z]\. )?(?P<last>{_LOWER})(?!\w)")
_LOWER_BEFORE = re.compile(rf"(?<![\w.'’-]){_LOWER} $")
_BEFORE_CREDENTIAL = re.compile(rf"(?<![\w'’-])(?:{_LOWER} )?(?P<last>{_LOWER}),? $")
_AFTER_CUE = re.compile(
    r"(?i:\b(?:name is|named|signed (?:off )?by|taken over by|attested by|dictated by) )"
    rf"(?P<value>(?:{_LOWER} )?(?P<last>{_LOWER}))(?!\w)"
)
_CUE_OPENINGS = words("name named signed taken attested dictated")
_NO_INITIALS = words(
    """
    md do rn np pa pt ot rd ma ms bs ba iv ii vi jr sr ed er or ct mr mi pe bp hr gi gu cv ua us tv
    am pm no id ok po pr qd hs cc dd sp fx hx tx rx dx sx
    """
)
_GERMS_AND_MEASURES = words(
    """
    coli pylori aureus difficile pneumoniae faecalis faecium influenzae albicans jejuni cloacae
    mirabilis baumannii fragilis perfringens gondii brevis longus maximus medius minimus major minor
    """
)


def names_beside(
    text: str, openings: Openings, spans: Iterable[Span], lexicon: Lexicon
) -> list[Span]:
    """Names that follow from those in `spans`; `text` has its case restored."""
    people = [span for span in spans if span.label == EntityKind.PERSON]
    found = [*_partners(text, people, lexicon), *_lower_names(text, openings, lexicon)]
    people += found
    names = [_WORD.findall(name) for name in {text[each.start : each.end] for each in people}]
    return [
        *found,
        *_place_heads(text, spans),
        *_rest_of_compounds(text, [*spans, *found]),
        *_initials_after(text, people),
        *_turned_round(text, openings, names, lexicon),
        *_parts_alone(text, openings, names, lexicon),
        *_lower_mentions(text, openings, names, lexicon),
    ]


def _place_heads(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """First words of places, such as Port before Karenburgh, in any case."""
    for span in spans:
        if span.label in _WORDED and text[span.start].isalpha():
            first = max(0, span.start - 12)
            match = _PLACE_HEAD.search(text[first : span.start])
            if match is not None:
                yield Span(first + match.start(), span.start, EntityKind.LOCATION, _SCORE)


def _rest_of_compounds(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """What a hyphen joins to a name or place, such as Jones in "Gill-Jones"."""
    for span in spans:
        if span.label not in _WORDED:
            continue
        after = _HYPHENED.match(text, span.end)
        if after is not None:
            yield Span(span.end, after.end(), span.label, _SCORE)
        if text[span.start - 1 : span.start] == "-":
            first = max(0, span.start - _REACH)
            before = _HYPHENED_BEFORE.search(text[first : span.start])
            if before is not None:
                yield Span(first + before.start(), span.start, span.label, _SCORE)


def _partners(text: str, people: list[Span], lexicon: Lexicon) -> list[Span]:
    """Capitalised words in one list with a name, such as Anouk in "Austin, Alyssa and Anouk"."""
    found: dict[int, Span] = {}
    waiting = list(people)
    while waiting:
        span = waiting.pop()
        first = max(0, span.start - _REACH)
        following = _NEXT.match(text, span.end)
        preceding = _BEFORE.search(text[first : span.start])
        places = []
        if following is not None:
            places.append(following.span("name"))
        if preceding is not None:
            start, end = preceding.span("name")
            places.append((first + start, first + end))
        for start, end in places:
            if start not in found and _is_telling(text[start:end], lexicon):
                found[start] = Span(start, end, EntityKind.PERSON, _SCORE)
                waiting.append(found[start])
    return list(found.values())


def _is_telling(word: str, lexicon: Lexicon) -> bool:
    """Tell whether a word in one list with a name is a name; eponyms are, beside people."""
    lowered = word.lower()
    if len(word) <= 2 or (word.isupper() and len(word) <= 5):
        return False
    if lowered in NAMES_THAT_ARE_WORDS:
        return True
    return lowered not in lexicon.never and lowered not in lexicon.ordinary


def _initials_after(text: str, people: Iterable[Span]) -> Iterator[Span]:
    """Initials behind a family name that stands alone, as in "Alfieri AN"."""
    for span in people:
        if " " in text[span.start : span.end].strip():
            continue
        match = _INITIALS.match(text, span.end)
        if match is not None and match.group("name").strip(".").lower() not in _NO_INITIALS:
            yield Span(*match.span("name"), EntityKind.PERSON, _SCORE)


def _turned_round(text: str, openings: Openings, names: _Names, lexicon: Lexicon) -> Iterator[Span]:
    """A known full name in either order, though a part of it is an ordinary word."""
    pairs: set[tuple[str, str]] = set()
    for name in names:
        parts = [part for part in name if len(part) > 1]
        if len(parts) == 2 and any(lexicon.is_ambiguous(part.lower()) for part in parts):
            pairs.add((parts[0].lower(), parts[1].lower()))
    for one in whole_words(text, openings, {part for pair in pairs for part in pair}):
        gap = _GAP.match(text, one.end())
        other = _WORD.match(text, gap.end()) if gap is not None else None
        if other is None:
            continue
        pair = one.group().lower(), other.group().lower()
        if pair in pairs or pair[::-1] in pairs:
            yield Span(one.start(), other.end(), EntityKind.PERSON, _SCORE)


def _parts_alone(text: str, openings: Openings, names: _Names, lexicon: Lexicon) -> Iterator[Span]:
    """A part of a known name that is an ordinary word too, where its capital cannot come from the
    beginning of a sentence."""
    parts_alone = {
        part.lower()
        for name in names
        for part in name
        if part.lower() in NAMES_THAT_ARE_WORDS or part.lower() in lexicon.eponyms
    }
    for match in whole_words(text, openings, parts_alone):
        plain = _POSSESSIVE.sub("", match.group())
        if plain.lower() in parts_alone and _is_name_here(text, match, plain):
            yield Span(match.start(), match.start() + len(plain), EntityKind.PERSON, _SCORE)


def _is_name_here(text: str, match: re.Match[str], plain: str) -> bool:
    """Whether a possessive, or a capital inside a sentence, shows that a word is a name."""
    if plain != match.group():
        return plain.lower() in NAMES_THAT_ARE_WORDS
    if plain[0].isupper() and _DOES.match(text, match.end()):
        return True
    if EPONYM_FOLLOWS.match(text, match.end()):
        return False
    before = text[max(0, match.start() - 3) : match.start()]
    inside = before[-1:] == " " and (before[-2:-1].islower() or before[-2:-1] == ",")
    return inside and plain[0].isupper()


def _lower_names(text: str, openings: Openings, lexicon: Lexicon) -> Iterator[Span]:
    """Names in small letters after an initial or a cue, or before a degree."""
    for start, last, end in _lower_candidates(text, openings):
        if not _may_be_lower_name(text[last:end], lexicon):
            continue
        head = text[start:last].split(" ", maxsplit=1)[0]
        skip = len(head) > 2 and not _may_be_lower_name(head, lexicon)
        yield Span(start + skip * (len(head) + 1), end, EntityKind.PERSON, _SCORE)


def _lower_candidates(text: str, openings: Openings) -> Iterator[tuple[int, int, int]]:
    """Where such a name begins, its last word begins, and it ends."""
    for place in openings.of_words(_INITIALS_IN_SMALL):
        if text[place + 1 : place + 2] != ".":
            continue
        match = _AFTER_INITIAL.match(text, place)
        if match is not None:
            before = _LOWER_BEFORE.search(text, max(0, place - _REACH), place)
            yield before.start() if before else place, *match.span("last")
    for place in openings.of_words(CREDENTIAL_OPENINGS):
        if text[place - 1 : place] == " " and CREDENTIALED.match(text, place):
            match = _BEFORE_CREDENTIAL.search(text, max(0, place - _REACH), place)
            if match is not None:
                yield match.start(), *match.span("last")
    for place in openings.of_words(_CUE_OPENINGS):
        match = _AFTER_CUE.match(text, place)
        if match is not None:
            yield match.start("value"), *match.span("last")


def _may_be_lower_name(word: str, lexicon: Lexicon) -> bool:
    return (
        len(word) > 2
        and word not in lexicon.never
        and word not in _GERMS_AND_MEASURES
        and not lexicon.is_ambiguous(word)
    )


def _lower_mentions(
    text: str, openings: Openings, names: _Names, lexicon: Lexicon
) -> Iterator[Span]:
    """Mentions in small letters of names that the dictionaries hold and that mean nothing else."""
    known = {part.lower() for name in names for part in name if len(part) > 3}
    mentioned = {
        word
        for word in known
        if (word in lexicon.given or word in lexicon.family_rank) and not lexicon.is_ambiguous(word)
    }
    for match in whole_words(text, openings, mentioned):
        if match.group() in mentioned:
            yield Span(match.start(), match.end(), EntityKind.PERSON, _SCORE)
