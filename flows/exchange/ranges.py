"""Read a request's Range header: a download goes on from a byte to the end, nothing else."""

import re

from fedclinic.exchange_protocol import Trouble
from flows.exchange.problems import RefusedError

_FROM = re.compile(r"bytes=([0-9]{1,15})-")


def first_byte(header: str | None, size: int) -> int:
    """Byte that a download starts from; 0 without a header.

    Raises:
        RefusedError: if the header asks for anything but a tail, or for none of the blob.
    """
    if header is None:
        return 0
    asked = _FROM.fullmatch(header)
    if asked is None or not int(asked[1]) < size:
        raise RefusedError(Trouble.REQUEST)
    return int(asked[1])
