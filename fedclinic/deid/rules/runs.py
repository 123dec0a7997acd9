"""Read the capitalised words that stand directly before a key word, from right to left."""

_OPENING = "(\"'[{*_|/-—–:;,"
_ABBREVIATIONS = frozenset({"st.", "mt.", "ft.", "dr.", "no.", "so.", "jr.", "sr."})
_REACH = 100
NO_JOINTS: frozenset[str] = frozenset()


def run_before(
    text: str,
    end: int,
    *,
    most: int,
    joints: frozenset[str] = NO_JOINTS,
    initials: bool = False,
) -> int:
    """Where the run of at most `most` capitalised words that ends at `end` begins; `end` if none.

    Words are parted by single spaces on one line. `joints` are small words that may stand among
    them. A word that ends with a mark is outside, save St. and, if `initials`, initials.
    """
    first = max(text.rfind("\n", 0, end) + 1, end - _REACH)
    start, taken = end, 0
    position = end - 1 if end > first and text[end - 1] == " " else end
    while taken < most and position > first:
        word_start = max(text.rfind(" ", first, position) + 1, first)
        word = text[word_start:position]
        name = word.lstrip(_OPENING)
        if name not in joints or start == end:
            if not _is_capitalized(name, initials):
                break
            start = word_start + len(word) - len(name)
            taken += 1
        if len(name) < len(word):
            break
        position = word_start - 1
    return start


def _is_capitalized(word: str, initials: bool) -> bool:
    if not word or not word[0].isupper():
        return False
    if word[-1].isalnum() or word[-1] in "'’":
        return True
    return word[-1] == "." and ((initials and len(word) == 2) or word.lower() in _ABBREVIATIONS)
