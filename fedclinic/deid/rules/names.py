"""Rules for names that a title, credential, header or relation announces."""

import re

from fedclinic.deid.kinds import EntityKind as Kind
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import (
    CAPITALIZED,
    CREDENTIAL,
    INITIAL,
    LOWER,
    PARTICLE,
    PERSON_NAME,
    RELATION,
    UPPER,
)
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.notes import Span

_TITLE = (
    r"(?:Dr|DR|Drs|Mr|MR|Mrs|MRS|Ms|MS|Miss|Prof|Professor|Doctor|Rev|Sister|Nurse|Capt|Sgt|Fr|Attorney|Pastor|"
    r"Rabbi|Judge|Officer|Master|Baby (?:Boy|Girl)|BABY (?:BOY|GIRL))"
)
_INITIALS = rf"(?:{UPPER}\.[ ]?){{0,2}}"
_ROLE = (
    r"(?:[Pp]atient(?:'s)?(?: [Nn]ame)?|PATIENT(?: NAME)?|[Pp]t(?: [Nn]ame)?|PT|(?:[Ll]ast |[Ff]irst |[Ff]ull |[Mm]aiden )?[Nn]ame|"
    r"NAME|Re|RE|Dear|[Aa]ttending(?: [Pp]hysician)?|ATTENDING(?: PHYSICIAN)?|[Pp]hysician|PHYSICIAN|[Ss]urgeon|SURGEON|"
    r"[Aa]ssistant|ASSISTANT|[Pp]rovider|PROVIDER|[Aa]uthor|AUTHOR|PCP|[Nn]urse|RN|[Ss]igned(?: by)?|SIGNED(?: BY)?|"
    r"[Dd]ictated [Bb]y|DICTATED BY|[Tt]ranscribed [Bb]y|TRANSCRIBED BY|[Rr]eviewed by|"
    r"[Rr]eferr(?:ed|ing)(?: by| [Pp]rovider| [Pp]hysician)?|[Oo]rdered by|[Ss]een by|[Cc]c|CC|HCP|POA|[Pp]roxy|"
    r"[Ee]mergency [Cc]ontact|[Cc]ontact|[Ii]nterpreter|[Ww]itness|[Pp]athologist|[Rr]adiologist|"
    r"[Aa]nesthesi(?:a|ologist)|[Ss]ocial [Ww]orker|[Tt]herapist|[Cc]onsultant|[Rr]esident|[Ff]ellow|[Ii]ntern|"
    r"[Nn]ext of [Kk]in|NOK|[Gg]uarantor|[Ss]ubscriber|[Ii]nsured|[Cc]oordinator|[Cc]ase [Mm]anager|[Ss]cribe|"
    r"[Tt]echnologist|[Pp]harmacist|[Cc]linician|[Ee]xaminer|[Cc]ardiologist|[Oo]ncologist|[Nn]eurologist|[Aa]ccompanied by|"
    r"[Bb]rought in by|[Pp]er|[Pp]aged|[Nn]otified|[Dd]iscussed with|[Ss]poke (?:with|to))"
)
_CUED_VALUE = (
    rf"{INITIAL} ?{CAPITALIZED}|{PERSON_NAME}|{CAPITALIZED}, {CAPITALIZED}(?: {UPPER}\b\.?)?"
)

_NAME_RULES = (
    rule(
        Kind.PERSON,
        0.85,
        rf"\b{_TITLE}\b\.?\s(?P<value>{_INITIALS}(?:{PARTICLE}[ ])?{PERSON_NAME})",
    ),
    rule(
        Kind.PERSON, 0.85, rf"(?P<value>{_INITIALS}(?:{PARTICLE}[ ])?{PERSON_NAME}),?\s{CREDENTIAL}"
    ),
    rule(
        Kind.PERSON,
        0.85,
        rf"(?P<value>{UPPER}\.[ ]?(?:{UPPER}\.[ ]?)?(?:{PARTICLE}[ ])?{CAPITALIZED}),?\s{CREDENTIAL}",
    ),
    rule(
        Kind.PERSON,
        0.8,
        rf"(?m:^|[\s|(;]){_ROLE}(?:\s?:\s{{0,3}}|\s(?:is |was )?|, )(?:(?:Dr|Mr|Mrs|Ms)\.? )?(?P<value>{_CUED_VALUE})(?![\w:])",
    ),
    rule(
        Kind.PERSON,
        0.8,
        rf"\b{RELATION}(?:,|:| is| was| named| called)?[ ]?\(?(?P<value>{PERSON_NAME})\b",
    ),
    rule(
        Kind.PERSON,
        0.8,
        rf"^[ \t—–-]*(?P<value>{CAPITALIZED}, {CAPITALIZED}(?: {UPPER}\.?)?)(?=[ \t]*(?:$|MRN|DOB|\t|\||#))",
    ),
    rule(
        Kind.PERSON,
        0.8,
        rf"\b(?:named|name is|called|like|regarding|for patient|patient)[ ,]+(?P<value>{CAPITALIZED} (?:{CAPITALIZED}|{UPPER}\.))",
    ),
    rule(Kind.PERSON, 0.75, rf"(?<=, )(?P<value>{CAPITALIZED} {UPPER}\.)(?=[,; ])"),
    rule(
        Kind.PERSON,
        0.75,
        rf"\b(?P<value>{UPPER}{LOWER}+ {UPPER}\.)(?=,|;| \(|\?|$| who| was| is| has| seen| admitted)",
    ),
)
_INITIAL_ALONE = re.compile(r"[A-Z]\.?,?")


def find_announced_names(text: str, lexicon: Lexicon) -> list[Span]:
    """Find names by the words around them, cut at the first word that is never a name."""
    return [
        trimmed
        for span in find_all(_NAME_RULES, text)
        if (trimmed := _trim(text, span, lexicon)) is not None
    ]


def _trim(text: str, span: Span, lexicon: Lexicon) -> Span | None:
    """Drop leading and trailing words that are never names, and all after the first inner one."""
    words = [
        (span.start + match.start(), span.start + match.end(), match.group())
        for match in re.finditer(r"\S+", text[span.start : span.end])
    ]
    is_name = [
        bool(_INITIAL_ALONE.fullmatch(word)) or word.strip(".,").lower() not in lexicon.never
        for _, _, word in words
    ]
    if True not in is_name:
        return None
    first = is_name.index(True)
    kept = words[first:]
    if False in is_name[first:]:
        kept = words[first : is_name.index(False, first)]
    start, end = kept[0][0], kept[-1][1]
    return Span(start, end, span.label, span.score) if end - start >= 2 else None
