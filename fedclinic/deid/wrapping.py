"""Join lines that were broken at a fixed width, so that rules read across the break."""

import re

_LONG_LINE = 45
_LABEL = r"[A-Za-z][\w /'’-]{0,30}:"
_BREAK = re.compile(rf"\n(?<=[^\n]{{{_LONG_LINE}}}\n)(?=[A-Za-z0-9(\"'])(?!{_LABEL})")
_PARAGRAPH_END = re.compile(r"[.?!:;]\s*$")


def unwrap(text: str) -> str:
    """Write a space for each line break in the middle of a sentence; the length stays.

    A break is one where the line before is long and ends without a mark. The last lines of
    headers and lists are short, so they stay apart, and so does what a label begins.
    """
    parts, position = [], 0
    for match in _BREAK.finditer(text):
        if _PARAGRAPH_END.search(text[match.start() - 3 : match.start()]):
            continue
        parts += [text[position : match.start()], " "]
        position = match.end()
    return "".join([*parts, text[position:]])
