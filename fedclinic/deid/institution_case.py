"""Give the names of institutions their capitals in a line that carries no case."""

import re
from collections.abc import Sequence

from fedclinic.deid.institution_words import (
    FACILITY_HEADS,
    FIRM_HEADS,
    GENERIC_NAMES,
    INSTITUTION_WORDS,
    LATE_HEADS,
    PLAIN_HEADS,
    is_naming,
)
from fedclinic.deid.lexicon import Lexicon
from fedclinic.deid.word_lists import words

_HEADS = FACILITY_HEADS | PLAIN_HEADS | LATE_HEADS | FIRM_HEADS
_OPEN_HEADS = FACILITY_HEADS | PLAIN_HEADS
_WORD = re.compile(r"[^\W\d_][\w'’-]*|&")
_JOINTS = frozenset({"of", "and", "the", "&", "de", "la", "del"})
_GAP = re.compile(r"\.? ")
_SET_NAMES = re.compile(
    r"(?i)(?<!\w)(?:our lady(?= of )|mass general|good samaritan|mt\.? sinai)(?!\w)"
)
_NAMED_GENERICALLY = words("hospital hosp clinic center ctr")
_LEADING = words("at from to by via through of")
_NO_SURNAMES = words("little small ready bone head ward daily free walk fast back list hearing see")
_SURNAMES_THAT_ARE_WORDS = 10_000
_MOST = 6
"""Words before a key word that may belong to the name."""


def capitalize_institutions(line: str, lexicon: Lexicon) -> str:
    """Give key words, what names them and the words between a capital; the length stays.

    Words that look like names have their capital already.
    """
    found = list(_WORD.finditer(line))
    plain = [word.group().lower().replace("’", "'") for word in found]
    places = [index for index, word in enumerate(plain) if word in _HEADS]
    if not places:
        return line
    capitals: set[int] = set()
    for head in places:
        first = _first_word(line, found, plain, head, lexicon)
        last = _last_word(line, found, plain, head)
        if first <= last:
            capitals.update(
                found[index].start()
                for index in range(first, last + 1)
                if plain[index] not in _JOINTS
            )
    letters = list(line)
    for place in capitals:
        letters[place] = letters[place].upper()
    capitalized = _SET_NAMES.sub(lambda match: match.group().title(), "".join(letters))
    return capitalized if len(capitalized) == len(line) else line


def _first_word(
    line: str, found: Sequence[re.Match[str]], plain: Sequence[str], head: int, lexicon: Lexicon
) -> int:
    """The first word that names the institution of a key word; after the key word if none does."""
    first, index = len(found), head
    while index > max(0, head - _MOST) and _GAP.fullmatch(
        line, found[index - 1].end(), found[index].start()
    ):
        index -= 1
        if plain[head] in LATE_HEADS and plain[index].endswith("'s"):
            break
        if is_naming(plain[index], lexicon) or (
            all(word in INSTITUTION_WORDS for word in plain[index + 1 : head])
            and (_is_led_to(plain, index, lexicon) or _is_generic(plain[index], plain[head]))
        ):
            first = index
        elif plain[index] not in INSTITUTION_WORDS and plain[index] not in _JOINTS:
            break
    if first == len(found) and _is_of_place(line, found, plain, head):
        first = head
    while first < len(found) and first > index + 1 and plain[first - 1] in INSTITUTION_WORDS:
        first -= 1
    return first


def _is_of_place(
    line: str, found: Sequence[re.Match[str]], plain: Sequence[str], head: int
) -> bool:
    """Tell whether of and a name follow a key word, as in hospital of Zorvathberg."""
    if plain[head + 1 : head + 2] != ["of"]:
        return False
    rest = range(head + 2, min(head + 4, len(found)))
    return any(line[found[at].start()].isupper() for at in rest)


def _is_generic(word: str, head: str) -> bool:
    """Tell whether a word by which hospitals are called stands before such a key word."""
    return word in GENERIC_NAMES and head in _NAMED_GENERICALLY


def _is_led_to(plain: Sequence[str], index: int, lexicon: Lexicon) -> bool:
    """Tell whether a word is a surname that a preposition leads to, as in seen at case clinic."""
    word = plain[index]
    is_surname = lexicon.family_rank.get(word, 10**6) <= _SURNAMES_THAT_ARE_WORDS
    is_other = word in lexicon.never or word in INSTITUTION_WORDS or word in _NO_SURNAMES
    return is_surname and not is_other and index > 0 and plain[index - 1] in _LEADING


def _last_word(line: str, found: Sequence[re.Match[str]], plain: Sequence[str], head: int) -> int:
    """The last word of the institution that a key word begins or ends."""
    last = head
    while (
        last + 1 < len(found)
        and _GAP.fullmatch(line, found[last].end(), found[last + 1].start())
        and (plain[last + 1] in INSTITUTION_WORDS or plain[last + 1] in _JOINTS)
    ):
        last += 1
    while plain[last] in _JOINTS:
        last -= 1
    return last
