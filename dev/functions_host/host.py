"""One host process: the app, its listeners and its HTTP front, from start to stop or restart."""

import asyncio
import contextlib
import hashlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import uvicorn

from dev.functions_host.admin import Admin, HostControls
from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import QUEUE_TRIGGER, AppFunction
from dev.functions_host.control_channel import ControlChannel
from dev.functions_host.cors import Cors
from dev.functions_host.errors import InvocationFailed
from dev.functions_host.host_json import HostConfig
from dev.functions_host.http_front import HttpFront
from dev.functions_host.invocation import Worker
from dev.functions_host.keys import Keys
from dev.functions_host.options import Options
from dev.functions_host.process import HTTP_GROUP, Beginning, Inherited
from dev.functions_host.queue_listener import QueueListener, poison_name
from dev.functions_host.queue_output import QueueOutputs, queue_address
from dev.functions_host.routing import RouteTable
from dev.functions_host.storage import HOST_STORAGE, StorageAccounts
from dev.functions_host.timer_listener import TimerListener
from dev.functions_host.timer_store import TimerStore

log = logging.getLogger(__name__)

_END_SECONDS: Final = 5  # for what must still be written when the process ends

Listener = QueueListener | TimerListener


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the host decides when it stops."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Host:
    """Runs the functions of its group. Make it inside the event loop."""

    def __init__(  # noqa: PLR0913 (what a process is made of)
        self,
        functions: list[AppFunction],
        *,
        options: Options,
        settings: AppSettings,
        config: HostConfig,
        cors: Cors,
        app_root: Path,
        inherited: Inherited,
        beginning: Beginning,
    ) -> None:
        self._functions = functions
        self._options, self._settings, self._config, self._cors = options, settings, config, cors
        self._app_root, self._inherited, self._beginning = app_root, inherited, beginning
        self._host_id = settings.get("AzureFunctionsWebHost__hostid") or _host_id(app_root)
        self._accounts = StorageAccounts(settings)
        threads = settings.get("PYTHON_THREADPOOL_THREAD_COUNT")
        self._worker = Worker(
            threads=int(threads) if threads else None,
            timeout_seconds=config.timeout_seconds,
            on_restart=self._request_restart,
        )
        encoding = config.extensions.queues.message_encoding
        self._outputs = QueueOutputs(self._accounts, settings, encoding, self._wake)
        self._listeners: dict[str, Listener] = {}
        self._pollers: dict[tuple[str, str], list[QueueListener]] = {}
        for function in functions:
            if self._is_own(function) and _has_listener(function):
                self._add_listener(function)
        self._control = ControlChannel(inherited.control) if inherited.control is not None else None
        self._ending: asyncio.Future[bool] = asyncio.get_running_loop().create_future()  # True: restart
        self._background: set[asyncio.Task[None]] = set()
        self._serving: asyncio.Task[None] | None = None

    async def run(self, listening: socket.socket | None) -> None:
        """Serve until a signal stops the process, or until it is replaced."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, False)  # noqa: FBT003 (add_signal_handler takes no keyword)
        if self._control:
            await self._control.open(self._obey)
        for listener in self._listeners.values():
            listener.start()
        server = await self._serve(listening) if listening else None
        if self._control:
            self._control.send({"groups": [function.name for function in self._functions if _has_listener(function)]})
        restarts = await self._ending
        await self._wind_down(server, restarts=restarts)
        if restarts:
            self._beginning.again(self._inherited)

    def _add_listener(self, function: AppFunction) -> None:
        if function.trigger.kind == QUEUE_TRIGGER:
            self._add_queue_listener(function)
        else:
            self._listeners[function.name] = TimerListener(
                function,
                TimerStore(self._accounts.blobs(HOST_STORAGE), self._host_id, function.name),
                settings=self._settings,
                worker=self._worker,
                outputs=self._outputs,
                singleton=self._config.singleton,
            )

    def _add_queue_listener(self, function: AppFunction) -> None:
        connection, name = queue_address(function.trigger, self._settings)
        listener = QueueListener(
            function,
            self._accounts.queue(connection, name),
            self._accounts.queue(connection, poison_name(name)),
            worker=self._worker,
            outputs=self._outputs,
            options=self._config.extensions.queues,
            lock_seconds=self._options.message_lock_seconds,
        )
        self._listeners[function.name] = listener
        self._pollers.setdefault((connection, name), []).append(listener)

    def _is_own(self, function: AppFunction) -> bool:
        group = self._inherited.group
        return group is None or function.name == group or (group == HTTP_GROUP and function.is_http)

    def _wake(self, connection: str, queue: str) -> None:
        for listener in self._pollers.get((connection, queue), ()):
            listener.wake()

    async def _serve(self, listening: socket.socket) -> _Server:
        prefix = self._config.extensions.http.route_prefix
        routes = RouteTable([function for function in self._functions if function.is_http], prefix)
        keys = self._open_keys() if self._options.enable_auth else None
        controls = HostControls(self._run_in_background, lambda: self._end(restart=True), self._drain, self._resume)
        front = HttpFront(
            routes,
            Admin(self._functions, routes, controls, host_id=self._host_id, keys=keys),
            worker=self._worker,
            outputs=self._outputs,
            settings=self._settings,
            options=self._config.extensions.http,
            cors=self._cors,
            keys=keys,
            front_end_seconds=self._options.front_end_seconds,
        )
        config = uvicorn.Config(
            front, http="h11", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, backlog=2048, timeout_graceful_shutdown=max(1, round(self._options.drain_seconds)),
        )  # fmt: skip
        server = _Server(config)
        # A copy: when it is closed, the next process finds the callers who came meanwhile waiting at the original.
        copy = socket.socket(fileno=os.dup(listening.fileno()))
        self._serving = asyncio.create_task(server.serve(sockets=[copy]))
        while not (server.started or self._serving.done()):  # noqa: ASYNC110 (uvicorn offers only the flag)
            await asyncio.sleep(0.005)
        self._print_functions(routes, _address(listening))
        return server

    def _open_keys(self) -> Keys:
        state = self._options.state or self._app_root / ".local" / "functions_host"
        names = [function.name for function in self._functions if function.is_http]
        print(f"Keys: {state / 'keys.json'}")
        return Keys.open(state / "keys.json", names)

    def _print_functions(self, routes: RouteTable, address: str) -> None:
        lines = ["", "Functions:", ""]
        for route in routes.routes:
            methods = ",".join(sorted(route.methods)) or "all methods"
            disabled = " (disabled)" if route.function.is_disabled else ""
            lines.append(f"\t{route.function.name}: [{methods}] {address}{route.address}{disabled}")
        for function in self._functions:
            if function.foreign_bindings:
                lines.append(f"\t{function.name}: not run by this host ({', '.join(function.foreign_bindings)})")
            elif not function.is_http:
                disabled = " (disabled)" if function.is_disabled else ""
                lines.append(f"\t{function.name}: {function.trigger.kind}{disabled}")
        print("\n".join([*lines, "", f"Listening on {address}"]), flush=True)

    def _obey(self, message: dict[str, Any]) -> None:
        """Do what the supervisor passes on from the process that serves /admin."""
        if name := message.get("run"):
            function = next(function for function in self._functions if function.name == name)
            self._run_in_background(function, message["input"])
        elif message.get("drain"):
            self._start(self._drain())
        elif message.get("resume"):
            self._start(self._resume())

    def _run_in_background(self, function: AppFunction, given: str) -> None:
        if self._control and not self._is_own(function):
            self._control.send({"run": function.name, "input": given})
            return
        self._start(self._run(self._listeners.get(function.name), given))

    async def _run(self, listener: Listener | None, given: str) -> None:
        with contextlib.suppress(Exception):  # the invocation has logged it
            if isinstance(listener, QueueListener):
                await listener.run(given)
            elif listener:
                await listener.run_by_hand("This function was programmatically called via the host APIs.")
            else:
                raise InvocationFailed("a disabled function has no listener")

    def _start(self, work: Any) -> None:  # noqa: ANN401 (a coroutine, whose type takes three parameters)
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _drain(self) -> None:
        if self._control and self._inherited.group == HTTP_GROUP:
            self._control.send({"drain": True})
        for listener in self._listeners.values():
            await listener.stop()

    async def _resume(self) -> None:
        if self._control and self._inherited.group == HTTP_GROUP:
            self._control.send({"resume": True})
        for listener in self._listeners.values():
            listener.start()

    def _request_restart(self, reason: str) -> None:
        log.error("Restarting the worker: %s", reason)
        self._end(restart=True)

    def _end(self, restart: bool) -> None:  # noqa: FBT001 (add_signal_handler passes no keywords)
        if not self._ending.done():
            self._ending.set_result(restart)
        elif not restart:
            os._exit(1)  # asked twice

    async def _wind_down(self, server: _Server | None, *, restarts: bool) -> None:
        """Take nothing new, let what runs come to an end, give back what does not."""
        if server:
            for one in server.servers:
                one.close()
            server.should_exit = True
        listeners = list(self._listeners.values())
        await asyncio.gather(*(listener.stop() for listener in listeners))
        if not restarts:
            await self._idle(self._options.drain_seconds)
            for listener in listeners:
                if isinstance(listener, QueueListener):
                    listener.give_back()
        self._worker.fail_running()
        await asyncio.gather(*(listener.finish(_END_SECONDS) for listener in listeners))
        if self._serving:
            await asyncio.wait({self._serving}, timeout=_END_SECONDS)  # answers on their way out
        await self._accounts.close()

    async def _idle(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while self._worker.running and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 (at the end only)
            await asyncio.sleep(0.05)


def _has_listener(function: AppFunction) -> bool:
    return not (function.is_http or function.is_disabled or function.foreign_bindings)


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _host_id(app_root: Path) -> str:
    """Return an id that two hosts of one app on one machine share, as the real host makes it from both names."""
    name = "".join(character for character in socket.gethostname().lower() if character.isalnum())[:20]
    return f"{name}-{int(hashlib.sha256(str(app_root).encode()).hexdigest()[:8], 16)}"


def end_process(code: int) -> None:
    """End without waiting for threads in which functions still run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
