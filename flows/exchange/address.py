"""Where sites find the exchange: written when it is started, read when a site is invited."""

from pathlib import Path

from fedclinic.errors import ConfigError
from fedclinic.exchange_protocol import Hex64
from fedclinic.records import Record
from flows.run_store import write_whole


class PublicAddress(Record):
    url: str
    authority: Hex64 | None
    """SHA-256 of the certificate authority to pin; None: one of the system's."""


def write_address(root: Path, address: PublicAddress) -> None:
    write_whole(root / "address.json", address.model_dump_json(indent=1).encode())


def read_address(root: Path) -> PublicAddress:
    """The address under which the exchange was last started.

    Raises:
        ConfigError: if it never was.
    """
    path = root / "address.json"
    if not path.is_file():
        raise ConfigError("the exchange was never started here: fedclinic up")
    return PublicAddress.model_validate_json(path.read_bytes())
