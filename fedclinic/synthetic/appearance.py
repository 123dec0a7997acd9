"""Changes to a finished text that keep its length, and so every offset."""

from fedclinic.synthetic.kinds import Stratum


def change_case(text: str, stratum: Stratum) -> str:
    """Write the whole text as its stratum says."""
    return {"upper": text.upper(), "lower": text.lower()}.get(stratum, text)


def wrap(text: str, *, width: int) -> str:
    """Turn spaces into line ends, so that no line is longer than `width` where that can be."""
    characters = list(text)
    start = 0
    while len(text) - start > width:
        end = text.find("\n", start, start + width + 1)
        if end < 0:
            end = text.rfind(" ", start + 1, start + width + 1)
        if end < 0:
            end = start + width
        elif text[end] == " ":
            characters[end] = "\n"
        start = end + 1
    return "".join(characters)
