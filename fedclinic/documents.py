"""Read what a person wrote into a file; what cannot be read is told as a mistake, in one line."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from fedclinic.config import parse_document
from fedclinic.errors import ConfigError
from fedclinic.records import Record

R = TypeVar("R", bound=Record)


def load_document(
    path: Path, model: type[R], what: str, substitutions: Mapping[str, str] | None = None
) -> R:
    """Read a YAML file and check it; `substitutions` as in `parse_document`.

    Raises:
        ConfigError: if the file is missing, unreadable or wrong; calls it `what`.
    """
    text = read_written(path, what)
    return parse_document(text, model, source=str(path), substitutions=substitutions)


def read_written(path: Path, what: str, *, encoding: str = "utf-8") -> str:
    """Read a whole file of text.

    Raises:
        ConfigError: if it is missing, unreadable or not UTF-8; calls it `what`.
    """
    try:
        return path.read_text(encoding=encoding)
    except FileNotFoundError:
        raise ConfigError(f"no {what} at {path}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"cannot read {what} {path}: not UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot read {what} {path}: {error.strerror}") from None
