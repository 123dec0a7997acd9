"""How a plan's sites are reached: `transport:` of a federation.yaml, no part of what is agreed."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, StringConstraints

from fedclinic.records import Name, PublicKey, Record


class LocalTransport(Record):
    """Every site is a process of the coordinator's machine or cluster."""

    kind: Literal["local"]
    site_config: str
    """Path of the site.yaml that every local site starts from, relative to the plan; `{site}`,
    `{data}`, `{index}` and the site's own `values` in its texts are replaced."""
    values: dict[Name, dict[str, str]] = {}
    """Texts that differ between local sites, such as the department whose notes a site holds."""
    parallel: PositiveInt | None = None
    """Sites that train at the same time; None: one a core."""
    task_runner: Literal["threads", "processes", "dask", "ray"] = "threads"
    """What starts the sites' processes: this process, or workers that Prefect's task runner has
    on this machine or on a cluster. Its workers must reach the workspace and the notes."""
    cluster: str | None = None
    """Address of a running Dask scheduler or Ray head; None: one is started on this machine."""


class PrefectTransport(Record):
    """Every site has a work pool of one Prefect server: for one trust domain."""

    kind: Literal["prefect"]
    api: Annotated[str, StringConstraints(pattern=r"^https?://\S+/api$")]
    """The server's API. Its credential is PREFECT_API_AUTH_STRING of the environment."""
    certificate: str | None = None
    """Path of the certificate authority of the server, in PEM; None: those of the system."""
    blobs: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+://\S+$")]
    """Folder that coordinator and sites reach, as fsspec knows it: file:///mnt/f, s3://bucket/f."""
    site_keys: Annotated[dict[Name, PublicKey], Field(min_length=1)]
    """Public key of every site, as `fedclinic-site key` prints it."""
    pools: dict[Name, Name] = {}
    """Work pools that are not named after their site."""

    def pool(self, site: str) -> str:
        return self.pools.get(site, site)


class ExchangeTransport(Record):
    """Every site's agent polls the exchange: for hospitals that do not trust each other."""

    kind: Literal["exchange"]
    absent_seconds: PositiveFloat = 120.0
    """A site whose agent has been silent for this long is not waited for until the deadline."""


Transport = Annotated[
    LocalTransport | PrefectTransport | ExchangeTransport, Field(discriminator="kind")
]
