"""Rules for hospitals, clinics, schools, churches and employers."""

import re
from collections.abc import Sequence

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import CAPITALIZED, UPPER
from fedclinic.deid.rules.openings import Openings
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.deid.rules.people import EPONYM_FOLLOWS
from fedclinic.deid.rules.runs import run_before
from fedclinic.deid.word_lists import TRADES, words
from fedclinic.notes import Span

_FACILITY = re.compile(
    r"(?:Hosp(?:itals?)?\b|Medical (?:Cent(?:er|re)|Group|Campus|Associates|College)|"
    r"Med(?:ical)? Ctr|Clinics?|Health(?:care)? (?:System|Center|Partners|Network|Alliance|"
    r"Services)|"
    r"Healthcare|Infirmary|Hospice|Nursing (?:Home|Facility|Center)|"
    r"Rehab(?:ilitation)?(?: (?:Center|Hospital|Institute|Facility))?|"
    r"(?:Cancer|Heart|Eye|Spine|Surgery|Dialysis|Imaging|Care|Oncology|Trauma|Burn) "
    r"(?:Center|Institute|Clinic)|Family (?:Practice|Medicine|Health)|Urgent Care|Assisted Living|"
    r"Sanatorium|Children['’]s|Pediatrics|Orthop(?:a)?edics|Dialysis|Memorial|Behavioral Health|"
    r"Pharmacy|Manor|(?:Medicine|Dermatology|Cardiology|Surgical|Radiology|Pathology) Associates|"
    r"Skilled Nursing(?: Facility)?|Laborator(?:y|ies)|Health|Presbyterian|Methodist|Baptist)"
    r"(?:(?: of| at) [A-Z][\w'’-]+(?: [A-Z][\w'’-]+)?)?"
    r"(?: (?:Hospital|Medical Center|Center|Clinic|Campus|Health System))*(?!\w)"
)
_COMPANY = re.compile(
    r"(?:University|College|High School|Elementary(?: School)?|Middle School|Schools?|Academy|"
    r"Inc\b\.?|"
    r"LLC|Ltd\.?|PLC|Corp\b\.?|Corporation|Company|Co\.|and Sons|Church|Industries|"
    r"Logistics|Group|"
    r"Construction|Trucking|Motors|Farms|Bakery|Steel|Diner|Library|Fire Department|"
    r"(?:Police|Sheriff's) Department|Auto Repair|Enterprises|Foundation|Bank|Foods|Manufacturing|"
    r"Airlines|Insurance(?: Agency)?|School District|Public Library|Plumbing|Electric|Landscaping|"
    r"Grocery|Hardware|Brewing|Realty|Consulting|Law Firm|Associates|Partners)(?!\w)"
)
_FACILITY_OPENINGS = words(
    """
    hosp hospital hospitals medical med clinic clinics health healthcare infirmary hospice nursing
    rehab rehabilitation cancer heart eye spine surgery dialysis imaging care oncology trauma burn
    family urgent assisted sanatorium children pediatrics orthopedics orthopaedics memorial
    behavioral pharmacy manor medicine dermatology cardiology surgical radiology pathology skilled
    laboratory laboratories presbyterian methodist baptist
    """
)
_COMPANY_OPENINGS = words(
    """
    university college high elementary middle school schools academy inc llc ltd plc corp
    corporation company co and church industries logistics group construction trucking motors farms
    bakery steel diner library fire police sheriff auto enterprises foundation bank foods
    manufacturing airlines insurance public plumbing electric landscaping grocery hardware brewing
    realty consulting law associates partners
    """
)
_TRADE = re.compile(r"[A-Z][A-Za-z]+(?: (?:Company|Co\b\.?|Corporation|Inc\b\.?|LLC))?(?![\w'’-])")
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
        r"[ ](?:clinic|hospital|office|facility|hosp\b|med center))",
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
_NO_HOSPITALS = words("attorney surgeon adjutant postmaster director secretary in of the motors")
_KEPT_FIRST_WORDS = words(
    "general university children's home health white black native american emergency"
)
_NAMING_FIRST_WORDS = frozenset({"general", "community", "central", "regional"})
_DEPARTMENTS = words(
    """
    intensive care unit catheterization laboratory lab pediatric surgery operative operating
    suite room recovery outpatient inpatient postanesthesia anesthesia emergency department
    cardiac cardiology radiology pathology clinic medical center hospital brief diagnostic
    imaging primary physical therapy occupational speech wound pain sleep neonatal coronary
    surgical medicine internal family urgent follow-up followup preoperative postoperative
    rehabilitation home health mental behavioral public community skilled nursing facility
    hospice general day course
    """
)


def find_institutions(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find institutions by their key words, well-known names, and the words that lead to them."""
    spans = [
        *_named_before(text, _FACILITY, openings.of_words(_FACILITY_OPENINGS), 0.8, most=5),
        *_named_before(text, _COMPANY, openings.of_words(_COMPANY_OPENINGS), 0.7, most=4),
        *find_all(_INSTITUTION_RULES, text, openings),
    ]
    trimmed = (_trim(text, span, lexicon) for span in spans)
    return [
        *(span for span in trimmed if span is not None),
        *_trades(text, openings, lexicon),
        *_partnerships(text, openings, lexicon),
        *_double_names(text, openings, lexicon),
        *_general_hospitals(text, openings, lexicon),
    ]


def _trades(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find firms by their trade, as in Vargas Freight; a word before it must be a name."""
    found = []
    for place in openings.of_words(TRADES):
        match = _TRADE.match(text, place)
        if match is None or text[place - 1 : place] != " ":
            continue
        start = run_before(text, place, most=4, joints=_JOINTS)
        name = [word.strip(",.").lower() for word in text[start:place].split()]
        if any(word not in lexicon.ordinary and word not in _JOINTS for word in name):
            found.append(Span(start, match.end(), Kind.ORGANIZATION, 0.6))
    return found


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
        if sure >= 2 or (sure == 1 and surnames == 3):
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
        if known and not all(lexicon.is_ambiguous(name) for name in names):
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


def _named_before(
    text: str, key_word: re.Pattern[str], places: Sequence[int], score: float, *, most: int
) -> list[Span]:
    """Key words with the capitalised words before them; key words alone name nothing."""
    found, last = [], 0
    for place in places:
        match = key_word.match(text, place) if place >= last else None
        if match is None:
            continue
        last = match.end()
        if text[place - 1 : place] == " ":
            start = run_before(text, place, most=most, joints=_JOINTS)
            if start < place:
                found.append(Span(start, last, Kind.ORGANIZATION, score))
    return found


def _trim(text: str, span: Span, lexicon: Lexicon) -> Span | None:
    """Drop leading words that are no name; None where only departments and the like are left."""
    value = text[span.start : span.end]
    words = list(re.finditer(r"\S+", value))
    while words and _is_no_name(words[0].group(), lexicon):
        words.pop(0)
    if not words or (len(words) == 1 and not _FAMOUS_ALONE.match(value)):
        return None
    plain = [word.group().strip(",.").lower() for word in words]
    departments = all(word in _DEPARTMENTS or word in lexicon.never for word in plain)
    if departments and plain[0] not in _NAMING_FIRST_WORDS:
        return None
    return Span(span.start + words[0].start(), span.end, span.label, span.score)


def _is_no_name(word: str, lexicon: Lexicon) -> bool:
    lowered = word.strip(",.").lower()
    return lowered in lexicon.never and lowered not in _KEPT_FIRST_WORDS
