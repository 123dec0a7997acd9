"""Tell whether a note is written in English, by the small words that every language needs."""

import re

from fedclinic.deid.word_lists import words
from fedclinic.errors import DeidentificationError

_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = words(
    """
    the of and to in is was with for on at by from has had he she his her patient no not
    this that are be an or as were history been will pt denies without which who what
    """
)
_OTHER = words(
    """
    de la el los las que y en un una por con para del se su al es como más sin presenta
    paciente le les des et du une dans est pour avec sur pas il elle qui au aux ce cette der
    die das und ist nicht mit den von zu ein eine auf im dem des bei wird wurde do da dos
    das em um uma não com os ao na no di il lo gli che per non è sono della
    """
) - {"no", "a", "do", "pas", "per", "die"}
_MIN_WORDS = 20
_MAX_FOREIGN_LETTERS = 0.2
_SAMPLE = 20_000


def check_english(text: str) -> None:
    """Refuse a text that is not plainly English; a short one is let through.

    Raises:
        DeidentificationError: if other languages' small words or scripts prevail.
    """
    sample = text[:_SAMPLE]
    letters = sum(map(str.isalpha, sample))
    foreign = sum(1 for each in sample if each > "\u024f" and each.isalpha())
    if letters and foreign / letters > _MAX_FOREIGN_LETTERS:
        raise DeidentificationError("the note is written in another script")
    words = [word.lower() for word in _WORD.findall(sample)]
    if len(words) < _MIN_WORDS:
        return
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHER for word in words)
    if other > english and other / len(words) > 0.08:
        raise DeidentificationError("the note is written in another language than English")
