"""Rules for names that a title, credential, header or relation announces."""

import re
from collections.abc import Iterator

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
from fedclinic.deid.rules.openings import Openings
from fedclinic.deid.rules.pattern import find_all, rule
from fedclinic.deid.rules.runs import run_before
from fedclinic.deid.word_lists import NAMES_THAT_ARE_WORDS, words
from fedclinic.notes import Span

_TITLE = (
    r"(?:Dr|DR|Drs|Mr|MR|Mrs|MRS|Ms|MS|Miss|Prof|Professor|Doctor|Rev|Sister|Nurse|Capt|Sgt|Fr|"
    r"Attorney|Pastor|"
    r"Rabbi|Judge|Officer|Chaplain|Master|Student|Detective|Deputy|Sergeant|Lt|Father|Baby (?:Boy|"
    r"Girl)|BABY (?:BOY|GIRL))"
)
_INITIALS = rf"(?:{UPPER}\.[ ]?){{0,2}}"
_ROLE = (
    r"(?:[Pp]atient(?:'s)?(?: [Nn]ame)?|PATIENT(?: NAME)?|[Pp]t(?: [Nn]ame)?|PT|(?:[Ll]ast |"
    r"[Ff]irst |[Ff]ull |[Mm]aiden )?[Nn]ame|"
    r"NAME|Re|RE|Dear|[Aa]ttending(?: [Pp]hysician)?|ATTENDING(?: PHYSICIAN)?|[Pp]hysician|"
    r"PHYSICIAN|[Ss]urgeon|SURGEON|"
    r"[Aa]ssistant|ASSISTANT|[Pp]rovider|PROVIDER|[Aa]uthor|AUTHOR|PCP|[Nn]urse|RN|[Ss]igned(?: "
    r"by)?|SIGNED(?: BY)?|"
    r"[Dd]ictated [Bb]y|DICTATED BY|[Tt]ranscribed [Bb]y|TRANSCRIBED BY|[Rr]eviewed by|"
    r"[Rr]eferr(?:ed|ing)(?: by| [Pp]rovider| [Pp]hysician)?|[Oo]rdered by|[Ss]een by|[Cc]c|CC|"
    r"HCP|POA|[Pp]roxy|"
    r"[Ee]mergency [Cc]ontact|[Cc]ontact|[Ii]nterpreter|[Ww]itness|[Pp]athologist|[Rr]adiologist|"
    r"[Aa]nesthesi(?:a|ologist)|[Ss]ocial [Ww]orker|[Tt]herapist|[Cc]onsultant|[Rr]esident|"
    r"[Ff]ellow|[Ii]ntern|"
    r"[Nn]ext of [Kk]in|NOK|[Gg]uarantor|[Ss]ubscriber|[Ii]nsured|[Cc]oordinator|[Cc]ase "
    r"[Mm]anager|[Ss]cribe|"
    r"[Tt]echnologist|[Pp]harmacist|[Cc]linician|[Ee]xaminer|[Cc]ardiologist|[Oo]ncologist|"
    r"[Nn]eurologist|[Aa]ccompanied by|"
    r"[Bb]rought in by|[Pp]er|[Pp]aged|[Nn]otified|[Dd]iscussed with|[Ss]poke (?:with|to))"
)
_CUED_VALUE = (
    rf"{CAPITALIZED}, {CAPITALIZED}(?: {UPPER}\b\.?)?|(?:{UPPER}\. ?){{1,2}}{CAPITALIZED}"
    rf"|{INITIAL} ?{CAPITALIZED}|(?:{PARTICLE}[ ])?{PERSON_NAME}"
)
_CERTAIN_RULES = (
    rule(
        Kind.PERSON,
        0.85,
        rf"\b{_TITLE}\b\.?\s(?P<value>{_INITIALS}(?:{PARTICLE}[ ])?{PERSON_NAME})",
        opens="dr drs mr mrs ms miss prof professor doctor rev sister nurse capt sgt fr attorney "
        "pastor rabbi judge officer chaplain master student detective deputy sergeant lt father "
        "baby",
    ),
    rule(
        Kind.PERSON,
        0.8,
        rf"\b(?:Dr|Mr|Mrs|Ms)\.? (?P<value>{UPPER}\.)(?=\s[a-z(]|[,;)]|\s?$)",
        opens="dr mr mrs ms",
    ),
)
_TITLED_RULES = (
    rule(
        Kind.PERSON,
        0.8,
        rf"\b(?:Dr|Mr|Mrs|Ms|Miss)\.? (?P<value>{CAPITALIZED})(?![\w'’-])",
        opens="dr mr mrs ms miss",
    ),
    rule(
        Kind.PERSON,
        0.8,
        r"\b(?:colleague|coworker|co-worker|supervisor|trainer|coach|teacher|lawyer|landlord|"
        r"landlady|roommate|carer|caretaker|babysitter|nanny|midwife|secretary|deputy|clerk|"
        r"chaperone|sponsor|classmate|ex-wife|ex-husband|godfather|godmother|operator|anesthetist|"
        r"perfusionist|technician|dietitian|optometrist|audiologist|chiropractor|dentist|"
        r"paramedic|hygienist|phlebotomist|Operator|Anesthetist|Colleague|Trainer|Secretary|Deputy|"
        rf"Chaperone|p\.p\.)[:,]? (?P<value>{PERSON_NAME})(?![\w'’-])",
        opens="colleague coworker co supervisor trainer coach teacher lawyer landlord landlady "
        "roommate carer caretaker babysitter nanny midwife secretary deputy clerk chaperone "
        "sponsor classmate ex godfather godmother operator anesthetist perfusionist technician "
        "dietitian optometrist audiologist chiropractor dentist paramedic hygienist phlebotomist "
        "p",
    ),
)
_ANNOUNCED_RULES = (
    rule(
        Kind.PERSON,
        0.8,
        rf"(?<![^\s|(;]){_ROLE}"
        r"(?:\s?[:.]{0,12}:\s{0,3}|\.{1,12}[ \t]{0,3}|\s(?:is |was |as )?|, )"
        rf"(?:(?:Dr|Mr|Mrs|Ms)\.? )?(?P<value>{_CUED_VALUE})(?![\w:])",
        opens="patient pt last first full maiden name re dear attending physician surgeon "
        "assistant provider author pcp nurse rn signed dictated transcribed reviewed referred "
        "referring ordered seen cc hcp poa proxy emergency contact interpreter witness pathologist "
        "radiologist anesthesia anesthesiologist social therapist consultant resident fellow "
        "intern next nok guarantor subscriber insured coordinator case scribe technologist "
        "pharmacist clinician examiner cardiologist oncologist neurologist accompanied brought per "
        "paged notified discussed spoke",
    ),
    rule(
        Kind.PERSON,
        0.8,
        rf"\b{RELATION}(?:,|:| is| was| named| called)?[ ]?\(?(?P<value>(?:{PARTICLE}[ "
        rf"])?{PERSON_NAME})\b",
        opens="wife husband son daughter mother father mom dad sister brother aunt uncle niece "
        "nephew cousin grandmother grandfather grandson granddaughter grandma grandpa fianc fiance "
        "fiancee fiancé fiancée partner spouse boyfriend girlfriend friend guardian caregiver "
        "neighbor manager roommate stepson stepdaughter stepmother stepfather twin dtr",
    ),
    rule(
        Kind.PERSON,
        0.8,
        rf"^[ \t—–*•-]*(?P<value>{CAPITALIZED}, {CAPITALIZED}(?: {UPPER}\.?)?)"
        r"(?=[ \t]*(?:$|MRN|DOB|\t|\||#))",
    ),
    rule(
        Kind.PERSON,
        0.8,
        r"\b(?:[Tt]ell|[Tt]old|[Aa]sk(?:ed)?|[Ii]nformed|[Tt]exted|[Pp]honed|[Tt]hank(?:ed)?) "
        rf"(?P<value>{CAPITALIZED})(?= (?!{UPPER})|[.,;])",
        opens="tell told ask asked informed texted phoned thank thanked",
    ),
    rule(
        Kind.PERSON,
        0.8,
        r"\b(?:named|name is|called|like|regarding|for patient|patient|similar to|case of|see|"
        r"according to|fellow|social work|subscriber is|insured is)[ ,(]+"
        rf"(?P<value>{CAPITALIZED} (?:{CAPITALIZED}|{UPPER}\.))(?!\w)",
        opens="named name called like regarding for patient similar case see according fellow "
        "social subscriber insured",
    ),
    rule(Kind.PERSON, 0.75, rf"(?<=, )(?P<value>{CAPITALIZED} {UPPER}\.)(?=[,; ])"),
    rule(
        Kind.PERSON,
        0.58,
        rf"\((?P<value>{CAPITALIZED}(?: {UPPER}\.)? {CAPITALIZED})(?=[),;])",
        needs="(",
    ),
    rule(
        Kind.PERSON,
        0.75,
        rf"(?P<value>{UPPER}(?<!\w.){LOWER}+ {UPPER}\.)"
        r"(?=,|;| \(|\?|$| who| was| is| has| seen| admitted| at| from)",
    ),
)
_VERBS = words(
    """
    says states stated said reports reported denies denied feels agrees agreed refuses refused slept
    ate lives left works told asked thinks wants complains endorses verbalized
    """
)
_BEFORE_VERB = re.compile(rf"(?<![\w'’-]){CAPITALIZED}(?= $)")
_LONGEST_NAME = 40
_INITIALS_ALONE = re.compile(rf"{UPPER}(?<![\w.@].)\.\s?{UPPER}\.(?:\s?{UPPER}\.)?(?![\w.])")
_ABBREVIATIONS = words(
    "M.D. D.O. Y.O. R.N. N.P. P.A. U.S. P.O. I.V. I.M. P.M. A.M. B.P. H.R. E.R. O.R. I.D. I.Q. "
    "T.B. L.P. Q.D. "
    "E.D. C.T. S.C. D.C. G.I. G.U. J.P. V.A. P.R. R.R. O.D. O.S. O.U. P.T. O.T. S.P. D.P. N.S. "
    "L.R. "
    "M.I. B.M. N.G. P.E. P.I. S.L. C.C. D.D. U.A. L.A. N.Y. N.J. B.I. T.I. Q.I. H.S. A.C. P.C. "
    "D.D.S. D.P.M. Q.I.D. T.I.D. B.I.D. P.R.N. N.P.O. M.R.I. E.K.G. E.C.G. D.O.B. S.S.N. M.R.N. "
    "U.S.A. I.C.U. C.P.R. C.S.F. H.I.V. L.L.C. P.L.C. M.P.H. B.S.N. L.P.N. C.P.A. S.O.B. R.R.T."
)
_INITIAL_AND_NAME = re.compile(
    rf"{UPPER}(?<![\w.'’-].)\. (?:{UPPER}\. )?(?P<name>(?:{PARTICLE} )?{CAPITALIZED})"
)
_GERMS = words(
    """
    coli pylori aureus difficile pneumoniae epidermidis faecalis faecium aeruginosa influenzae
    albicans burgdorferi jejuni enteritidis tuberculosis pneumophila trachomatis gonorrhoeae
    meningitidis cloacae mirabilis marcescens baumannii fragilis perfringens tetani pyogenes
    """
)
_SPOKEN_OF = re.compile(
    r"(?i)\b(?:about|regarding|initials:?|patient|pt\.?|told|care of|named|identified as) $"
)
_DOES = re.compile(r" (?:was informed|reports|denies|states|agreed|is a \d|presents|complains)")
CREDENTIALED = re.compile(CREDENTIAL)
CREDENTIAL_OPENINGS = words(
    """
    m md d do r rn n np p pa ph phd lcsw lpn crna pharmd dds dpm msw bsn facp facc facs mbbs aprn
    arnp cnm dpt pt ot rd rrt emt cna lmft psyd
    """
)
_NAME_JOINTS = words("van der den de von la los del della di da dos du le el al bin ibn ter ten")
_PIECE = re.compile(r"\S+")
_INITIAL = re.compile(r"[A-Z]\.?,?")
_LAST_NAME_FIRST = re.compile(rf"(?P<last>(?:{PARTICLE} )?{CAPITALIZED}), $")


def find_announced_names(text: str, openings: Openings, lexicon: Lexicon) -> list[Span]:
    """Find names by the words around them, cut at the first word that is never a name."""
    certain = [
        *find_all(_CERTAIN_RULES, text, openings),
        *_before_credentials(text, openings),
    ]
    announced = [
        span
        for span in (*find_all(_ANNOUNCED_RULES, text, openings), *_before_verbs(text, openings))
        if not _is_ordinary(text[span.start : span.end], lexicon)
    ]
    trimmed = (_trim(text, span, lexicon) for span in (*certain, *announced))
    return [
        *find_all(_TITLED_RULES, text, openings),
        *(span for span in trimmed if span is not None),
        *_initials(text),
        *_after_initials(text, lexicon),
    ]


def _after_initials(text: str, lexicon: Lexicon) -> list[Span]:
    """Find an initial and a family name, as in A. Okafor; germs are named the same way."""
    return [
        Span(match.start(), match.end(), Kind.PERSON, 0.6)
        for match in _INITIAL_AND_NAME.finditer(text)
        if not _is_word_or_germ(match.group("name").lower(), lexicon)
    ]


def _is_word_or_germ(word: str, lexicon: Lexicon) -> bool:
    return word in lexicon.ordinary or word in _GERMS


def _before_verbs(text: str, openings: Openings) -> Iterator[Span]:
    """A capitalised word before what people do, as in Okafor denies pain."""
    for place in openings.of_words(_VERBS):
        if text[place].islower() and text[place - 1 : place] == " ":
            match = _BEFORE_VERB.search(text, max(0, place - _LONGEST_NAME), place)
            if match is not None:
                yield Span(*match.span(), Kind.PERSON, 0.75)


def _before_credentials(text: str, openings: Openings) -> list[Span]:
    """Find up to four capitalised words before a degree; also a family name before a comma."""
    found = []
    for place in openings.of_words(CREDENTIAL_OPENINGS):
        if not text[place - 1 : place].isspace() or not CREDENTIALED.match(text, place):
            continue
        end = place - 2 if text[place - 2 : place - 1] == "," else place - 1
        start = run_before(text, end, most=4, joints=_NAME_JOINTS, initials=True)
        if start == end or CREDENTIALED.fullmatch(text, start, end):
            continue
        family = _LAST_NAME_FIRST.search(text, max(0, start - 40), start)
        if family is not None and family.end() == start:
            start = family.start()
        found.append(Span(start, end, Kind.PERSON, 0.85))
    return found


def _initials(text: str) -> list[Span]:
    """Find two or three initials that are no usual abbreviation or plainly a person's."""
    return [
        Span(match.start(), match.end(), Kind.PERSON, 0.6)
        for match in _INITIALS_ALONE.finditer(text)
        if match.group().replace(" ", "") not in _ABBREVIATIONS or _is_about_person(text, match)
    ]


def _is_about_person(text: str, match: re.Match[str]) -> bool:
    """Tell whether the words around initials speak of a person."""
    before = text[max(0, match.start() - 20) : match.start()]
    return bool(_SPOKEN_OF.search(before) or _DOES.match(text[match.end() : match.end() + 16]))


def _is_ordinary(value: str, lexicon: Lexicon) -> bool:
    """Tell whether every word of a value means something else and none is a usual name."""
    words = [word.strip(".,").lower() for word in value.split()]
    words = [word for word in words if len(word) > 1]
    return bool(words) and all(
        word in lexicon.ordinary and word not in NAMES_THAT_ARE_WORDS for word in words
    )


def _trim(text: str, span: Span, lexicon: Lexicon) -> Span | None:
    """Drop leading and trailing words that are never names, and all after the first inner one."""
    words = [
        (span.start + match.start(), span.start + match.end(), match.group())
        for match in _PIECE.finditer(text[span.start : span.end])
    ]
    is_name = [
        bool(_INITIAL.fullmatch(word)) or word.strip(".,").lower() not in lexicon.never
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
