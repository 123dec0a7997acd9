"""Which sites of a run take part: those that are prepared, and those that come back later.

A site that is away when a run starts is left out, as long as enough others are there; it is
prepared in the first round in which it answers, with the same conditions as everybody.
"""

import threading
from collections.abc import Callable, Mapping

from fedclinic.errors import RunError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.plan import FederationPlan
from fedclinic.rounds import SitePrepared
from fedclinic.transports import LocalTransport
from flows.sites import EVALUATION_SITE, Sites


def check_attendance(plan: FederationPlan, missing: Mapping[str, str]) -> None:
    """Say whether a run may start without these sites.

    Args:
        plan: of the run.
        missing: why each missing site is missing.

    Raises:
        RunError: if one must be there, as all do on one machine, or too few are left.
    """
    left = len(plan.sites) - len(missing.keys() & set(plan.site_names()))
    needed = EVALUATION_SITE in missing or isinstance(plan.transport, LocalTransport)
    if missing and (needed or left < plan.quorum):
        raise RunError("; ".join(missing.values()))


class Attendance:
    """The prepared sites of a run, and how another one is prepared."""

    def __init__(
        self,
        sites: Sites,
        present: Mapping[str, SitePrepared],
        prepare: Callable[[str], SitePrepared],
    ) -> None:
        self._sites, self._prepare = sites, prepare
        self._pattern = next(iter(present.values()))
        self._lock = threading.Lock()
        self.keys: dict[str, VerifyKey] = {}
        """Keys of the sites that take part; a site that comes back is added."""
        for site, prepared in present.items():
            self._admit(site, prepared)

    def check_in(self, site: str) -> None:
        """Prepare a site that was away until now, or that went on with another key.

        Raises:
            RunError: if it still is, or is not like the others.
        """
        if site not in self.keys or self._sites.key(site) != self.keys[site]:
            self._admit(site, self._prepare(site))

    def _admit(self, site: str, prepared: SitePrepared) -> None:
        if prepared.base_model != self._pattern.base_model:
            raise RunError("the sites' base models differ: give them the same folder, by digest")
        if prepared.shapes != self._pattern.shapes:
            raise RunError("the sites' tensors differ in name or shape: give them the same version")
        with self._lock:
            self.keys[site] = self._sites.key(site)
