"""Give words of a line that carries no case the capital that their neighbours ask for."""

import re
from collections.abc import Callable

from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import CREDENTIAL, STATE_CODES, STATE_NAMES, UPPER
from fedclinic.deid.word_lists import NAMES_THAT_ARE_WORDS, words

_Rewrite = Callable[[re.Match[str], Lexicon], str]
STATES = frozenset(code.lower() for code in STATE_CODES.split("|"))
STATES_THAT_ARE_WORDS = words(
    """
    as in or me hi ok oh pa ma la id al co de md mo pt ar ne sc ct dc mt ms wi va pr mi
    """
)
_INITIAL = re.compile(rf"(?<![\w.'’-])[a-z](?=\. (?:[a-z]\. )?{UPPER})")
_TITLED = re.compile(r"\b(?P<title>(?:Dr|Mr|Mrs|Ms)\.? )(?P<word>[a-z][\w'’-]+)")
_NOT_TITLED = words(
    """
    said says will would is was were has had have and or in on at to for from with who if not as
    office offices visit visits appointment appt recommended advised ordered told called saw sees
    wants wanted came comes does did can may should about that this here today again also later
    stands
    """
)
_TITLED_FULL = re.compile(
    rf"\b(?:Dr|Mr|Mrs|Ms)\.? {UPPER}[\w'’-]+ (?P<word>[a-z]{{3,}})(?=[.,;)]|\s*$| {{2}})"
)
_CREDENTIALED = re.compile(
    rf"(?<![\w'’-]){UPPER}[\w'’-]+ (?P<word>[a-z]{{3,}})(?=, (?i:{CREDENTIAL}))"
)
_PARTNERS = re.compile(r"(?<![\w'’-])[^\W\d_]{3,}, [^\W\d_]{3,},? and [^\W\d_]{3,}(?![\w'’-])")
_AFTER_NAME = re.compile(
    rf"(?P<given>{UPPER}[^\W\d_]+)(?P<gap> (?:[A-Za-z]\. )?)(?P<word>[a-z]{{3,}})(?![\w'’-])"
)
_BEFORE_NAME = re.compile(rf"(?<![\w'’-])(?P<word>[a-z]{{3,}})(?= (?P<family>{UPPER}[\w'’-]+))")
_VERBS = words(
    """
    may will can mark long short best good case march grant art close long-term heard hurt means
    read fell struck speaks look walk grow begin work works roll shows counts pass blow rang treat
    lay back still free early daily prior little true low fine dose wound pain
    """
)
_AUXILIARIES = words("may will can case long short best good close north south east west new")
_SURNAMES_THAT_ARE_WORDS = 10_000
"""Down to this rank of the census a word behind a given name is taken for a surname."""
_CITY = re.compile(rf"(?<![\w'’-])[a-z]{{4,}}(?=,? (?i:{STATE_CODES}),? \d{{5}}\b)")
_LABELLED = re.compile(
    r"(?i)\b(?:name|patient|pt|client|attending|provider|physician|surgeon|author|nurse|therapist|"
    r"interpreter|witness|contact|caller|guardian|student|employee|pcp|rn|by|re|resident|msw|"
    r"chaplain):\s{1,3}(?P<value>[^\W\d_][\w.'’-]*(?:,? [^\W\d_][\w.'’-]*){1,3})"
    r"(?=\s{2}|[ \t]*(?:$|[|;(\t]))"
)
_BEFORE_TOWN = re.compile(rf"(?<![\w'’-])(?:port|lake|mount|fort|saint|cape|glen)(?= {UPPER})")
_STREET = re.compile(
    r"\b(?:on|at|to|along|near|from) (?P<word>[a-z]{3,})"
    r"(?= (?:Street|Avenue|Road|Lane|Boulevard)\b)"
)
_TWO_WORD_STATES = re.compile(
    rf"(?i)\b(?:{'|'.join(name for name in STATE_NAMES.split('|') if ' ' in name)})\b"
)
_MONTH_THAT_IS_WORD = re.compile(
    r"\b(?P<cue>(?:in|since|until|last|early|late|mid|of) )(?P<month>march|may)\b"
    r"(?! (?:be|have|not)\b)"
)
_STATE_AFTER_CITY = re.compile(
    rf"(?<=[a-zß-ÿ], )(?i:{'|'.join(sorted(STATES_THAT_ARE_WORDS & STATES))})"
    r"(?![\w'’/-]| [a-z])"
)


def capitalize_phrases(line: str, lexicon: Lexicon) -> str:
    """Rewrite the case of a line whose words that look like names have their capital already."""
    for pattern, rewrite in _REWRITES:
        line = _rewritten(line, pattern, rewrite, lexicon)
    return line


def _rewritten(line: str, pattern: re.Pattern[str], rewrite: _Rewrite, lexicon: Lexicon) -> str:
    return pattern.sub(lambda match: rewrite(match, lexicon), line)


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _all_upper(match: re.Match[str], lexicon: Lexicon) -> str:
    return match.group().upper()


def _each_capital(match: re.Match[str], lexicon: Lexicon) -> str:
    return match.group().title()


def _last_capital(match: re.Match[str], lexicon: Lexicon) -> str:
    """The match with a capital for its last word."""
    before, space, word = match.group().rpartition(" ")
    return before + space + _capital(word)


def _titled(match: re.Match[str], lexicon: Lexicon) -> str:
    return match.group() if match.group("word") in _NOT_TITLED else _last_capital(match, lexicon)


def _titled_family(match: re.Match[str], lexicon: Lexicon) -> str:
    """The family name behind a given name and beside a title or degree, though a word too."""
    word = match.group("word")
    is_surname = word in lexicon.family_rank and word not in _NOT_TITLED
    return _last_capital(match, lexicon) if is_surname else match.group()


def _partners(match: re.Match[str], lexicon: Lexicon) -> str:
    """Three common surnames in a row, at least one of which is nothing else."""
    names = [name for name in match.group().replace(",", "").split() if name != "and"]
    common = all(
        lexicon.family_rank.get(name.lower(), 10**6) <= _SURNAMES_THAT_ARE_WORDS for name in names
    )
    if not common or not any(name[0].isupper() for name in names):
        return match.group()
    return match.group().title().replace(" And ", " and ")


def _family(match: re.Match[str], lexicon: Lexicon) -> str:
    """A family name that is a word, where a given name stands before it."""
    given, word = match.group("given").lower(), match.group("word")
    is_surname = (
        word in NAMES_THAT_ARE_WORDS
        or lexicon.family_rank.get(word, 10**6) <= _SURNAMES_THAT_ARE_WORDS
    )
    is_given = given in lexicon.given and given not in lexicon.ordinary
    return (
        _last_capital(match, lexicon)
        if is_surname and is_given and word not in _VERBS
        else (match.group())
    )


def _given(match: re.Match[str], lexicon: Lexicon) -> str:
    """A given name that is a word, where a family name stands behind it."""
    word, family = match.group("word"), match.group("family").lower()
    is_given = word in NAMES_THAT_ARE_WORDS and word in lexicon.given
    is_family = family in lexicon.family_rank and family not in lexicon.eponyms
    return _capital(word) if is_given and is_family and word not in _AUXILIARIES else word


def _street(match: re.Match[str], lexicon: Lexicon) -> str:
    return match.group() if match.group("word") in lexicon.never else _last_capital(match, lexicon)


def _labelled(match: re.Match[str], lexicon: Lexicon) -> str:
    """Every word of a name behind a label, if one of them is a name for sure."""
    label, value = match.group()[: match.start("value") - match.start()], match.group("value")
    parts = value.split()
    is_name = any(part[0].isupper() for part in parts)
    is_other = any(part.strip(".,").lower() in lexicon.never for part in parts)
    return label + (value.title() if is_name and not is_other else value)


_REWRITES: tuple[tuple[re.Pattern[str], _Rewrite], ...] = (
    (_INITIAL, _all_upper),
    (_TITLED, _titled),
    (_TITLED_FULL, _titled_family),
    (_CREDENTIALED, _titled_family),
    (_PARTNERS, _partners),
    (_AFTER_NAME, _family),
    (_BEFORE_NAME, _given),
    (_CITY, _last_capital),
    (_LABELLED, _labelled),
    (_BEFORE_TOWN, _last_capital),
    (_STREET, _street),
    (_TWO_WORD_STATES, _each_capital),
    (_MONTH_THAT_IS_WORD, _last_capital),
    (_STATE_AFTER_CITY, _all_upper),
)
"""What is rewritten, in this order: later ones build on the capitals of earlier ones."""
