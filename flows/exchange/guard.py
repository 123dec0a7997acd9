"""Who calls: the signature, clock, nonce and rate of a request, before anything is done for it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine, delete, insert, update
from sqlalchemy.exc import IntegrityError

from fedclinic.evidence.keys import VerifyKey
from fedclinic.exchange_protocol import Trouble
from fedclinic.signed_request import CLOCK_WINDOW_SECONDS, SignedRequest
from flows.exchange.problems import RefusedError
from flows.exchange.registry import Registry
from flows.exchange.settings import Limits
from flows.exchange.tables import nonces, sites

MINUTE = 60.0
FORGET_EVERY = 500


@dataclass
class _Bucket:
    """Calls that a site may make now; it fills again with time."""

    level: float
    at: float


@dataclass
class Guard:
    engine: Engine
    registry: Registry
    limits: Limits
    clock: Callable[[], float]
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _calls: int = 0

    def check(self, request: SignedRequest) -> VerifyKey:
        """Let a request through or refuse it; returns the site's key.

        A stranger learns nothing but that it is one: the clock is compared after the signature.

        Raises:
            RefusedError: if it is not a fresh request of a site in force, or one too many.
        """
        site = self.registry.find(request.site)
        if site is None:
            raise RefusedError(Trouble.UNKNOWN_SITE)
        if not request.is_signed_by(site.key):
            raise RefusedError(Trouble.SIGNATURE)
        if site.revoked:
            raise RefusedError(Trouble.REVOKED)
        now = self.clock()
        if abs(request.at - now) > CLOCK_WINDOW_SECONDS:
            raise RefusedError(Trouble.CLOCK)
        self._check_rate(request.site, now)
        self._use_nonce(request, now)
        return site.key

    def _check_rate(self, site: str, now: float) -> None:
        full = float(self.limits.calls_a_minute)
        with self._lock:
            bucket = self._buckets.setdefault(site, _Bucket(full, now))
            bucket.level = min(full, bucket.level + (now - bucket.at) * full / MINUTE)
            bucket.at = now
            if bucket.level < 1:
                raise RefusedError(Trouble.RATE)
            bucket.level -= 1

    def _use_nonce(self, request: SignedRequest, now: float) -> None:
        try:
            with self.engine.begin() as connection:
                connection.execute(
                    insert(nonces).values(site=request.site, nonce=request.nonce, at=now)
                )
                connection.execute(
                    update(sites).where(sites.c.name == request.site).values(last_seen=now)
                )
                self._calls += 1
                if self._calls % FORGET_EVERY == 1:
                    oldest = now - 2 * CLOCK_WINDOW_SECONDS
                    connection.execute(delete(nonces).where(nonces.c.at < oldest))
        except IntegrityError:
            raise RefusedError(Trouble.REPLAY) from None
