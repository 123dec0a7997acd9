"""Give the names of institutions their capitals in a line that carries no case."""

import re
from collections.abc import Sequence

from fedclinic.deid.institution_words import (
    FACILITY_HEADS,
    FIRM_HEADS,
    INSTITUTION_WORDS,
    LATE_HEADS,
    PLAIN_HEADS,
    is_naming,
)
from fedclinic.deid.lexicon import Lexicon

_HEADS = FACILITY_HEADS | PLAIN_HEADS | LATE_HEADS | FIRM_HEADS
_OPEN_HEADS = FACILITY_HEADS | PLAIN_HEADS
_WORD = re.compile(r"[^\W\d_][\w'’-]*|&")
_JOINTS = frozenset({"of", "and", "the", "&", "de", "la", "del"})
_GAP = re.compile(r"\.? ")
_OUR_LADY = re.compile(r"(?i)(?<!\w)our lady(?= of )")
_MOST = 6
"""Words before a key word that may belong to the name."""


def capitalize_institutions(line: str, lexicon: Lexicon) -> str:
    """Give key words, what names them and the words between a capital; the length stays.

    Words that look like names have their capital already.
    """
    words = list(_WORD.finditer(line))
    plain = [word.group().lower().replace("’", "'") for word in words]
    places = [index for index, word in enumerate(plain) if word in _HEADS]
    if not places:
        return line
    capitals: set[int] = set()
    for head in places:
        first = _first_word(line, words, plain, head, lexicon)
        last = _last_word(line, words, plain, head)
        if first <= last:
            capitals.update(
                words[index].start()
                for index in range(first, last + 1)
                if plain[index] not in _JOINTS
            )
    letters = list(line)
    for place in capitals:
        letters[place] = letters[place].upper()
    capitalized = _OUR_LADY.sub(lambda match: match.group().title(), "".join(letters))
    return capitalized if len(capitalized) == len(line) else line


def _first_word(
    line: str, words: Sequence[re.Match[str]], plain: Sequence[str], head: int, lexicon: Lexicon
) -> int:
    """The first word that names the institution of a key word; after the key word if none does."""
    first, index = len(words), head
    while index > max(0, head - _MOST) and _GAP.fullmatch(
        line, words[index - 1].end(), words[index].start()
    ):
        index -= 1
        if plain[head] in LATE_HEADS and plain[index].endswith("'s"):
            break
        if is_naming(plain[index], lexicon):
            first = index
        elif plain[index] not in INSTITUTION_WORDS and plain[index] not in _JOINTS:
            break
    while first < len(words) and first > index + 1 and plain[first - 1] in INSTITUTION_WORDS:
        first -= 1
    return first


def _last_word(line: str, words: Sequence[re.Match[str]], plain: Sequence[str], head: int) -> int:
    """The last word of the institution that a key word begins or ends."""
    last = head
    while (
        last + 1 < len(words)
        and _GAP.fullmatch(line, words[last].end(), words[last + 1].start())
        and (plain[last + 1] in INSTITUTION_WORDS or plain[last + 1] in _JOINTS)
    ):
        last += 1
    while plain[last] in _JOINTS:
        last -= 1
    return last
