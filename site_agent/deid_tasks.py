"""The two Prefect tasks of de-identification, which run in threads or on a cluster's workers.

Each is a plain function of this module, so that a cluster finds it by its name; what it is given
and gives back is sealed with the site's own key, since a cluster's scheduler holds it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from site_agent.detection_process import Answer, DetectionPool, SitePlace
from site_agent.keys import load_secret
from site_agent.sealing import Seal
from site_agent.site_home import SiteHome
from site_agent.treatment import (
    NoteMessage,
    TreatedMessage,
    job_of,
    treated_message,
)

_pools: dict[str, DetectionPool] = {}
"""Detection processes of this process; a worker of Dask or Ray keeps its own."""


def treat_batch(place: SitePlace, max_seconds: float, notes: bytes) -> bytes:
    """De-identify a sealed batch; returns the sealed outcomes in the same order."""
    seal = seal_of(place)
    jobs = [job_of(NoteMessage.model_validate(each)) for each in json.loads(seal.open(notes))]
    outcomes = _pool(place, max_seconds).treat(jobs)
    return sealed(seal, [treated_message(outcome) for outcome in outcomes])


def measure_batch(place: SitePlace, max_seconds: float, notes: bytes, seed: int) -> bytes:
    """Plant canaries in shadows of a sealed batch; returns the sealed counts."""
    seal = seal_of(place)
    jobs = [job_of(NoteMessage.model_validate(each)) for each in json.loads(seal.open(notes))]
    return sealed(seal, _pool(place, max_seconds).measure(jobs, seed))


_as_task = task(persist_result=False, cache_policy=NO_CACHE, log_prints=False)
TREAT = _as_task(treat_batch).with_options(name="treat notes")
MEASURE = _as_task(measure_batch).with_options(name="plant canaries")


def seal_of(place: SitePlace) -> Seal:
    """The seal of the site's own key."""
    return Seal(load_secret(SiteHome(Path(place.home)).store_key))


def sealed(seal: Seal, messages: Sequence[NoteMessage | TreatedMessage | Answer]) -> bytes:
    """Messages as one sealed text."""
    return seal.close(json.dumps([each.model_dump(mode="json") for each in messages]).encode())


def close_pool(place: SitePlace) -> None:
    """End the detection processes that this process started for a site."""
    pool = _pools.pop(place.model_dump_json(), None)
    if pool is not None:
        pool.close()


def _pool(place: SitePlace, max_seconds: float) -> DetectionPool:
    key = place.model_dump_json()
    if key not in _pools:
        _pools.setdefault(key, DetectionPool(place, max_seconds))
    return _pools[key]
