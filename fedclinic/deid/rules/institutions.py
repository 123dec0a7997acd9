"""Rules for hospitals, clinics, schools, churches and employers."""

import re
from collections.abc import Iterator, Sequence

from fedclinic.deid.institution_words import (
    FACILITY_HEADS,
    FIRM_HEADS,
    GENERIC_NAMES,
    INSTITUTION_WORDS,
    LATE_HEADS,
    PLAIN_HEADS,
    is_naming,
)
from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import CAPITALIZED, UPPER
from fedclinic.deid.rules.openings import Openings
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.deid.rules.people import EPONYM_FOLLOWS, starts_sentence
from fedclinic.deid.rules.runs import run_before
from fedclinic.deid.word_lists import NAMES_THAT_ARE_WORDS, words
from fedclinic.notes import Span

_HEADS = FACILITY_HEADS | PLAIN_HEADS | LATE_HEADS | FIRM_HEADS
_HEAD_OPENINGS = frozenset(re.split("['-]", head)[0] for head in _HEADS)
_HEAD = re.compile(r"[^\W\d_]+(?:['’]s)?\.?(?![\w'’-])")
_JOINTS = frozenset({"of", "and", "the", "&", "de", "la", "del", "van", "von"})
_FAMOUS = (
    r"\b(?:Mayo Clinic|Cleveland Clinic|Johns Hopkins|Mass(?:achusetts)? General|"
    r"Brigham(?: (?:and|&) Women['’]s)?|(?:Mt\.?|Mount) Sinai|Cedars?[- ]Sinai|UCLA|UCSF|UPMC|MD "
    r"Anderson|"
    r"Memorial Sloan Kettering|Sloan Kettering|Kaiser(?: Permanente)?|NYU(?: Langone)?|Stanford|"
    r"Duke|"
    r"Emory|Vanderbilt|Geisinger|Beth Israel(?: Deaconess)?|Dana[- ]Farber|MGH|BWH|"
    r"(?:NY|New ?York)[- ]Presbyterian|Northwestern|Scripps|Intermountain|Ochsner|"
    r"St\.? [A-Z][a-z]+(?:['’]s?)?)\b"
)
_FAMOUS_ALONE = re.compile(_FAMOUS)
_VISIT = (
    r"(?:seen|treated|evaluated|admitted|hospitali[sz]ed|followed|diagnosed|presented|transferred|"
    r"referred|visit(?:ed)?|discharged|operated|consulted|hospital stay|stay|check-?up|appointment|"
    r"surgery|procedure|f/u|care|came)"
)
_FACILITY_WORD = r"(?:clinic|hospital|office|facility|campus|ward|med center|hosp|ER|ED)"
_EMPLOYED = (
    r"(?:[Ww]ork(?:s|ed|ing)? (?:at|for)|[Ee]mploy(?:ed|ee|er)(?: (?:at|by|of|is))?:?|[Jj]ob at|"
    r"[Rr]etired from|[Vv]olunteers (?:at|with))"
)

_INSTITUTION_RULES = (
    rule(
        Kind.ORGANIZATION,
        0.7,
        _FAMOUS,
        opens="mayo cleveland johns mass massachusetts brigham mt mount cedar cedars ucla ucsf "
        "upmc md memorial sloan kaiser nyu stanford duke emory vanderbilt geisinger beth dana mgh "
        "bwh ny new newyork northwestern scripps intermountain ochsner st",
    ),
    rule(
        Kind.ORGANIZATION,
        0.75,
        r"\b(?:Children['’]s|Methodist|Baptist|Presbyterian|Memorial|General|County|Community|"
        r"University|"
        r"Veterans(?: Affairs)?|VA|Central|Downtown|Regional|Lutheran|Jewish|Mercy) "
        r"(?:Hosp(?:ital)?|Medical Center|Med Center|Clinic|Nursing Home|Health System)\b"
        r"(?: of [A-Z][\w'’-]+(?: [A-Z][\w'’-]+)?| [A-Z][a-z]+)?",
        opens="children methodist baptist presbyterian memorial general county community "
        "university veterans va central downtown regional lutheran jewish mercy",
    ),
    rule(
        Kind.ORGANIZATION,
        0.65,
        rf"\b{_VISIT}\b(?:[ ]\w+){{0,2}}[ ](?:at|to|from|in)[ ](?:the |our |my )?"
        rf"(?P<value>(?:{CAPITALIZED}|St\.|Mt\.|Mt)"
        rf"(?:[ ](?:of |& |and )?{CAPITALIZED}|-{CAPITALIZED}){{0,4}}(?:[ ]{_FACILITY_WORD})?)",
        opens="seen treated evaluated admitted hospitalised hospitalized followed diagnosed "
        "presented transferred referred visit visited discharged operated consulted hospital stay "
        "checkup check appointment surgery procedure f care came",
    ),
    rule(
        Kind.ORGANIZATION,
        0.65,
        rf"\b(?:our|the|at|in)[ ](?P<value>{CAPITALIZED}(?:[ ]{CAPITALIZED}){{0,2}}"
        r"(?:[ ](?:clinic|hospital|facility|hosp\b|med center)|(?=[ ]office\b)))",
        opens="our the at in",
    ),
    rule(
        Kind.ORGANIZATION,
        0.7,
        rf"\b{_EMPLOYED}[ ](?:the )?(?P<value>{CAPITALIZED}(?:[ ](?:&|and|of)?[ "
        rf"]?{CAPITALIZED}){{0,3}})",
        opens="work works worked working employ employed employee employer job retired volunteers",
    ),
    rule(
        Kind.ORGANIZATION,
        0.7,
        rf"\b{CAPITALIZED}(?:-{CAPITALIZED}|, {CAPITALIZED} and {CAPITALIZED})(?= (?:Inc|LLC|"
        rf"Group|Ltd|PLC)\b)",
        needs="Inc LLC Group Ltd PLC",
    ),
)
_TWO_PARTNERS = re.compile(rf"(?<!,) (?P<value>{CAPITALIZED}, {CAPITALIZED}) $")
_LAST_PARTNER = re.compile(rf"and {CAPITALIZED}(?!\w)")
_FIRM_CUES = words("for at of through from by with to")
_DOUBLE_NAME = re.compile(rf"[a-z]+ (?P<one>{UPPER}[^\W\d_]+)-(?P<two>{UPPER}[^\W\d_]+)(?![\w'’-])")
_BEFORE_GENERAL = re.compile(rf"\b(?P<name>{CAPITALIZED}(?: {CAPITALIZED})?) $")
_GENERAL = re.compile(r"(?:General|GENERAL)(?![\w'’-])")
_REACH = 80
_COMMON_SURNAMES = 2000
"""Down to this rank of the census two or three of them are a firm, though each is a word too."""
_NO_HOSPITALS = words("attorney surgeon adjutant postmaster director secretary in of the motors")
_KEPT_FIRST_WORDS = words(
    "general university children's home health white black native american emergency"
)
_DEPARTMENTS = words(
    """
    long term stay short adult intensive unit catheterization lab operative operating suite room
    postanesthesia anesthesia cardiac pathology brief imaging speech neonatal coronary follow-up
    followup preoperative postoperative course interdisciplinary device devices note report visit
    evaluation assessment plan management program team staff consult consultation record records
    form summary referral
    """
)
"""What parts of a hospital and of a note are called, besides `INSTITUTION_WORDS`."""
_NO_NAMES = _DEPARTMENTS | INSTITUTION_WORDS | _JOINTS
_CONTINUED = re.compile(rf" (?:(?:and|&) )?(?P<word>{CAPITALIZED})(?![\w'’-])")
_OF_PLACE = re.compile(
    r" (?:of|at|de|del) (?:the )?"
    r"(?P<place>(?:(?:North|South|East|West|New|Port|Lake|Mount|Fort|St\.) )?"
    rf"{CAPITALIZED})(?P<more> {CAPITALIZED})?(?![\w'’-])"
)
_JOINT_BEFORE = re.compile(r" (?:and|&) $")
_IS_NAME_AFTER = re.compile(r"Our Lady|(?:Hospital|Clinic) (?:de|del|of) ")
_AT_HEADS = words("university hospital center centre college clinic")
_BEFORE_OF = words("lady sisters daughters sons knights society order diocese")
_OF = re.compile(r"(?P<before>\S+) of ")


def find_institutions(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find institutions by their key words, well-known names, and the words that lead to them."""
    spans = [
        *_by_heads(text, openings, lexicon),
        *find_all(_INSTITUTION_RULES, text, openings),
    ]
    trimmed = (_trim(text, span, lexicon) for span in spans)
    return [
        *(span for span in trimmed if span is not None),
        *_partnerships(text, openings, lexicon),
        *_double_names(text, openings, lexicon),
        *_general_hospitals(text, openings, lexicon),
    ]


def _partnerships(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find firms named after three people, as in Owens, Garcia and Thompson."""
    found = []
    for place in openings.of_words(("and",)):
        last = _LAST_PARTNER.match(text, place)
        first = _TWO_PARTNERS.search(text, max(0, place - _REACH), place) if last else None
        if last is None or first is None:
            continue
        start = first.start("value")
        parts = re.split(r", | and ", text[start : last.end()])
        names = [part.lower() for part in parts]
        surnames = sum(name in lexicon.family_rank for name in names)
        sure = sum(name in lexicon.family_rank and name not in lexicon.ordinary for name in names)
        common = all(lexicon.family_rank.get(name, 10**6) <= _COMMON_SURNAMES for name in names)
        if sure >= 2 or (sure == 1 and surnames == 3) or common:
            found.append(Span(start, last.end(), Kind.ORGANIZATION, 0.58))
    return found


def _double_names(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find firms named after two people, as in works for Ortiz-Miller."""
    found = []
    for place in openings.of_words(_FIRM_CUES):
        match = _DOUBLE_NAME.match(text, place)
        if match is None or EPONYM_FOLLOWS.match(text, match.end()):
            continue
        names = match.group("one").lower(), match.group("two").lower()
        known = all(name in lexicon.family_rank and name not in lexicon.never for name in names)
        common = all(lexicon.family_rank.get(name, 10**6) <= _COMMON_SURNAMES for name in names)
        if known and (common or not all(lexicon.is_ambiguous(name) for name in names)):
            found.append(Span(match.start("one"), match.end(), Kind.ORGANIZATION, 0.58))
    return found


def _general_hospitals(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find hospitals that are called General after a place."""
    found = []
    for place in openings.of_words(("general",)):
        match = _GENERAL.match(text, place)
        before = _BEFORE_GENERAL.search(text, max(0, place - _REACH), place) if match else None
        if match is None or before is None:
            continue
        if _is_place_name(before.group("name").split()[-1].lower(), lexicon):
            found.append(Span(before.start(), match.end(), Kind.ORGANIZATION, 0.6))
    return found


def _is_place_name(word: str, lexicon: Lexicon) -> bool:
    return word not in lexicon.ordinary and word not in lexicon.never and word not in _NO_HOSPITALS


def _by_heads(text: str, openings: Openings, lexicon: Lexicon) -> Iterator[Span]:
    """Words such as Hospital and what belongs to them on both sides."""
    last = 0
    for place in openings.of_words(_HEAD_OPENINGS):
        if place < last or not text[place].isupper():
            continue
        head = _HEAD.match(text, place)
        word = head.group().lower().rstrip(".") if head is not None else ""
        if head is None or word not in _HEADS:
            continue
        end = _end(text, head.end(), lexicon, takes_at=word in _AT_HEADS)
        start = place
        joint = _JOINT_BEFORE.search(text, max(0, place - 5), place)
        if joint is not None:
            start = run_before(text, joint.start(), most=4, joints=_JOINTS)
        elif text[place - 1 : place] == " ":
            start = _without_person(text, run_before(text, place, most=5, joints=_JOINTS), place)
        plain = [each.strip(",.").lower() for each in text[start:end].split()]
        if _names_one(plain, word, lexicon):
            last = end
            yield Span(start, end, Kind.ORGANIZATION, 0.8 if word in FACILITY_HEADS else 0.7)


def _end(text: str, end: int, lexicon: Lexicon, *, takes_at: bool) -> int:
    """Where the name of an institution ends whose key word ends at `end`.

    `takes_at` says that it may go on with at and a place.
    """
    while True:
        of = _OF_PLACE.match(text, end)
        if of is not None and not takes_at and of.group().startswith(" at "):
            of = None
        if of is not None and _is_place(of.group("place").lower().split(), lexicon):
            more = (of.group("more") or "").strip().lower()
            end = of.end() if more and _is_place_name(more, lexicon) else of.end("place")
            continue
        following = _CONTINUED.match(text, end)
        if following is None or following.group("word").lower() not in INSTITUTION_WORDS:
            return end
        end = following.end()


def _is_place(place: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether words are a place; after one such as Port, a name that is a word is one too."""
    return _is_place_name(place[-1], lexicon) or (
        len(place) > 1 and place[-1] in NAMES_THAT_ARE_WORDS
    )


def _without_person(text: str, start: int, end: int) -> int:
    """Where the name begins that ends at `end`: in Okafor of Eastfield Hospital, after the of."""
    for match in _OF.finditer(text, start, end):
        before = match.group("before").lower()
        if before not in _BEFORE_OF and before not in INSTITUTION_WORDS:
            start = match.end()
    return start


def _names_one(plain: Sequence[str], head: str, lexicon: Lexicon) -> bool:
    """Tell whether words hold, besides what institutions are called, one that names this one."""
    others = [
        word
        for word in plain
        if is_naming(word, lexicon) or (word not in _NO_NAMES and word not in lexicon.never)
    ]
    if head in FACILITY_HEADS or head in PLAIN_HEADS:
        return bool(others)
    return any(is_naming(word, lexicon) for word in others)


def _trim(text: str, span: Span, lexicon: Lexicon) -> Span | None:
    """Drop leading words that are no name; None where only departments and the like are left."""
    value = text[span.start : span.end]
    if _is_opening_word(text, span, lexicon):
        start = span.start + value.index(" ") + 1
        return _trim(text, Span(start, span.end, span.label, span.score), lexicon)
    words = list(re.finditer(r"\S+", value))
    while words and _is_no_name(words[0].group(), lexicon):
        if _IS_NAME_AFTER.match(value, words[0].start()):
            break
        words.pop(0)
    if not words or (len(words) == 1 and not _FAMOUS_ALONE.match(value)):
        return None
    plain = [word.group().strip(",.").lower() for word in words]
    departments = all(word in _NO_NAMES or word in lexicon.never for word in plain)
    if departments and plain[0] not in GENERIC_NAMES:
        return None
    return Span(span.start + words[0].start(), span.end, span.label, span.score)


def _is_opening_word(text: str, span: Span, lexicon: Lexicon) -> bool:
    """Tell whether the first of several words has its capital from the sentence that it begins."""
    first, _, rest = text[span.start : span.end].partition(" ")
    lowered = first.lower()
    return (
        bool(rest)
        and lowered in lexicon.ordinary
        and lowered not in INSTITUTION_WORDS
        and not is_naming(lowered, lexicon)
        and starts_sentence(text, span.start)
    )


def _is_no_name(word: str, lexicon: Lexicon) -> bool:
    lowered = word.strip(",.").lower()
    return lowered in lexicon.never and lowered not in _KEPT_FIRST_WORDS
