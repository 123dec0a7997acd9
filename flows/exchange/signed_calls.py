"""Who makes a call: only signed requests of sites in force come through to the interface."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader
from starlette.concurrency import run_in_threadpool

from fedclinic.digest import digest_bytes
from fedclinic.errors import SignatureError
from fedclinic.exchange_protocol import Trouble
from fedclinic.signed_request import SIGNATURE_HEADER, SignedRequest
from flows.exchange.guard import Guard
from flows.exchange.problems import RefusedError

_SIGNATURE = APIKeyHeader(
    name=SIGNATURE_HEADER,
    scheme_name="site",
    description="The site's Ed25519 signature of method, address, fedclinic-site, fedclinic-time, "
    "fedclinic-nonce and fedclinic-digest.",
    auto_error=False,
)


def signed_caller(guard: Guard, *, with_body: bool = True) -> Callable[..., Awaitable[str]]:
    """A dependency that gives the name of the site which signed the request.

    Args:
        guard: what lets a request through.
        with_body: whether the body is read and compared with the digest that is signed.
    """

    async def caller(
        request: Request, _: Annotated[str | None, Security(_SIGNATURE)] = None
    ) -> str:
        target = request.scope["raw_path"].decode("ascii", "replace")
        if query := request.scope["query_string"].decode("ascii", "replace"):
            target += f"?{query}"
        try:
            signed = SignedRequest.of(request.method, target, request.headers)
        except SignatureError:
            raise RefusedError(Trouble.SIGNATURE) from None
        if with_body and digest_bytes(await request.body()) != signed.digest:
            raise RefusedError(Trouble.DIGEST)
        request.state.key = await run_in_threadpool(guard.check, signed)
        request.state.signed = signed
        request.state.site = signed.site
        request.state.task = request.path_params.get("task")
        return signed.site

    return caller
