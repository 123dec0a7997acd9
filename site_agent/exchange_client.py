"""Call the exchange: outbound HTTPS only, each call signed, and repeated while it may help.

The one door to HTTP at a site. It follows no redirect and believes one certificate authority.
"""

import random
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar, cast
from urllib.request import getproxies

import httpx
from pydantic import ValidationError

from fedclinic.digest import digest_bytes
from fedclinic.errors import RunError
from fedclinic.evidence.keys import SigningKey
from fedclinic.exchange_protocol import (
    Accepted,
    Alive,
    BlobRef,
    Done,
    Heartbeat,
    Hello,
    Lease,
    Leased,
    Leave,
    Problem,
    Received,
    Rotate,
    Trouble,
)
from fedclinic.records import Digest, Name, PublicKey, Record
from fedclinic.signed_request import sign_request
from fedclinic.updates.blobs import BlobFolder
from site_agent.direct_transport import DirectTransport
from site_agent.file_pieces import FilePieces, Piece
from site_agent.partial_download import PartialDownload

SomeRecord = TypeVar("SomeRecord", bound=Record)
Content = bytes | Iterable[bytes]

READ_BYTES = 1 << 20
CONNECT_SECONDS = 15.0
READ_SECONDS = 40.0
"""Longer than a call may wait for work; a connection that is only open at this end is given up."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
WORTH_REPEATING = (Trouble.BUSY, Trouble.STORAGE, Trouble.RATE, Trouble.QUOTA)


class TroubleError(RunError):
    """The exchange refused a call, with a word for why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"the exchange says: {problem.problem.value}")
        self.problem = problem


class UnreachableError(RunError):
    """The exchange gave no answer for as long as it was worth asking."""


class ExchangeAddress(Record):
    """Where a site's exchange is and what it believes; written by `join`."""

    url: str
    site: Name
    coordinator: PublicKey
    authority: str | None
    """PEM of the certificate authority that the site pins; None: those of the system."""


@dataclass(frozen=True)
class ExchangeClient:
    address: ExchangeAddress
    key: SigningKey
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    http: httpx.Client = field(default_factory=httpx.Client)

    @classmethod
    def open(cls, address: ExchangeAddress, key: SigningKey) -> Self:
        """A client that believes the authority which the site pinned."""
        return cls(address, key, http=open_connection(address.authority))

    def hello(self) -> Hello:
        return self._repeat(lambda: self._send("GET", "/v1/hello", b""), Hello, until=0)

    def lease(self, asked: Lease) -> Leased | None:
        """Ask for work once and wait for it; None if there is none."""
        found: list[Leased] = []

        def ask() -> None:
            response = self._send("POST", "/v1/lease", _body(asked))
            if response.status_code != 204:
                found.append(_read(response, Leased))

        self._again(ask, until=0)
        return found[0] if found else None

    def heartbeat(self, task: str, beat: Heartbeat) -> Alive:
        target, body = f"/v1/tasks/{task}/heartbeat", _body(beat)
        return self._repeat(lambda: self._send("POST", target, body), Alive, until=0)

    def done(self, task: str, ended: Done, *, until: float) -> None:
        """End a task; repeated until it is accepted or refused."""
        target, body = f"/v1/tasks/{task}/done", _body(ended)
        self._repeat(lambda: self._send("POST", target, body), Accepted, until=until)

    def leave(self, session: str) -> None:
        body = _body(Leave(session=session))
        self._repeat(lambda: self._send("POST", "/v1/leave", body), Accepted, until=0)

    def rotate(self, asked: Rotate) -> None:
        body = _body(asked)
        self._repeat(lambda: self._send("POST", "/v1/rotate", body), Accepted, until=0)

    def fetch(self, task: str, blob: BlobRef, into: BlobFolder, *, until: float) -> None:
        """Download a blob that a task names, going on where a connection broke.

        Raises:
            UnreachableError: if it is not here in time.
            DataError: if what came is not what the task names.
        """
        if into.path(blob.digest).is_file():
            return
        partial = PartialDownload(into.root / f".fetch-{blob.digest.removeprefix('sha256:')}")
        self._again(lambda: self._fetch_rest(task, blob, partial), until)
        partial.finish(blob.digest, into.path(blob.digest))

    def upload(self, task: str, lease: str, path: Path, digest: Digest, *, until: float) -> None:
        """Upload a file piece by piece, going on where the exchange says that it is.

        Raises:
            TroubleError: if the exchange will not have it.
            UnreachableError: if it is not there in time.
        """
        total = path.stat().st_size
        target = f"/v1/tasks/{task}/uploads/{digest.removeprefix('sha256:')}?lease={lease}"
        begin = f"{target}&total={total}"

        def ask() -> Received:
            return self._repeat(lambda: self._send("POST", begin, b""), Received, until=until)

        have = ask()
        with path.open("rb") as file, FilePieces(file.fileno(), digest) as pieces:
            while not have.complete:
                piece = pieces.at(have.received)
                have = self._upload_piece(target, piece, until) or ask()

    def _upload_piece(self, target: str, piece: Piece, until: float) -> Received | None:
        """Send a piece; None if the exchange is at another one."""
        put = f"{target}&offset={piece.offset}"

        def send() -> httpx.Response:
            headers = self._headers("PUT", put, piece.prefix)
            headers["content-length"] = str(len(piece.content))
            return self._call("PUT", put, headers, cast(Iterable[bytes], piece.slices()))

        try:
            return self._repeat(send, Received, until=until)
        except TroubleError as error:
            if error.problem.problem is Trouble.OFFSET:
                return None
            raise

    def _fetch_rest(self, task: str, blob: BlobRef, partial: PartialDownload) -> None:
        if partial.size >= blob.bytes:
            return
        target = f"/v1/tasks/{task}/blobs/{blob.digest.removeprefix('sha256:')}"
        headers = self._headers("GET", target, digest_bytes(b""))
        if partial.size:
            headers["range"] = f"bytes={partial.size}-"
        with self.http.stream("GET", self.address.url + target, headers=headers) as response:
            if response.status_code not in (200, 206):
                response.read()
                raise TroubleError(_problem(response))
            if response.status_code == 200:
                partial.restart()
            partial.append(response.iter_raw(READ_BYTES))
        if partial.size != blob.bytes:
            raise httpx.ReadError("the connection ended early")

    def _send(self, method: str, target: str, body: bytes) -> httpx.Response:
        headers = self._headers(method, target, digest_bytes(body))
        if body:
            headers["content-type"] = "application/json"
        return self._call(method, target, headers, body)

    def _call(
        self, method: str, target: str, headers: dict[str, str], content: Content
    ) -> httpx.Response:
        response = self.http.request(
            method, self.address.url + target, content=content, headers=headers
        )
        if response.status_code not in (200, 204):
            raise TroubleError(_problem(response))
        return response

    def _headers(self, method: str, target: str, digest: Digest) -> dict[str, str]:
        signed = sign_request(
            method=method,
            target=target,
            site=self.address.site,
            at=self.clock(),
            digest=digest,
            key=self.key,
        )
        return signed.headers()

    def _repeat(
        self, send: Callable[[], httpx.Response], record: type[SomeRecord], *, until: float
    ) -> SomeRecord:
        found: list[SomeRecord] = []
        self._again(lambda: found.append(_read(send(), record)), until)
        return found[0]

    def _again(self, attempt: Callable[[], None], until: float) -> None:
        """Try until it succeeds, is refused for good, or the time is over."""
        for pause in _pauses():
            try:
                attempt()
                return
            except httpx.TransportError as error:
                if self.clock() + pause > until:
                    raise UnreachableError(
                        f"the exchange {self.address.url} cannot be reached: {in_words(error)}"
                    ) from None
            except TroubleError as error:
                worth = error.problem.problem in WORTH_REPEATING
                if not worth or self.clock() + pause > until:
                    raise
            self.sleep(pause)


def open_connection(authority: str | None, *, verify: bool = True) -> httpx.Client:
    """A client that believes `authority` alone, or the system's authorities.

    A proxy that the environment names is used; it costs httpx's own transport for all bodies.
    """
    context = ssl.create_default_context(cadata=authority)
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=authority)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    direct = None if getproxies() else DirectTransport(context, connect_seconds=CONNECT_SECONDS)
    return httpx.Client(verify=context, timeout=timeout, transport=direct, follow_redirects=False)


def in_words(error: httpx.TransportError) -> str:
    """What a person can do about a connection that does not come about."""
    text = str(error)
    if isinstance(error, httpx.ProxyError):
        return f"the proxy refuses ({text}); check HTTPS_PROXY"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not under the authority of the token; is a proxy in between?"
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time; is the port open in the firewall?"
    return text.splitlines()[0] if text else type(error).__name__


def _pauses() -> Iterator[float]:
    """Growing pauses with jitter, so that many sites do not come back at once."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, LONGEST_PAUSE)


def _read(response: httpx.Response, record: type[SomeRecord]) -> SomeRecord:
    try:
        return record.model_validate_json(response.content)
    except ValidationError:
        raise httpx.RemoteProtocolError("an answer that is not the exchange's") from None


def _problem(response: httpx.Response) -> Problem:
    """Read a refusal; anything else that is no success comes from something in between."""
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        raise httpx.RemoteProtocolError(
            f"HTTP {response.status_code} that is not the exchange's; is a proxy in between?"
        ) from None


def _body(record: Record) -> bytes:
    return record.model_dump_json().encode()
