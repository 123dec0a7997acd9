"""HTTP/1.1 by Python's own client, for httpx: large bodies at a fraction of the processor's time.

httpx's usual transport parses every piece that TLS gives (16 kB) in Python; here the body is read
and written by the connection itself. No proxies, no redirects, no compression.
"""

import select
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import cast

import httpx

READ_BYTES = 1 << 20
Origin = tuple[bytes, bytes, int | None]


class DirectTransport(httpx.BaseTransport):
    """Connections that are used again, by one request each at a time."""

    def __init__(self, context: ssl.SSLContext, *, connect_seconds: float) -> None:
        self._context, self._connect_seconds = context, connect_seconds
        self._idle: list[tuple[Origin, HTTPConnection]] = []
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        origin = (request.url.raw_scheme, request.url.raw_host, request.url.port)
        with _as_httpx_says(httpx.ConnectError, httpx.ConnectTimeout):
            connection = self._take(origin) or self._connect(request.url)
        try:
            connection.sock.settimeout(request.extensions["timeout"]["read"])
            with _as_httpx_says(httpx.WriteError, httpx.WriteTimeout):
                _send(connection, request)
            with _as_httpx_says(httpx.ReadError, httpx.ReadTimeout):
                answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        return httpx.Response(
            answer.status,
            headers=answer.getheaders(),
            stream=_Body(self, origin, connection, answer),
        )

    def keep(self, origin: Origin, connection: HTTPConnection) -> None:
        """Take a connection back whose answer was read to its end."""
        with self._lock:
            self._idle.append((origin, connection))

    def close(self) -> None:
        with self._lock:
            for _, connection in self._idle:
                connection.close()
            self._idle.clear()

    def _take(self, origin: Origin) -> HTTPConnection | None:
        """A connection that waits for a request, and that the other end did not close meanwhile."""
        with self._lock:
            waiting, self._idle = self._idle, []
            found = None
            for known, connection in waiting:
                if select.select([connection.sock], [], [], 0)[0]:
                    connection.close()
                elif found is None and known == origin:
                    found = connection
                else:
                    self._idle.append((known, connection))
            return found

    def _connect(self, url: httpx.URL) -> HTTPConnection:
        if url.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(
                url.host, url.port, timeout=self._connect_seconds, context=self._context
            )
        else:
            connection = HTTPConnection(url.host, url.port, timeout=self._connect_seconds)
        connection.connect()
        return connection


class _Body(httpx.SyncByteStream):
    """An answer's body; a connection whose body was not read to its end is closed."""

    def __init__(
        self,
        transport: DirectTransport,
        origin: Origin,
        connection: HTTPConnection,
        answer: HTTPResponse,
    ) -> None:
        self._transport, self._origin = transport, origin
        self._connection, self._answer = connection, answer

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_says(httpx.ReadError, httpx.ReadTimeout):
            while piece := self._answer.read(READ_BYTES):
                yield piece
        if self._answer.length:
            raise httpx.RemoteProtocolError("the connection ended early")

    def close(self) -> None:
        whole = self._answer.isclosed() and not self._answer.will_close
        if whole and self._connection.sock is not None:
            self._transport.keep(self._origin, self._connection)
        else:
            self._connection.close()


def _send(connection: HTTPConnection, request: httpx.Request) -> None:
    """Send a request whose body, if it has one, has a content-length."""
    connection.putrequest(
        request.method,
        request.url.raw_path.decode("ascii"),
        skip_host=True,
        skip_accept_encoding=True,
    )
    for name, value in request.headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        for piece in cast(Iterable[bytes], request.stream):
            connection.send(piece)
    except ConnectionError:
        return  # who refuses a body may say so and close: the answer is still there to be read


@contextmanager
def _as_httpx_says(
    failed: type[httpx.TransportError], slow: type[httpx.TransportError]
) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise slow(str(error)) from None
    except (OSError, HTTPException) as error:
        raise failed(str(error)) from None
