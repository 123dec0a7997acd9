"""Rows of a Parquet file, read in batches so that memory does not grow with the file."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet

from fedclinic.errors import DataError
from site_agent.readers.rows import Row

BATCH_ROWS = 1024


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the file's rows in order.

    Raises:
        DataError: if the file is not Parquet, is cut off, or a text in it is not UTF-8.
    """
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}: row {number}", values)
    except UnicodeDecodeError:
        raise DataError(f"{path}: a text after row {number} is not UTF-8") from None
    except (pyarrow.ArrowException, OSError):
        raise DataError(f"{path}: not a readable Parquet file") from None
