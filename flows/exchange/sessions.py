"""One agent a site: the process that was seen last is the site's, until it is silent or leaves."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, or_, update

from fedclinic.exchange_protocol import Trouble
from flows.exchange.problems import RefusedError
from flows.exchange.settings import Limits
from flows.exchange.tables import sites, transaction


@dataclass(frozen=True)
class Sessions:
    engine: Engine
    limits: Limits
    clock: Callable[[], float]

    def enter(self, site: str, session: str, version: str) -> None:
        """Let an agent's process be the site's one agent.

        Raises:
            RefusedError: if another one was active a moment ago.
        """
        now = self.clock()
        with transaction(self.engine) as connection:
            free = or_(
                sites.c.session.is_(None),
                sites.c.session == session,
                sites.c.session_seen < now - self.limits.agent_seconds,
            )
            entered = connection.execute(
                update(sites)
                .where(sites.c.name == site, free)
                .values(session=session, session_seen=now, last_seen=now, version=version)
            )
            if entered.rowcount != 1:
                raise RefusedError(Trouble.SECOND_AGENT)

    def leave(self, site: str, session: str) -> None:
        with transaction(self.engine) as connection:
            connection.execute(
                update(sites)
                .where(sites.c.name == site, sites.c.session == session)
                .values(session=None, session_seen=None)
            )
