"""Canonical encodings and their SHA-256 digests; the only place that decides what is hashed."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from fedclinic.records import Digest, Record


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value so that equal values give equal bytes.

    Keys are sorted, no white space is written, text stays UTF-8; NaN and infinity are refused.

    Raises:
        ValueError: if `value` holds a number that JSON cannot express.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest_bytes(content: bytes) -> Digest:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_chunks(chunks: Iterable[bytes]) -> Digest:
    """Digest content that arrives in pieces, in constant memory."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return f"sha256:{state.hexdigest()}"


def digest_record(record: Record) -> Digest:
    """Digest a record by its canonical JSON."""
    return digest_bytes(canonical_json(record.model_dump(mode="json")))
