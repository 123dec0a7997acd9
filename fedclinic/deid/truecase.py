"""Give lines written all in capitals or all in small letters back their case, length unchanged."""

import functools
import re

from fedclinic.deid.institution_case import capitalize_institutions
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.phrase_case import STATES, STATES_THAT_ARE_WORDS, capitalize_phrases
from fedclinic.deid.rules.fragments import UPPER
from fedclinic.deid.word_lists import KEEPS_CAPITAL

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ABBREVIATION = re.compile(r"M\.?D|R\.?N|D\.?O|NP|PA|MRN|DOB|SSN|PCP|ID|BP|HR")
_ZIP_FOLLOWS = re.compile(r",? ?\d{5}\b")
_POSSESSIVE = re.compile(r"['’]s$")
_UPPER = re.compile(UPPER)
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
        if len(word) == 2 and _ZIP_FOLLOWS.match(line, match.end()) and word.lower() in STATES:
            return word.upper()
        return _truecase_word(word, was_upper, lexicon)

    rewritten = _WORD.sub(with_case, line)
    rewritten = capitalize_institutions(rewritten, lexicon)
    rewritten = capitalize_phrases(rewritten, lexicon)
    return rewritten if len(rewritten) == len(line) else line


@functools.lru_cache(maxsize=50_000)
def _truecase_word(word: str, was_upper: bool, lexicon: Lexicon) -> str:
    lowered = word.lower()
    if len(lowered) != len(word) or (was_upper and _ABBREVIATION.fullmatch(word)):
        return word
    if lowered in STATES and lowered not in STATES_THAT_ARE_WORDS:
        return lowered.upper()
    if lowered in KEEPS_CAPITAL:
        return lowered.capitalize()
    base = _POSSESSIVE.sub("", lowered)
    if base not in lexicon.ordinary and any(
        _is_name_like(part, lexicon) for part in base.split("-")
    ):
        return "-".join(part[:1].upper() + part[1:] for part in lowered.split("-"))
    return lowered


def _is_name_like(part: str, lexicon: Lexicon) -> bool:
    return (
        part in lexicon.given
        or lexicon.family_rank.get(part, 10**6) <= _SURNAME_RANK
        or part in lexicon.places
        or part not in lexicon.ordinary
    )
