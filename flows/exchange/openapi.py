"""Print the interface that docs/exchange-openapi.json holds: `python -m flows.exchange.openapi`."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fedclinic.evidence.keys import VerifyKey
from flows.exchange.exchange import open_exchange
from flows.exchange.service import make_service
from flows.exchange.settings import ExchangeSettings


def interface() -> str:
    """The OpenAPI document, as it is published."""
    with TemporaryDirectory() as folder:
        settings = ExchangeSettings(f"sqlite:///{folder}/x.db", f"{folder}/blobs", Path(folder))
        service = make_service(open_exchange(settings), VerifyKey(bytes(32)), None)
        return json.dumps(service.openapi(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(interface())
