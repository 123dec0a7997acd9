"""Rules for record, account, plan, licence, vehicle, device and other identifying numbers."""

import re
from collections.abc import Iterable

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.rules.openings import Openings
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.deid.word_lists import words
from fedclinic.notes import Span

_CUE_WORDS: dict[Kind, str] = {
    Kind.US_SSN: "ssn ss social-security",
    Kind.MEDICAL_RECORD: (
        "mrn mr medical-record medical-records record records chart patient pt pid epic unit "
        "hospital "
        "health-record emr"
    ),
    Kind.HEALTH_PLAN: (
        "member membership policy subscriber group beneficiary health-plan plan insurance hpb "
        "hpbn hpid "
        "hicn mbi medicare medicaid claim payer authorization auth cigna aetna humana tricare "
        "coverage"
    ),
    Kind.ACCOUNT: (
        "account acct accnt fin har csn invoice billing card iban routing guarantor bill statement"
    ),
    Kind.LICENSE: (
        "dea npi license licence lic certificate cert registration reg passport upin prescriber "
        "driver's-license certification"
    ),
    Kind.VEHICLE: "vin plate plates vehicle chassis tag car",
    Kind.DEVICE: (
        "serial s/n sn lot device udi implant pacemaker pump lead generator icd stent batch "
        "gtin "
        "imei monitor valve prosthesis"
    ),
    Kind.BIOMETRIC: (
        "fingerprint fingerprints retina retinal voiceprint iris palm biometric gait face-id "
        "template "
        "scan signature"
    ),
    Kind.PHOTO: "image photo photograph picture img photos images",
    Kind.OTHER_ID: (
        "accession specimen lab case file order encounter visit job report run ticket confirmation "
        "reference ref tracking study trial protocol subject participant sample kit badge employee "
        "student barcode requisition referral incident episode session transaction service "
        "document rx "
        "prescription identifier uid uuid code docket nct exam slide block bottle donor registry "
        "log"
    ),
}
_CUES = {cue.replace("-", " "): kind for kind, cues in _CUE_WORDS.items() for cue in cues.split()}
_FILLERS = words("number numbers no num nr id ids # is was of ending in as: the a and")
_SURE_FILLERS = frozenset({"id", "ids", "#"})
_VALUE = re.compile(
    r"(?<![A-Z0-9-])#?(?=[A-Z_-]{0,12}\d[A-Z_-]{0,12}\d)"
    r"(?P<value>[A-Z0-9](?:[A-Z0-9_-]|[./:](?=[A-Z0-9])){3,24})(?![A-Z0-9])"
    r"(?!\s?(?:MG|ML|MCG|YEARS?|DAYS?|WEEKS?|HOURS?|UNITS?|MM|CM|KG|LB|MIN|MONTHS?)\b|\s?%)"
)
_BEFORE = re.compile(r"[A-Z'/]+|#")
_REACH = 40
_YEAR = re.compile(r"(?:19|20)\d\d")
_MEASURE = re.compile(
    r"\d{1,3}(?:[/:.-]\d{1,3})?|\d{1,2}[/:]\d{1,2}(?:[/:]\d{2,4})?|\d+\.\d+|.*-(?:YEAR|MONTH|WEEK|"
    r"DAY|HOUR).*"
    r"|[A-Z]{0,3}\d{2,3}/\d{2,3}|G\d{1,2}P\d{1,5}|\d+\.\d+[A-Z]{0,2}|\d+(?:ST|ND|RD|TH)|[CTLS]\d{1,2}-[CTLS]?\d{1,2}"
    r"|\d{1,3}(?:YO|Y|F|M|MO|WK|W|D|H|HR|MIN|X|CC|FR)[A-Z]?"
)

_SPACED_RULES = (
    rule(Kind.US_SSN, 0.9, r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])", digits=(3,)),
    rule(
        Kind.US_SSN,
        0.9,
        r"\b(?:SSN|SOCIAL SECURITY|SS(?=#| NO))(?i: [a-z]{2,9}\.?){0,5}"
        r"[:#\s]*(?P<value>\d{3}[- ]?\d{2}[- ]?\d{4}|[X*]{3}-?[X*]{2}-?\d{4}|\d{4}\b)",
        opens="ssn social ss",
    ),
    rule(
        Kind.VEHICLE,
        0.7,
        r"\b(?i:taxi|car|van|truck|scooter(?: bears)?|vehicle|motorcycle|drives)[ :]{1,2}"
        r"(?P<value>[A-Z]{3} \d{3}|\d[A-Z]{2,3}\d{3,4})\b",
        opens="taxi car van truck scooter vehicle motorcycle drives",
    ),
    rule(Kind.US_SSN, 0.7, r"(?<![\d-])\d{3} \d{2} \d{4}(?![\d-])", digits=(3,)),
    rule(
        Kind.VEHICLE,
        0.85,
        r"\b(?i:plates?|tag|car registration|registration)[\s:#]{0,3}(?i:number |no\.? |is )?"
        r"(?P<value>(?=[A-Z -]{0,4}\d)[A-Z0-9]{2,4}[- ]?[A-Z0-9]{2,5})\b",
        opens="plate plates tag car registration",
    ),
    rule(Kind.ACCOUNT, 0.7, r"(?<![\w-])(?:\d{4}[ -]){3}\d{1,7}(?![\w-])", digits=(4,)),
)
_UNSPACED_RULES = (
    rule(
        Kind.OTHER_ID,
        0.6,
        r"(?<![\w.,/$-])(?=[A-Z0-9-]*\d[A-Z0-9-]*\d[A-Z0-9-]*\d[A-Z0-9-]*\d)(?=\d*[A-Z-])"
        r"[A-Z0-9]{1,6}(?:-?[A-Z0-9]{2,12}){1,4}(?:-[A-Z0-9]{1,4})?(?!\w|[./%-]\w)",
    ),
    rule(
        Kind.OTHER_ID,
        0.6,
        r"(?<![\w.,/$-])(?=[A-Z0-9:-]{8})[A-Z]{2,5}[-:](?=[A-Z]{0,6}\d[A-Z]{0,6}\d[A-Z]{0,6}\d)"
        r"[A-Z0-9]{4,12}(?![\w-])",
    ),
    rule(Kind.OTHER_ID, 0.6, r"(?<![\w.,/$-])\d{6,15}(?![\w/%-]|\.\d)"),
    rule(Kind.OTHER_ID, 0.6, r"(?<!\w)[A-Za-z]{2,5}:\d{6,12}(?!\w)", needs=":"),
    rule(Kind.OTHER_ID, 0.6, r"(?<![\w.-])[A-Z]{2}[-.]\d{3,4}-[A-Z](?![\w-])", needs="-"),
    rule(Kind.VEHICLE, 0.6, r"(?<![\w-])(?:\d{3}|[A-Z]\d{2})-[A-Z]{3}(?![\w-])", needs="-"),
    rule(Kind.OTHER_ID, 0.6, r"(?<=#)\d{4,}\b", needs="#"),
    rule(
        Kind.PHOTO,
        0.8,
        r"\b[A-Z]+[_-]?\d{3,}\.(?:JPE?G|PNG|GIF|TIFF?|BMP|HEIC)\b",
        needs=".",
    ),
)
_LONG_RULES = (
    rule(
        Kind.OTHER_ID, 0.9, r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b", needs="-"
    ),
    rule(
        Kind.VEHICLE,
        0.85,
        r"\b(?=[A-HJ-NPR-Z]{0,9}\d)(?=\d{0,9}[A-HJ-NPR-Z])[A-HJ-NPR-Z0-9]{17}\b",
    ),
    rule(
        Kind.HEALTH_PLAN,
        0.85,
        r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d"
        r"-?[AC-HJKMNP-RT-Y]{2}\d\d\b",
    ),
)
_SHORTEST_LONG_CODE = 11
"""Letters and digits of a Medicare number, the shortest that `_LONG_RULES` find."""
_WITH_DIGITS = re.compile(r"(?<!\S)[^\s\d]*+\d[^\s\d]*+\d\S*")
_SHORTEST_VALUE = 4
_UNIT_REACH = 10
"""Characters behind a value that a unit of measure takes, as in 4250 months."""
_SHORTEST_CODE = 5
_NO_CODE = re.compile(r"G\d{1,2}P\d{1,5}|\d{1,3}-\d{1,3}(?:-YEAR.*)?")


def find_numbers(text: str, openings: Openings) -> list[Span]:
    """Find identifying numbers by the word that announces them or by their form.

    `text` has its caseless lines in capitals (`truecase.shout`), so that codes are read alike.
    """
    chunks = [match.span() for match in _WITH_DIGITS.finditer(text)]
    formed = (
        span
        for span in (*find_all(_SPACED_RULES, text, openings), *_in_chunks(text, chunks))
        if not _NO_CODE.fullmatch(text[span.start : span.end])
    )
    upper = text.upper()
    return [*formed, *_announced(upper if len(upper) == len(text) else text, chunks)]


def _in_chunks(text: str, chunks: Iterable[tuple[int, int]]) -> list[Span]:
    """Apply the rules for codes without spaces to each stretch that holds digits."""
    found: list[Span] = []
    for start, end in chunks:
        chunk = text[start:end]
        if end - start < _SHORTEST_CODE or not _may_be_code(chunk):
            continue
        is_long = end - start >= _SHORTEST_LONG_CODE
        for each in (*_UNSPACED_RULES, *(_LONG_RULES if is_long else ())):
            if not each.needs or each.needs[0] in chunk:
                found += each.find_within(text, start, end)
    return found


def _may_be_code(chunk: str) -> bool:
    """Pressures, doses and dates, which have no letter and few digits, are no codes."""
    digits = sum(map(str.isdigit, chunk))
    return digits >= 6 or "#" in chunk or any(map(str.isalpha, chunk))


def _announced(text: str, chunks: Iterable[tuple[int, int]]) -> list[Span]:
    found = []
    for start, end in chunks:
        if end - start < _SHORTEST_VALUE:
            continue
        for match in _VALUE.finditer(text, start, end + _UNIT_REACH):
            value = match.group("value")
            if match.start() >= end or _YEAR.fullmatch(value) or _MEASURE.fullmatch(value):
                continue
            kind = _announced_kind(text, match.start())
            if kind is not None:
                found.append(Span(*match.span("value"), kind, 0.85))
    return found


def _announced_kind(text: str, start: int) -> Kind | None:
    """The kind that the words directly before a value announce; None if they announce nothing."""
    before = text[max(0, start - _REACH) : start]
    line = before[before.rfind("\n", 0, len(before.rstrip())) + 1 :]
    words = [word.lower() for word in _BEFORE.findall(line)]
    if line and line.rstrip(" :#.()=-\t\n")[-1:].isdigit():
        return None
    said_id = False
    while words and words[-1] in _FILLERS:
        said_id = said_id or words[-1] in _SURE_FILLERS
        words.pop()
    if len(words) > 1 and f"{words[-2]} {words[-1]}" in _CUES:
        return _CUES[f"{words[-2]} {words[-1]}"]
    if words and words[-1] in _CUES:
        return _CUES[words[-1]]
    return Kind.OTHER_ID if said_id else None
