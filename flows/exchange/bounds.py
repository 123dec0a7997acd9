"""Bounds on every request, and one line on record for every call: a layer around the interface."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from fedclinic.exchange_protocol import LONGEST_STEP_BYTES, MAX_MESSAGE_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

SILENCE_SECONDS = 60.0
"""A request whose body does not go on for this long is ended."""


@dataclass
class _Call:
    """What is written of one call."""

    began: float
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    whole: bool = False
    """Whether the body has arrived to its end."""


class Bounds:
    """Refuses bodies that are too large or too slow, and writes who called what."""

    def __init__(self, application: Application, record: logging.Logger) -> None:
        self._application, self._record = application, record

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        call = _Call(time.monotonic())
        most = LONGEST_STEP_BYTES if scope["method"] == "PUT" else MAX_MESSAGE_BYTES

        async def bounded() -> Message:
            message = await _within_time(receive, call)
            if message["type"] == "http.request":
                call.bytes_in += len(message.get("body", b""))
                call.whole = not message.get("more_body", False)
                if call.bytes_in > most:
                    raise HTTPException(413)
            return message

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
            call.bytes_out += len(message.get("body", b""))
            await send(message)

        state = scope.setdefault("state", {})
        try:
            await self._application(scope, bounded, counted)
        except Exception:
            call.status = 500  # which a layer around this one answers
            raise
        finally:
            self._record.info(_line(scope, state, call))


async def _within_time(receive: Receive, call: _Call) -> Message:
    if call.whole:
        return await receive()
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await receive()
    except TimeoutError:
        raise HTTPException(408) from None


def _line(scope: MutableMapping[str, Any], state: MutableMapping[str, Any], call: _Call) -> str:
    """The call as JSON; of the address only the route is kept, which no caller can choose."""
    route = getattr(scope.get("route"), "path", None)
    return json.dumps(
        {
            "at": round(time.time(), 3),
            "site": state.get("site"),
            "method": scope["method"] if route else None,
            "route": route,
            "task": state.get("task"),
            "status": call.status,
            "trouble": state.get("trouble"),
            "bytes_in": call.bytes_in,
            "bytes_out": call.bytes_out,
            "ms": round(1000 * (time.monotonic() - call.began)),
        }
    )


def open_record(path: Path) -> logging.Logger:
    """Append lines to a file that may be moved away at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger(f"fedclinic.calls.{path}")
    if not logger.handlers:
        handler = WatchedFileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return logger
