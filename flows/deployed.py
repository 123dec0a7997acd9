"""Which federations are deployed in a workspace, and from which plan and data."""

from typing import Self

from pydantic import ValidationError

from fedclinic.errors import RunError
from fedclinic.records import Name, Record
from flows.settings import Workspace


class Deployed(Record):
    """Where a deployed federation's plan and data are; written by `fedclinic deploy` alone."""

    plan: str
    data: str

    def write(self, space: Workspace, federation: Name) -> None:
        from flows.run_store import write_whole  # noqa: PLC0415 - it imports much

        space.deployments.mkdir(parents=True, exist_ok=True)
        path = space.deployments / f"{federation}.json"
        write_whole(path, self.model_dump_json(indent=2).encode())

    @classmethod
    def read(cls, text: bytes) -> Self:
        return cls.model_validate_json(text)


def read_deployed(space: Workspace, federation: Name) -> Deployed:
    """Read one.

    Raises:
        RunError: if none of that name is deployed here.
    """
    try:
        return Deployed.read((space.deployments / f"{federation}.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        raise RunError(f"no federation '{federation}' is deployed in {space.root}") from None


def deployed_names(space: Workspace) -> list[Name]:
    return sorted(path.stem for path in space.deployments.glob("*.json"))
