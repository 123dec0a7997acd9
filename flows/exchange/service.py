"""The exchange's HTTP interface, /v1: each call checked, bounded and put on record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from fedclinic.errors import FedclinicError
from fedclinic.evidence.keys import VerifyKey
from fedclinic.exchange_protocol import (
    PROTOCOL,
    Accepted,
    Alive,
    Done,
    Heartbeat,
    Hello,
    Join,
    Joined,
    Lease,
    Leased,
    Leave,
    Problem,
    Received,
    Rotate,
    Trouble,
    join_message,
    rotate_message,
)
from fedclinic.signed_request import SignedRequest
from flows.exchange.blob_store import TASKS_AREA
from flows.exchange.bounds import Bounds, open_record
from flows.exchange.exchange import Exchange
from flows.exchange.problems import RefusedError
from flows.exchange.proofs import check_proof
from flows.exchange.ranges import Tail, first_byte
from flows.exchange.refusals import explain_refusals
from flows.exchange.signed_calls import signed_caller
from flows.exchange.waiting import WaitingRoom

TaskId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
LeaseId = Annotated[str, Query(pattern=r"^[0-9a-f]{32}$")]
BlobId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Bytes = Annotated[int, Query(ge=0, le=2**50)]

CLEAN_SECONDS = 600.0
_PROBLEM = {"model": Problem}
_TEXT: dict[str, Any] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
_BYTES: dict[str, Any] = {"content": {"application/octet-stream": {}}}
_PIECE: dict[str, Any] = {"requestBody": {"required": True, **_BYTES}}


def make_service(exchange: Exchange, coordinator: VerifyKey, authority: str | None) -> FastAPI:
    """The application.

    Args:
        exchange: what it serves.
        coordinator: the key that signs tasks, told to sites that join.
        authority: certificate that a joining site pins, PEM; None: one of the system's.
    """
    room = WaitingRoom(exchange.queue)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        loops = [asyncio.create_task(room.watch()), asyncio.create_task(_clean(exchange))]
        yield
        for loop in loops:
            loop.cancel()

    service = FastAPI(
        title="fedclinic exchange",
        version=str(PROTOCOL),
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=life,
        responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
    )
    service.add_middleware(Bounds, record=open_record(exchange.settings.calls))
    explain_refusals(service, exchange.clock)
    _serve_strangers(service, exchange, coordinator, authority)
    _serve_agents(service, exchange, room)
    _serve_blobs(service, exchange)
    return service


def _serve_strangers(
    service: FastAPI, exchange: Exchange, coordinator: VerifyKey, authority: str | None
) -> None:
    """What may be asked without a key: what this is, and to join."""

    @service.get("/v1/hello")
    def hello() -> Hello:
        return Hello(protocols=(PROTOCOL,), now=exchange.clock())

    @service.get("/v1/authority", response_class=Response, responses={200: _TEXT})
    def certificate() -> Response:
        """The certificate authority that a token names by its digest."""
        if authority is None:
            raise RefusedError(Trouble.NOT_FOUND)
        return PlainTextResponse(authority)

    @service.post("/v1/join")
    def join(asked: Join) -> Joined:
        check_proof(asked.public_key, asked.proof, join_message(asked.site, asked.secret))
        exchange.registry.join(asked.site, asked.secret, asked.public_key)
        return Joined(site=asked.site, coordinator=coordinator.raw.hex())


def _serve_agents(service: FastAPI, exchange: Exchange, room: WaitingRoom) -> None:
    """The life of a task at its site."""
    caller = signed_caller(exchange.guard)
    Site = Annotated[str, Depends(caller)]  # noqa: N806 - a type

    @service.post("/v1/lease", responses={204: {"description": "There is no work now."}})
    async def lease(asked: Lease, site: Site) -> Leased:
        if asked.protocol != PROTOCOL:
            raise RefusedError(Trouble.VERSION)
        await run_in_threadpool(exchange.sessions.enter, site, asked.session, asked.version)
        leased = await run_in_threadpool(exchange.queue.lease, site, asked.session)
        if leased is None and asked.wait_seconds:
            await room.wait(site, asked.wait_seconds)
            await run_in_threadpool(exchange.sessions.enter, site, asked.session, asked.version)
            leased = await run_in_threadpool(exchange.queue.lease, site, asked.session)
        if leased is None:
            raise HTTPException(204)
        return leased

    @service.post("/v1/tasks/{task}/heartbeat")
    def heartbeat(task: TaskId, beat: Heartbeat, site: Site) -> Alive:
        exchange.queue.keep(site, task, beat)
        return Alive(lease_seconds=exchange.settings.limits.lease_seconds)

    @service.post("/v1/tasks/{task}/done")
    def done(task: TaskId, ended: Done, site: Site) -> Accepted:
        if not exchange.uploads.are_complete(site, ended.blobs):
            raise RefusedError(Trouble.NOT_FOUND)
        exchange.queue.end(site, task, ended)
        return Accepted()

    @service.post("/v1/leave")
    def leave(asked: Leave, site: Site) -> Accepted:
        exchange.sessions.leave(site, asked.session)
        return Accepted()

    @service.post("/v1/rotate")
    def rotate(asked: Rotate, request: Request, site: Site) -> Accepted:
        old: VerifyKey = request.state.key
        check_proof(asked.public_key, asked.proof, rotate_message(site, old.key_id))
        exchange.registry.rotate(site, asked.public_key)
        return Accepted()


def _serve_blobs(service: FastAPI, exchange: Exchange) -> None:
    """Bytes: down in any range, up in pieces."""
    caller = signed_caller(exchange.guard)
    uploader = signed_caller(exchange.guard, with_body=False)

    @service.get(
        "/v1/tasks/{task}/blobs/{blob}",
        response_class=Response,
        responses={
            200: _BYTES,
            206: {"description": "From the asked byte on.", **_BYTES},
        },
    )
    def download(
        task: TaskId, blob: BlobId, site: Annotated[str, Depends(caller)], tail: Tail = None
    ) -> Response:
        digest = f"sha256:{blob}"
        if digest not in {named.digest for named in exchange.queue.blobs_of(site, task)}:
            raise RefusedError(Trouble.NOT_FOUND)
        if not exchange.store.exists(TASKS_AREA, digest):
            raise RefusedError(Trouble.NOT_FOUND)
        size = exchange.store.size(TASKS_AREA, digest)
        start = first_byte(tail, size)
        headers = {"accept-ranges": "bytes", "content-length": str(size - start)}
        if start:
            headers["content-range"] = f"bytes {start}-{size - 1}/{size}"
        return StreamingResponse(
            exchange.store.read(TASKS_AREA, digest, start),
            status_code=206 if start else 200,
            headers=headers,
            media_type="application/octet-stream",
        )

    @service.post("/v1/tasks/{task}/uploads/{blob}")
    def begin_upload(
        task: TaskId,
        blob: BlobId,
        lease: LeaseId,
        total: Annotated[int, Query(ge=1, le=2**50)],
        site: Annotated[str, Depends(caller)],
    ) -> Received:
        """Say how much is here already."""
        exchange.queue.check_lease(site, task, lease)
        return exchange.uploads.begin(site, task, f"sha256:{blob}", total)

    @service.put("/v1/tasks/{task}/uploads/{blob}", openapi_extra=_PIECE)
    async def upload(
        task: TaskId,
        blob: BlobId,
        lease: LeaseId,
        offset: Bytes,
        request: Request,
        site: Annotated[str, Depends(uploader)],
    ) -> Received:
        """Append the body, which begins at `offset` of the blob."""
        await run_in_threadpool(exchange.queue.check_lease, site, task, lease)
        signed: SignedRequest = request.state.signed
        return await exchange.uploads.append(
            site, f"sha256:{blob}", offset, signed.digest, request.stream()
        )


async def _clean(exchange: Exchange) -> None:
    while True:
        with suppress(FedclinicError):
            await run_in_threadpool(exchange.uploads.remove_unused)
        await asyncio.sleep(CLEAN_SECONDS)
