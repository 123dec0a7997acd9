"""The sites of an exchange: who is invited, who joined with which key, who is revoked."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.engine import RowMapping

from fedclinic.errors import RunError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.exchange_protocol import Trouble
from flows.exchange.problems import RefusedError
from flows.exchange.tables import invitations, sites, transaction

HOUR = 3600.0


@dataclass(frozen=True)
class KnownSite:
    """A site as the exchange knows it."""

    name: str
    key: VerifyKey
    revoked: bool
    last_seen: float | None
    version: str | None


@dataclass(frozen=True)
class Registry:
    """Sites and invitations in the exchange's database."""

    engine: Engine
    clock: Callable[[], float]

    def invite(self, site: str, *, hours: float) -> tuple[str, float]:
        """Make a one-time secret with which `site` may join; earlier unused ones end.

        Raises:
            RunError: if the site is in the federation already.
        """
        now = self.clock()
        secret = secrets.token_hex(32)
        with transaction(self.engine) as connection:
            known = connection.execute(select(sites).where(sites.c.name == site)).mappings().first()
            if known is not None and known["revoked_at"] is None:
                raise RunError(
                    f"site {site} has joined already; revoke its key first: "
                    f"fedclinic site revoke {site}"
                )
            connection.execute(
                update(invitations)
                .where(invitations.c.site == site, invitations.c.used_at.is_(None))
                .values(expires=0.0)
            )
            connection.execute(
                insert(invitations).values(
                    secret_hash=_hash(secret), site=site, expires=now + hours * HOUR
                )
            )
        return secret, now + hours * HOUR

    def join(self, site: str, secret: str, public_key: str) -> None:
        """Accept a site's key for a good secret, once.

        Raises:
            RefusedError: if the secret is not good for this site, used or expired.
        """
        now = self.clock()
        with transaction(self.engine) as connection:
            used = connection.execute(
                update(invitations)
                .where(
                    invitations.c.secret_hash == _hash(secret),
                    invitations.c.site == site,
                    invitations.c.used_at.is_(None),
                    invitations.c.expires > now,
                )
                .values(used_at=now)
            )
            if used.rowcount != 1:
                raise RefusedError(Trouble.TOKEN)
            values = {
                "public_key": public_key,
                "joined_at": now,
                "revoked_at": None,
                "session": None,
                "session_seen": None,
            }
            again = connection.execute(update(sites).where(sites.c.name == site).values(**values))
            if again.rowcount == 0:
                connection.execute(insert(sites).values(name=site, **values))

    def revoke(self, site: str) -> None:
        """Accept nothing more that the site signs, from now on.

        Raises:
            RunError: if there is no such site.
        """
        with transaction(self.engine) as connection:
            done = connection.execute(
                update(sites)
                .where(sites.c.name == site, sites.c.revoked_at.is_(None))
                .values(revoked_at=self.clock())
            )
        if done.rowcount == 0:
            raise RunError(f"no site '{site}' is in force; see fedclinic site list")

    def rotate(self, site: str, public_key: str) -> None:
        """Replace a site's key by the one that it proved to hold."""
        with transaction(self.engine) as connection:
            connection.execute(
                update(sites).where(sites.c.name == site).values(public_key=public_key)
            )

    def find(self, site: str) -> KnownSite | None:
        with transaction(self.engine) as connection:
            row = connection.execute(select(sites).where(sites.c.name == site)).mappings().first()
        return None if row is None else _known(row)

    def all(self) -> list[KnownSite]:
        with transaction(self.engine) as connection:
            rows = connection.execute(select(sites).order_by(sites.c.name)).mappings().all()
        return [_known(row) for row in rows]

    def waiting(self) -> list[str]:
        """Sites that are invited and have not joined yet."""
        with transaction(self.engine) as connection:
            rows = connection.execute(
                select(invitations.c.site)
                .where(invitations.c.used_at.is_(None), invitations.c.expires > self.clock())
                .order_by(invitations.c.site)
            )
            return [row.site for row in rows]


def _known(row: RowMapping) -> KnownSite:
    return KnownSite(
        name=row["name"],
        key=VerifyKey(bytes.fromhex(row["public_key"])),
        revoked=row["revoked_at"] is not None,
        last_seen=row["last_seen"],
        version=row["version"],
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
