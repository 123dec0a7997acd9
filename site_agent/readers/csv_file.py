"""Rows of a CSV file with a header line, UTF-8, quoted line breaks allowed."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from fedclinic.errors import DataError
from site_agent.readers.rows import Row

MAX_FIELD_CHARACTERS = 16 * 1024 * 1024


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the file's records; every value is text.

    Raises:
        DataError: naming the line, if it is not UTF-8, two columns have one name, or the number
            of cells is not the header's.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(_checked(file, path), strict=True)
        while True:
            where = f"{path}:{reader.line_num + 1}"
            try:
                values = next(reader, None)
            except csv.Error as error:
                raise DataError(f"{where}: not valid CSV: {error}") from None
            if values is None:
                return
            columns = reader.fieldnames or ()
            if len(set(columns)) != len(columns):
                raise DataError(f"{path}:1: a column is named twice in the header")
            if None in values or None in values.values():
                raise DataError(f"{where}: the number of cells differs from the header's")
            yield Row(where, values)


def _checked(lines: Iterable[str], path: Path) -> Iterator[str]:
    """Name the very line that is not UTF-8; the decoder itself only knows its block."""
    for number, line in enumerate(lines, start=1):
        try:
            line.encode()
        except UnicodeEncodeError:
            raise DataError(f"{path}:{number}: not UTF-8; convert the file to UTF-8") from None
        yield line
