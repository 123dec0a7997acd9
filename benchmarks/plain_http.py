"""A file copied over loopback HTTP or HTTPS by Python's own server and client.

What the exchange's transfers are compared with. `python -m benchmarks.plain_http PORT FOLDER`
serves; GET gives `FOLDER/NAME` and PUT writes it.
"""

import http.client
import os
import shutil
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PIECE = 1 << 20


class CopyHandler(BaseHTTPRequestHandler):
    """Copies between a file and the connection."""

    folder = Path()

    def do_GET(self) -> None:
        with (self.folder / self.path.strip("/")).open("rb") as file:
            self.send_response(200)
            self.send_header("content-length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            shutil.copyfileobj(file, self.wfile, PIECE)

    def do_PUT(self) -> None:
        left = int(self.headers["content-length"])
        with (self.folder / self.path.strip("/")).open("wb") as file:
            while left:
                piece = self.rfile.read(min(PIECE, left))
                file.write(piece)
                left -= len(piece)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def connect(port: int, authority: Path | None) -> http.client.HTTPConnection:
    if authority is None:
        return http.client.HTTPConnection("127.0.0.1", port, blocksize=PIECE)
    context = ssl.create_default_context(cafile=str(authority))
    return http.client.HTTPSConnection("localhost", port, context=context, blocksize=PIECE)


def upload(port: int, authority: Path | None, source: Path) -> None:
    with source.open("rb") as file:
        connection = connect(port, authority)
        size = str(source.stat().st_size)
        connection.request("PUT", "/uploaded", file, {"content-length": size})
        connection.getresponse().read()
        connection.close()


def download(port: int, authority: Path | None, name: str, target: Path) -> None:
    connection = connect(port, authority)
    connection.request("GET", f"/{name}")
    with target.open("wb") as file:
        shutil.copyfileobj(connection.getresponse(), file, PIECE)
    connection.close()


def serve(port: int, folder: Path, certificate: str | None, key: str | None) -> None:
    CopyHandler.folder = folder
    server = ThreadingHTTPServer(("127.0.0.1", port), CopyHandler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    identity = (sys.argv[3], sys.argv[4]) if len(sys.argv) > 3 else (None, None)
    serve(int(sys.argv[1]), Path(sys.argv[2]), *identity)
