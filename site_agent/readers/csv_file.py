"""Rows of a CSV file with a header line, UTF-8, quoted line breaks allowed."""

import csv
from collections.abc import Iterator
from pathlib import Path

from fedclinic.errors import DataError
from site_agent.readers.rows import Row

MAX_FIELD_CHARACTERS = 16 * 1024 * 1024


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the file's records; every value is text.

    Raises:
        DataError: naming the line, if it is not UTF-8 or has more cells than the header.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        while True:
            where = f"{path}:{reader.line_num + 1}"
            try:
                values = next(reader, None)
            except UnicodeDecodeError:
                raise DataError(f"{where}: not UTF-8; convert the file to UTF-8") from None
            except csv.Error as error:
                raise DataError(f"{where}: not valid CSV: {error}") from None
            if values is None:
                return
            if None in values or None in values.values():
                raise DataError(f"{where}: the number of cells differs from the header's")
            yield Row(where, values)
