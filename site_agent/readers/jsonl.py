"""Rows of a JSON-lines file: one object a line, UTF-8."""

import json
from collections.abc import Iterator
from pathlib import Path

from fedclinic.errors import DataError
from site_agent.readers.rows import Row


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the file's objects; blank lines are passed over.

    Raises:
        DataError: naming the line, if it is not UTF-8 or not a JSON object.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path}:{number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise DataError(f"{where}: not UTF-8; convert the file to UTF-8") from None
            if not text.strip():
                continue
            try:
                values = json.loads(text)
            except (ValueError, RecursionError):
                raise DataError(f"{where}: not valid JSON; one object a line is expected") from None
            if not isinstance(values, dict):
                raise DataError(f"{where}: expected a JSON object")
            yield Row(where, values)
