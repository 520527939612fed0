"""The line between a supervisor and one of its host processes: JSON, one object a line."""

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


class ControlChannel:
    """The host process's end. When the supervisor is gone, the process ends at once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, on_message: Callable[[dict[str, Any]], None]) -> None:
        # A copy: closing the stream must not close what the next process in this one inherits.
        end = socket.socket(fileno=os.dup(self._descriptor))
        reader, self._writer = await asyncio.open_connection(sock=end)
        self._reading = asyncio.create_task(self._read(reader, on_message))

    def send(self, message: dict[str, Any]) -> None:
        if self._writer:
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def _read(self, reader: asyncio.StreamReader, on_message: Callable[[dict[str, Any]], None]) -> None:
        try:
            while line := await reader.readline():
                on_message(json.loads(line))
        except ConnectionError:
            pass
        log.error("the supervisor is gone")
        os._exit(1)
