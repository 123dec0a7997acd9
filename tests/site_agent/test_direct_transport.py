"""A site's connection carries large bodies, is used again while it may be, says what broke."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from site_agent.direct_transport import DirectTransport
from tests.processes import free_port

LARGE = bytes(range(256)) * 20_000


class Echo(BaseHTTPRequestHandler):
    """Answers with the body, with half of it, late, or before it has read any."""

    protocol_version = "HTTP/1.1"
    connections: set[tuple[str, int]] = set()

    def do_PUT(self) -> None:
        self.connections.add(self.client_address)
        if self.path == "/refused":
            self.send_response(409)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"no")
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/late":
            time.sleep(1)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body[: len(body) // 2] if self.path == "/half" else body)
        self.close_connection = self.path != "/"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Echo.connections.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def client(seconds: float = 30) -> Iterator[httpx.Client]:
    transport = DirectTransport(ssl.create_default_context(), connect_seconds=5)
    with httpx.Client(transport=transport, timeout=seconds) as http:
        yield http


def test_a_large_body_comes_back_whole(address):
    with client() as http:
        assert http.put(address, content=LARGE).content == LARGE


def test_a_body_in_pieces_is_sent_as_one(address):
    pieces = (memoryview(LARGE)[at : at + 99_999] for at in range(0, len(LARGE), 99_999))
    with client() as http:
        length = {"content-length": str(len(LARGE))}
        assert http.put(address, content=pieces, headers=length).content == LARGE


def test_a_connection_is_used_again(address):
    with client() as http:
        for _ in range(3):
            assert http.put(address, content=b"x").content == b"x"
    assert len(Echo.connections) == 1


def test_a_connection_that_the_other_end_closed_is_not_used_again(address):
    with client() as http:
        for _ in range(3):
            assert http.put(f"{address}/once", content=b"x").content == b"x"
            time.sleep(0.1)
    assert len(Echo.connections) == 3


def test_an_answer_that_was_not_read_ends_its_connection(address):
    with client() as http:
        with http.stream("PUT", address, content=LARGE):
            pass
        assert http.put(address, content=b"x").content == b"x"
    assert len(Echo.connections) == 2


def test_an_answer_that_breaks_off_is_told(address):
    with client() as http, pytest.raises(httpx.RemoteProtocolError, match="ended early"):
        http.put(f"{address}/half", content=LARGE)


def test_a_refusal_of_a_body_that_was_not_read_is_told_or_is_an_error_worth_repeating(address):
    with client() as http:
        try:
            assert http.put(f"{address}/refused", content=LARGE).status_code == 409
        except httpx.TransportError as error:
            assert isinstance(error, httpx.ReadError | httpx.WriteError)


def test_an_end_that_does_not_answer_is_not_waited_for_for_ever(address):
    with client(seconds=0.2) as http, pytest.raises(httpx.ReadTimeout):
        http.put(f"{address}/late", content=b"x")


def test_a_closed_port_is_told():
    with client() as http, pytest.raises(httpx.ConnectError):
        http.get(f"http://127.0.0.1:{free_port()}")
