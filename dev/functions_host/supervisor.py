"""Each function group in a process of its own, as on Flex Consumption: they share no memory, only storage."""

import asyncio
import json
import logging
import os
import signal
import socket
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from typing import Any, Final

from dev.functions_host.backoff import Backoff
from dev.functions_host.local_settings import LocalSettings
from dev.functions_host.logs import configure_logging
from dev.functions_host.options import Options
from dev.functions_host.process import HTTP_GROUP, REFUSED_CODE, Inherited, bind, command

log = logging.getLogger(__name__)

_SETTLED_SECONDS: Final = 10  # a process that lived so long starts again without delay
_KILL_AFTER_SECONDS: Final = 10


@dataclass(slots=True)
class _Group:
    name: str
    process: Process | None = None
    writer: asyncio.StreamWriter | None = None
    restarts: Backoff = field(default_factory=lambda: Backoff(0.1, 5))


class _Supervisor:
    def __init__(self, listening: socket.socket, drain_seconds: float) -> None:
        self._listening = listening
        self._drain_seconds = drain_seconds
        self._groups: dict[str, _Group] = {}
        self._keeping: dict[str, asyncio.Task[int]] = {}
        self._is_stopping = False

    async def run(self) -> int:
        """Keep every group running until a signal comes; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        self._keep(HTTP_GROUP)  # it tells which other functions there are
        while self._keeping:
            done, _ = await asyncio.wait(self._keeping.values(), return_when=asyncio.FIRST_COMPLETED, timeout=1)
            for name in [name for name, task in self._keeping.items() if task in done]:
                if code := self._keeping.pop(name).result():
                    self._stop()
                    await asyncio.gather(*self._keeping.values())
                    return code
        return 0

    def _keep(self, name: str) -> None:
        if name not in self._keeping and not self._is_stopping:
            group = self._groups[name] = _Group(name)
            self._keeping[name] = asyncio.create_task(self._run_group(group))

    async def _run_group(self, group: _Group) -> int:
        """Run one group's process, again and again; return a code above 0 when it refuses to start."""
        loop = asyncio.get_running_loop()
        while not self._is_stopping:
            started = loop.time()
            code = await self._run_process(group)
            if self._is_stopping:
                return 0
            if code == REFUSED_CODE:
                return code
            if loop.time() - started > _SETTLED_SECONDS:
                group.restarts.reset()
            log.error("The process of group %s ended (%s); starting it again", group.name, _described(code))
            await asyncio.sleep(group.restarts.next_seconds())
        return 0

    async def _run_process(self, group: _Group) -> int:
        ours, theirs = socket.socketpair()
        with theirs:
            listening = self._listening.fileno() if group.name == HTTP_GROUP else None
            inherited = Inherited(group.name, listening, theirs.fileno())
            group.process = await asyncio.create_subprocess_exec(
                *command(),
                env={**os.environ, **inherited.as_environment()},
                pass_fds=inherited.descriptors,
                process_group=0,  # Ctrl-C reaches the supervisor alone
            )
        reader, group.writer = await asyncio.open_connection(sock=ours)
        reading = asyncio.create_task(self._read(reader))
        code = await group.process.wait()
        group.writer.close()
        await reading
        return code

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._obey(json.loads(line))
        except ConnectionError:
            return

    def _obey(self, message: dict[str, Any]) -> None:
        for name in message.get("groups", ()):
            self._keep(name)
        if name := message.get("run"):
            self._send(self._groups.get(name), message)
        elif message.get("drain") or message.get("resume"):
            for name, group in self._groups.items():
                if name != HTTP_GROUP:
                    self._send(group, message)

    def _send(self, group: _Group | None, message: dict[str, Any]) -> None:
        if group and group.writer and not group.writer.is_closing():
            group.writer.write(json.dumps(message).encode() + b"\n")

    def _stop(self) -> None:
        if self._is_stopping:
            return
        self._is_stopping = True
        for group in self._groups.values():
            if group.process and group.process.returncode is None:
                group.process.terminate()
        asyncio.get_running_loop().call_later(self._drain_seconds + _KILL_AFTER_SECONDS, self._kill)

    def _kill(self) -> None:
        for group in self._groups.values():
            if group.process and group.process.returncode is None:
                group.process.kill()


async def supervise(options: Options, local: LocalSettings) -> int:
    configure_logging(options.log_level or "information")
    port = local.port if options.port is None else options.port
    with bind(options.address or local.address, port) as listening:
        return await _Supervisor(listening, options.drain_seconds).run()


def _described(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
