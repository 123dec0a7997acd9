"""Read a request's Range header: a download goes on from a byte to the end, nothing else."""

from typing import Annotated

from fastapi import Header
from starlette.exceptions import HTTPException

Tail = Annotated[str | None, Header(alias="range", pattern=r"^bytes=[0-9]{1,15}-$")]
"""A Range header that asks for everything from a byte on."""


def first_byte(tail: Tail, size: int) -> int:
    """Byte that a download starts from; 0 without a header.

    Raises:
        HTTPException: 416, if the header asks for nothing of the blob.
    """
    if tail is None:
        return 0
    first = int(tail.removeprefix("bytes=").removesuffix("-"))
    if first >= size:
        raise HTTPException(416, headers={"content-range": f"bytes */{size}"})
    return first
