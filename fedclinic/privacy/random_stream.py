"""A cryptographic stream of random numbers for noise and sampling; it never seeds itself.

ChaCha20 (RFC 8439) under an explicit 32-byte key. In production the edge passes fresh operating
system entropy; a fixed key belongs in tests only.
"""

import hmac
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

KEY_BYTES = 32

_SEGMENT_BYTES = 1 << 36
"""Bytes under one nonce: a quarter of the 256 GiB after which the block counter would wrap."""
_BLOCK = 1 << 16
"""Numbers a block: what stays in the processor's cache while it is transformed."""
_UNIT = 2.0**-53


class RandomStream:
    """Independent uniform, whole and Gaussian numbers, in the order in which they are asked for."""

    def __init__(self, key: bytes) -> None:
        """Start the stream of `key`: 32 bytes that nobody else knows.

        Raises:
            ValueError: if the key has another length.
        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"a random stream needs a key of {KEY_BYTES} bytes, not {len(key)}")
        self._root = key
        self._stream_key = hmac.digest(key, b"fedclinic stream", "sha256")
        self._spawned: set[str] = set()
        self._segment = -1
        self._left = 0
        self._keystream: CipherContext | None = None

    def __repr__(self) -> str:
        return "RandomStream(...)"

    def uniform(self, count: int) -> npt.NDArray[np.float64]:
        """Draw multiples of 2^-53, uniform in [0, 1)."""
        out = np.empty(count)
        for block in _blocks(count):
            out[block] = self._words(block.stop - block.start) >> np.uint64(11)
        out *= _UNIT
        return out

    def integers(self, upper: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Draw one whole number in [0, upper) for each bound, without modulo bias (by rejection).

        Raises:
            ValueError: if a bound is not positive.
        """
        bounds = np.asarray(upper, dtype=np.int64)
        if bounds.size and bounds.min() < 1:
            raise ValueError("an upper bound is at least 1")
        flat = bounds.ravel().astype(np.uint64)
        out = np.empty(flat.shape, dtype=np.uint64)
        pending = np.arange(flat.size)
        while pending.size:
            words, bound = self._words(pending.size), flat[pending]
            spare = (np.uint64(2**64 - 1) % bound + np.uint64(1)) % bound
            kept = words <= np.uint64(2**64 - 1) - spare
            out[pending[kept]] = words[kept] % bound[kept]
            pending = pending[~kept]
        return out.astype(np.int64).reshape(bounds.shape)

    def gaussian(self, count: int) -> npt.NDArray[np.float64]:
        """Draw standard Gaussians by Box and Muller (1958) on pairs of 53-bit uniforms.

        The radius uses 1 - u in (0, 1], so the largest magnitude is sqrt(2 * 53 * ln 2) = 8.57; a
        Gaussian passes that with probability 1e-17. Callers add the noise in float64 and round
        once, which leaves no trace of the generator's own grid (Mironov 2012).
        """
        out = np.empty(count + count % 2)
        for block in _blocks(out.size // 2):
            size = block.stop - block.start
            radius, angle = self.uniform(size), self.uniform(size)
            np.subtract(1.0, radius, out=radius)
            np.log(radius, out=radius)
            radius *= -2.0
            np.sqrt(radius, out=radius)
            angle *= 2.0 * np.pi
            start = 2 * block.start
            np.multiply(radius, np.cos(angle), out=out[start : start + size])
            np.multiply(radius, np.sin(angle), out=out[start + size : start + 2 * size])
        return out[:count]

    def spawn(self, label: str) -> "RandomStream":
        """Derive the independent stream of `label` (HMAC-SHA256); each label once.

        Raises:
            ValueError: if `label` was spawned before: the same noise would be drawn twice.
        """
        if label in self._spawned:
            raise ValueError(f"stream {label!r} was already spawned: its numbers would repeat")
        self._spawned.add(label)
        return RandomStream(hmac.digest(self._root, b"fedclinic spawn " + label.encode(), "sha256"))

    def _words(self, count: int) -> npt.NDArray[np.uint64]:
        size = 8 * count
        if self._keystream is None or self._left < size:
            self._segment += 1
            nonce = bytes(4) + self._segment.to_bytes(12, "little")
            cipher = Cipher(ChaCha20(self._stream_key, nonce), mode=None)
            self._keystream = cipher.encryptor()
            self._left = _SEGMENT_BYTES
        self._left -= size
        return np.frombuffer(self._keystream.update(bytes(size)), dtype="<u8").astype(
            np.uint64, copy=False
        )


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))
