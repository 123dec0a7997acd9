"""Give lines written all in capitals or all in small letters back their case, length unchanged."""

import functools
import re

from fedclinic.deid.institution_case import capitalize_institutions
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.rules.fragments import STATE_CODES, UPPER
from fedclinic.deid.word_lists import KEEPS_CAPITAL, NAMES_THAT_ARE_WORDS, words

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ABBREVIATION = re.compile(r"M\.?D|R\.?N|D\.?O|NP|PA|MRN|DOB|SSN|PCP|ID|BP|HR")
_STATES = frozenset(code.lower() for code in STATE_CODES.split("|"))
_STATES_THAT_ARE_WORDS = words(
    """
    in or me hi ok oh pa ma la id al co de md mo pt ar ne sc ct dc mt ms wi va pr mi
    """
)
_ZIP_FOLLOWS = re.compile(r",? ?\d{5}\b")
_POSSESSIVE = re.compile(r"['’]s$")
_UPPER = re.compile(UPPER)
_INITIAL = re.compile(rf"(?<![\w.'’-])[a-z](?=\. (?:[a-z]\. )?{UPPER})")
_TITLED = re.compile(r"\b(?P<title>(?:Dr|Mr|Mrs|Ms)\.? )(?P<word>[a-z][\w'’-]+)")
_NOT_TITLED = words(
    """
    said says will would is was were has had have and or in on at to for from with who if not as
    office offices visit visits appointment appt recommended advised ordered told called saw sees
    wants wanted came comes does did can may should about that this here today again also later
    """
)
_AFTER_NAME = re.compile(
    rf"(?P<given>{UPPER}[^\W\d_]+)(?P<gap> (?:[A-Za-z]\. )?)(?P<word>[a-z]{{3,}})(?![\w'’-])"
)
_VERBS = words("may will can mark long short best good case march grant art close long-term")
_CITY = re.compile(rf"(?<![\w'’-])[a-z]{{4,}}(?=,? (?i:{STATE_CODES}),? \d{{5}}\b)")
_MIN_LETTERS = 8
_SURNAME_RANK = 20_000


def truecase(text: str, lexicon: Lexicon) -> str:
    """Rewrite the case of lines that carry none; the result has the length of `text`.

    Names and places of the dictionaries and words that no dictionary knows get a capital.
    """
    lines = text.splitlines(keepends=True)
    rewritten = [_truecase_line(line, lexicon) if _is_caseless(line) else line for line in lines]
    return "".join(rewritten)


def shout(text: str) -> str:
    """Write lines without capitals in capitals, as codes are; the length stays."""
    lines = text.splitlines(keepends=True)
    return "".join(_upper(line) if line.islower() else line for line in lines)


def _upper(line: str) -> str:
    upper = line.upper()
    return upper if len(upper) == len(line) else line


def _is_caseless(line: str) -> bool:
    if len(line) < _MIN_LETTERS:
        return False
    if not line.islower() and not line.isupper():
        upper = len(_UPPER.findall(line))
        if 1 < upper < len(line) / 2:
            return False
    upper = sum(map(str.isupper, line))
    lower = sum(map(str.islower, line))
    if upper + lower < _MIN_LETTERS:
        return False
    return upper == 0 or upper / (upper + lower) >= 0.8 or (upper == 1 and lower > 60)


def _truecase_line(line: str, lexicon: Lexicon) -> str:
    was_upper = any(map(str.isupper, line)) and line.upper() == line

    def with_case(match: re.Match[str]) -> str:
        word = match.group()
        if len(word) == 2 and _ZIP_FOLLOWS.match(line, match.end()) and word.lower() in _STATES:
            return word.upper()
        return _truecase_word(word, was_upper, lexicon)

    rewritten = _WORD.sub(with_case, line)
    rewritten = capitalize_institutions(rewritten, lexicon)
    rewritten = _INITIAL.sub(lambda match: match.group().upper(), rewritten)
    rewritten = _TITLED.sub(_capitalize_titled, rewritten)
    rewritten = _AFTER_NAME.sub(lambda match: _capitalize_beside(match, lexicon), rewritten)
    rewritten = _CITY.sub(lambda match: match.group()[:1].upper() + match.group()[1:], rewritten)
    return rewritten if len(rewritten) == len(line) else line


@functools.lru_cache(maxsize=50_000)
def _truecase_word(word: str, was_upper: bool, lexicon: Lexicon) -> str:
    lowered = word.lower()
    if len(lowered) != len(word) or (was_upper and _ABBREVIATION.fullmatch(word)):
        return word
    if lowered in _STATES and lowered not in _STATES_THAT_ARE_WORDS:
        return lowered.upper()
    if lowered in KEEPS_CAPITAL:
        return lowered.capitalize()
    base = _POSSESSIVE.sub("", lowered)
    if base not in lexicon.ordinary and any(
        _is_name_like(part, lexicon) for part in base.split("-")
    ):
        return "-".join(part[:1].upper() + part[1:] for part in lowered.split("-"))
    return lowered


def _capitalize_titled(match: re.Match[str]) -> str:
    word = match.group("word")
    if word in _NOT_TITLED:
        return match.group()
    return match.group("title") + word[:1].upper() + word[1:]


def _capitalize_beside(match: re.Match[str], lexicon: Lexicon) -> str:
    """Give a family name that is a word its capital where a given name stands before it."""
    given, word = match.group("given"), match.group("word")
    is_name = word in NAMES_THAT_ARE_WORDS and word not in _VERBS
    if is_name and given.lower() in lexicon.given and given.lower() not in lexicon.ordinary:
        return f"{given}{match.group('gap')}{word[:1].upper()}{word[1:]}"
    return match.group()


def _is_name_like(part: str, lexicon: Lexicon) -> bool:
    return (
        part in lexicon.given
        or lexicon.family_rank.get(part, 10**6) <= _SURNAME_RANK
        or part in lexicon.places
        or part not in lexicon.ordinary
    )
