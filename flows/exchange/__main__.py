"""Serve the exchange in a process of its own: `python -m flows.exchange`."""

from pathlib import Path

import click
import uvicorn

from flows.coordinator_key import load_coordinator_key
from flows.exchange.certificates import ServerIdentity, given_identity, own_identity
from flows.exchange.exchange import open_exchange
from flows.exchange.service import make_service
from flows.exchange.settings import Limits, exchange_settings
from flows.settings import Workspace

STOP_SECONDS = 5


@click.command()
@click.option("--workspace", type=click.Path(path_type=Path), required=True)
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=int, default=8443)
@click.option("--name", "names", multiple=True, help="Name or address in the certificate.")
@click.option("--certificate", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path))
@click.option("--authority", type=click.Path(path_type=Path))
@click.option("--plain", is_flag=True, help="No TLS: a reverse proxy ends it.")
@click.option("--limits", default="{}", help="JSON of what differs from the usual limits.")
def serve(  # noqa: PLR0913, PLR0917 - one a command-line option
    workspace: Path,
    host: str,
    port: int,
    names: tuple[str, ...],
    certificate: Path | None,
    key: Path | None,
    authority: Path | None,
    plain: bool,
    limits: str,
) -> None:
    """Serve until ended by a signal."""
    space = Workspace(workspace.resolve())
    settings = exchange_settings(space, Limits.model_validate_json(limits))
    identity: ServerIdentity | None = None
    if certificate is not None and key is not None:
        identity = given_identity(certificate, key, authority)
    elif not plain:
        identity = own_identity(settings.root / "tls", names or ("localhost", "127.0.0.1"))
    service = make_service(
        open_exchange(settings),
        load_coordinator_key(space).public,
        None if identity is None else identity.authority,
    )
    uvicorn.run(
        service,
        host=host,
        port=port,
        ssl_certfile=None if identity is None else identity.certificate,
        ssl_keyfile=None if identity is None else identity.key,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


if __name__ == "__main__":
    serve()
