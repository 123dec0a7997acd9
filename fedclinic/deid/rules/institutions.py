"""Rules for hospitals, clinics, schools, churches and employers."""

import re

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import CAPITALIZED
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.notes import Span

_FACILITY = (
    r"(?:Hospitals?|Medical Cent(?:er|re)|Med(?:ical)? Ctr|Clinics?|"
    r"Health(?:care)? (?:System|Center|Partners|Network|Alliance|Services)|Healthcare|Infirmary|Hospice|"
    r"Nursing Home|Rehab(?:ilitation)?(?: (?:Center|Hospital|Institute))?|Cancer (?:Center|Institute)|"
    r"Heart (?:Institute|Center)|Medical Group|Family (?:Practice|Medicine|Health)|Urgent Care|"
    r"Assisted Living|Sanatorium|Surgery Center|Children['’]s|Pediatrics|Orthop(?:a)?edics|"
    r"Dialysis(?: Center)?|Memorial|Behavioral Health|Pharmacy|Care Center|Manor|Medicine Associates|"
    r"Dermatology Associates|Health|Eye (?:Center|Institute|Clinic)|Skilled Nursing(?: Facility)?|"
    r"Imaging(?: Center)?|Laborator(?:y|ies)|Physicians|Associates|Specialists|Institute)"
)
_BEFORE = rf"(?:{CAPITALIZED}['’]?s?[ ]|of[ ](?=[A-Z])|and[ ](?=[A-Z])|the[ ](?=[A-Z])|&[ ])"
_HOSPITAL = (
    rf"(?:(?:St|Mt|Ft)\.?[ ])?{_BEFORE}*(?:{CAPITALIZED}['’]?s?)[ ]{_FACILITY}"
    rf"(?:[ ](?:of|at)[ ]{CAPITALIZED}(?:[ ]{CAPITALIZED})?)?(?:[ ](?:Hospital|Medical Center|Center|Clinic|Campus))*"
)
_FAMOUS = (
    r"\b(?:Mayo Clinic|Cleveland Clinic|Johns Hopkins|Mass(?:achusetts)? General|Brigham(?: and Women['’]s)?|"
    r"(?:Mt\.?|Mount) Sinai|Cedars[- ]Sinai|UCLA|UCSF|UPMC|MD Anderson|Memorial Sloan Kettering|"
    r"Sloan Kettering|Kaiser(?: Permanente)?|NYU(?: Langone)?|Stanford|Duke|Emory|Vanderbilt|Geisinger|"
    r"Beth Israel(?: Deaconess)?|Dana[- ]Farber|St\.? [A-Z][a-z]+(?:['’]s?)?)\b"
)
_FAMOUS_ALONE = re.compile(_FAMOUS)
_VISIT = (
    r"(?:seen|treated|evaluated|admitted|hospitali[sz]ed|followed|diagnosed|presented|transferred|referred|"
    r"visit(?:ed)?|discharged|operated|consulted|hospital stay|stay|check-?up|appointment|surgery|procedure|"
    r"f/u|care)"
)
_FACILITY_WORD = r"(?:clinic|hospital|office|facility|campus|ward|med center|hosp|ER|ED)"

_INSTITUTION_RULES = (
    rule(Kind.ORGANIZATION, 0.8, rf"\b{_HOSPITAL}\b"),
    rule(Kind.ORGANIZATION, 0.7, _FAMOUS),
    rule(
        Kind.ORGANIZATION,
        0.65,
        rf"\b{_VISIT}\b(?:[ ]\w+){{0,2}}[ ](?:at|to|from|in)[ ](?:the |our |my )?"
        rf"(?P<value>(?:{CAPITALIZED}|St\.|Mt\.|Mt)(?:[ ](?:of |& |and )?{CAPITALIZED}|-{CAPITALIZED}){{0,4}}(?:[ ]{_FACILITY_WORD})?)",
    ),
    rule(
        Kind.ORGANIZATION,
        0.65,
        rf"\b(?:our|the|at|in)[ ](?P<value>{CAPITALIZED}(?:[ ]{CAPITALIZED}){{0,2}}[ ](?:clinic|hospital|office|facility|hosp\b|med center))",
    ),
    rule(
        Kind.ORGANIZATION,
        0.7,
        r"(?:[Ww]ork(?:s|ed|ing)? (?:at|for)|[Ee]mploy(?:ed|ee|er)(?: (?:at|by|of|is))?:?|[Jj]ob at|[Rr]etired from)[ ](?:the )?"
        rf"(?P<value>{CAPITALIZED}(?:[ ](?:&|and|of)?[ ]?{CAPITALIZED}){{0,3}})",
    ),
    rule(
        Kind.ORGANIZATION,
        0.7,
        rf"\b(?:{CAPITALIZED}[ ]){{1,3}}(?:University|College|High School|Elementary(?: School)?|Middle School|"
        r"Schools?|Academy|Inc\.?|LLC|Ltd\.?|PLC|Corp\.?|Company|Co\.|& Sons|Church|Industries|Logistics|Group|"
        r"Construction|Trucking|Motors|Farms|Bakery|Steel|Diner|Library|Fire Department|Police Department|"
        r"Auto Repair|Enterprises|Foundation|Bank|Foods|Manufacturing|Airlines|Insurance)(?!\w)",
    ),
    rule(
        Kind.ORGANIZATION,
        0.7,
        rf"\b{CAPITALIZED}(?:-{CAPITALIZED}|, {CAPITALIZED} and {CAPITALIZED})(?= (?:Inc|LLC|Group|Ltd|PLC)\b)",
    ),
)
_KEPT_FIRST_WORDS = frozenset(
    [
        "general",
        "university",
        "children's",
        "home",
        "health",
        "white",
        "black",
        "native",
        "american",
        "emergency",
    ]
)


def find_institutions(text: str, lexicon: Lexicon) -> list[Span]:
    """Find institutions by their key words, well-known names, and the words that lead to them."""
    found = []
    for span in find_all(_INSTITUTION_RULES, text):
        value = text[span.start : span.end]
        words = list(re.finditer(r"\S+", value))
        while words and _is_no_name(words[0].group(), lexicon):
            words.pop(0)
        if not words or (len(words) == 1 and not _FAMOUS_ALONE.match(value)):
            continue
        if all(lexicon_ordinary(word.group(), lexicon) for word in words):
            continue
        found.append(Span(span.start + words[0].start(), span.end, span.label, span.score))
    return found


def _is_no_name(word: str, lexicon: Lexicon) -> bool:
    lowered = word.strip(",.").lower()
    return lowered in lexicon.never and lowered not in _KEPT_FIRST_WORDS


def lexicon_ordinary(word: str, lexicon: Lexicon) -> bool:
    """Tell whether a word of a phrase is a plain function word or key word."""
    return word.strip(",.").lower() in lexicon.never
