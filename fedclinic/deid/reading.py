"""The text as a reader sees it, without mark-up, each position known in the original."""

import re
import unicodedata
from dataclasses import dataclass

from fedclinic.notes import Span

_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2063\ufeff"
_ENTITIES = {
    "&nbsp;": " ",
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&apos;": "'",
}
_REMOVED = re.compile(
    rf"[{_INVISIBLE}]|\r\n?"
    r"|</?(?:[a-zA-Z][a-zA-Z0-9]{0,10})(?:\s[^<>]{0,300})?/?>"
    r"|\\(?:par|pard|plain|b|i|ul|ulnone|f|fs|cf|lang|rtf|ansi|deff|tab|line|cell|row|highlight|"
    r"sb|sa|li|ri|fi)-?\d*(?:\s|(?=[\\{}]))"
    r"|&(?:nbsp|amp|lt|gt|quot|apos|#39);"
)
_BREAKS = re.compile(
    r"</?(?:p|div|br|tr|td|th|li|ul|ol|h\d|table)\b|\\(?:par|line|cell|row|tab)", re.IGNORECASE
)
_SINGLE = {
    "\u00a0": " ", "\u2002": " ", "\u2003": " ", "\u2007": " ", "\u2009": " ", "\u202f": " ",
    "\u3000": " ", "\f": "\n", "\v": "\n", "\u2028": "\n", "\u2029": "\n",
    "\u0085": "\n",
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2010": "-", "\u2011": "-", "\u2012": "-",
    "\u2212": "-",
}  # fmt: skip
_ODD = re.compile(f"[{''.join(_SINGLE)}]")
_HOMOGLYPHS = str.maketrans(
    "АВЕКМНОРСТУХаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEKMHOPCTYXaeopcyxijsABEZHIKMNOPTYXo"
)
_HAS_LATIN = re.compile(r"[A-Za-z]")
_FULL_WIDTH = re.compile("[\uff01-\uff5e]")
_GREEK_OR_CYRILLIC = re.compile("[\u0370-\u04ff]")
_OTHER_ALPHABET = re.compile(r"[^\W\d_]*[\u0370-\u04ff][^\W\d_]*")


@dataclass(frozen=True)
class Reading:
    """`text` as read; `positions[i]` is where character i stands in the original, None if there."""

    text: str
    positions: tuple[int, ...] | None
    lengths: tuple[int, ...] | None
    """How many characters of the original each character of `text` stands for."""

    def in_original(self, span: Span) -> Span:
        """Carry a span of `text` back to the original."""
        if self.positions is None or self.lengths is None:
            return span
        last = span.end - 1
        return Span(
            self.positions[span.start],
            self.positions[last] + self.lengths[last],
            span.label,
            span.score,
        )


def read(text: str) -> Reading:
    """Read a text as a person would.

    Mark-up, RTF words and invisible characters go; odd spaces, quotes, dashes, full-width letters
    and look-alike letters become plain ones.
    """
    if text.isascii() and not any(mark in text for mark in "<\\&\r"):
        return Reading(text.replace("\f", "\n").replace("\v", "\n"), None, None)
    plain = _plain_letters(_ODD.sub(lambda match: _SINGLE[match.group()], text))
    parts: list[str] = []
    positions: list[int] = []
    lengths: list[int] = []
    position = 0
    for match in _REMOVED.finditer(plain):
        _keep(plain, position, match.start(), parts, positions, lengths)
        replaced = _stands_for(match.group())
        if replaced:
            parts.append(replaced)
            positions.append(match.start())
            lengths.append(match.end() - match.start())
        position = match.end()
    if position == 0:
        return Reading(plain, None, None)
    _keep(plain, position, len(plain), parts, positions, lengths)
    return Reading("".join(parts), tuple(positions), tuple(lengths))


def _keep(
    text: str, start: int, end: int, parts: list[str], positions: list[int], lengths: list[int]
) -> None:
    parts.append(text[start:end])
    positions.extend(range(start, end))
    lengths.extend([1] * (end - start))


def _stands_for(removed: str) -> str:
    """The character that a reader sees in place of a tag or entity; empty for none."""
    if removed in _ENTITIES:
        return _ENTITIES[removed]
    return "\n" if removed[0] == "\r" or _BREAKS.match(removed) else ""


def _plain_letters(text: str) -> str:
    """Full-width letters and digits as ASCII, and look-alikes within Latin words as Latin."""
    if text.isascii():
        return text
    narrowed = _FULL_WIDTH.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    if not _GREEK_OR_CYRILLIC.search(narrowed):
        return narrowed
    return _OTHER_ALPHABET.sub(_plain_word, narrowed)


def _plain_word(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_HOMOGLYPHS) if _HAS_LATIN.search(word) else word
