"""Rules for record, account, plan, licence, vehicle, device and other identifying numbers."""

import re

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.notes import Span

_CUES: dict[Kind, str] = {
    Kind.US_SSN: r"ssn|ss|social security(?: number| no\.?)?",
    Kind.MEDICAL_RECORD_NUMBER: (
        r"mrn?|medical records?(?: number| no\.?)?|record(?: number| no\.?)?|chart(?: number| no\.?)?|"
        r"patient (?:id|number|no\.?)|pt\.? id|pid|epic id|unit (?:number|no\.?)|hospital (?:number|no\.?)"
    ),
    Kind.HEALTH_PLAN_NUMBER: (
        r"member(?:ship)? ?(?:id|number|no\.?)?|policy(?: number| no\.?| id)?|subscriber(?: id| number)?|"
        r"group(?: number| id| no\.?)|beneficiary(?: number| id)?|health plan(?: beneficiary)?(?: number| id)?|"
        r"insurance(?: id| number| policy)?|hpbn?|hpid|hicn|mbi|medicare(?: id| number)?|medicaid(?: id| number)?|"
        r"claim(?: number| id)?|plan(?: id| number)?|payer id|prior auth(?:orization)?(?: number)?|"
        r"authorization(?: number)?"
    ),
    Kind.ACCOUNT_NUMBER: (
        r"acc(?:oun)?t\.?(?: number| no\.?)?|fin|har|csn|invoice|billing(?: id| number)?|credit card|card(?: number)?|"
        r"iban|routing(?: number)?|guarantor(?: id| number)?"
    ),
    Kind.LICENSE_NUMBER: (
        r"dea|npi|licen[sc]e(?: number| no\.?)?|certificate(?: number| no\.?)?|reg(?:istration)?|"
        r"driver'?s licen[sc]e|passport|upin|lic\.?"
    ),
    Kind.VEHICLE_ID: r"vin|(?:licen[sc]e )?plates?|vehicle(?: id| identification number)?|tag number",
    Kind.DEVICE_ID: (
        r"serial(?: number| no\.?)?|s/n|lot(?: number| no\.?)?|device(?: id| identifier| number)?|udi|"
        r"implant(?: id| number)?|pacemaker(?: id| number)?|ref no\.?|model number"
    ),
    Kind.BIOMETRIC_ID: (
        r"finger ?prints?(?: template| id)?|retina(?:l)? scan(?: id)?|voice ?prints?(?: id)?|iris scan(?: id)?|"
        r"palm print(?: id)?|biometric(?: id| template)?|face id|facial template"
    ),
    Kind.PHOTO_ID: r"image(?: ref| id| number)?|photo(?:graph)?(?: ref| id| number)?|picture id|img",
    Kind.ID: (
        r"accession(?: number| no\.?)?|specimen(?: id| number)?|(?:lab|case|file|order|encounter|visit|job|report|"
        r"run|ticket|confirmation|reference|tracking|study|trial|protocol|subject|participant|sample|kit|badge|"
        r"employee|student|barcode|requisition|referral|incident|episode|session|transaction|service|document)"
        r"(?: id| number| no\.?| ref)?|rx(?: number| no\.?)?|prescription(?: number| no\.?)?|id|identifier|uid|uuid|"
        r"code|docket|nct"
    ),
}
_CUE = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _CUES.items())
_FILLER = (
    r"(?:\s?(?:#|\bno\b\.?|\bnumber\b|\bid\b|\bis\b|\bwas\b|\bof\b|\bending in\b))*[\s:#.()=-]{0,4}"
)
_VALUE = r"(?P<value>(?=[a-z0-9-]*\d[a-z0-9-]*\d)[a-z0-9][a-z0-9-]{3,24})"
_NOT_A_DOSE = r"(?![\w/])(?!\s?(?:mg|ml|mcg|years|days|weeks|hours|%|units))"
_CUED = re.compile(rf"(?i)\b(?:{_CUE})(?![a-z]){_FILLER}{_VALUE}{_NOT_A_DOSE}")
_YEAR = re.compile(r"(?:19|20)\d\d")

_FORM_RULES = (
    rule(Kind.US_SSN, 0.9, r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])", needs="-"),
    rule(
        Kind.US_SSN,
        0.9,
        r"(?i:\bSSN|social security(?: number| no\.?)?|SS#)[:#\s]*(?:is |ending in |last four )?"
        r"(?P<value>\d{3}[- ]?\d{2}[- ]?\d{4}|[X*]{3}-?[X*]{2}-?\d{4}|\d{4}\b)",
    ),
    rule(Kind.ID, 0.9, r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", needs="-"),
    rule(
        Kind.VEHICLE_ID,
        0.85,
        r"\b(?=[A-HJ-NPR-Z0-9]*\d)(?=[A-HJ-NPR-Z0-9]*[A-Z])[A-HJ-NPR-Z0-9]{17}\b",
    ),
    rule(
        Kind.VEHICLE_ID,
        0.85,
        r"(?i:\b(?:licen[sc]e )?plate)[\s:#]{0,3}(?:number |no\.? |is )?(?P<value>(?=[A-Z0-9-]*\d)[A-Z0-9]{2,4}[- ]?[A-Z0-9]{2,5})\b",
    ),
    rule(
        Kind.HEALTH_PLAN_NUMBER,
        0.85,
        r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d\d\b",
    ),
    rule(
        Kind.ID,
        0.6,
        r"(?<![\w.,/$-])(?=[A-Z0-9-]*\d[A-Z0-9-]*\d[A-Z0-9-]*\d[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z-])"
        r"[A-Z0-9]{1,6}(?:-?[A-Z0-9]{2,12}){1,4}(?:-[A-Z0-9]{1,4})?(?!\w|[./%-]\w)",
    ),
    rule(Kind.ID, 0.6, r"(?<![\w.,/$-])\d{6,15}(?![\w/%-]|\.\d)"),
    rule(Kind.ID, 0.6, r"(?<=#)\d{4,}\b", needs="#"),
    rule(Kind.ACCOUNT_NUMBER, 0.7, r"(?<![\w-])(?:\d{4}[ -]){3}\d{1,7}(?![\w-])"),
)


def find_numbers(text: str) -> list[Span]:
    """Find identifying numbers: those that a word announces, and those whose form gives them away."""
    found = find_all(_FORM_RULES, text)
    for match in _CUED.finditer(text):
        value = match.group("value")
        if _YEAR.fullmatch(value):
            continue
        kind = match.lastgroup if match.lastgroup in _CUES else _cue_kind(match)
        found.append(Span(*match.span("value"), kind or Kind.ID, 0.85))
    return found


def _cue_kind(match: re.Match[str]) -> str:
    return next(kind for kind in _CUES if match.group(kind) is not None)
