"""Running one function: its arguments, its context, its thread or loop, its time limit, its log lines."""

import asyncio
import contextvars
import functools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

from azure.functions.meta import Datum

from dev.functions_host.application import AppFunction
from dev.functions_host.context import InvocationContext, OutValue, RetryState
from dev.functions_host.errors import InvocationFailed, WorkerRestarted
from dev.functions_host.generic_converter import converter_for
from dev.functions_host.logs import invocation_name

log = logging.getLogger(__name__)

_RESTARTED: Final = "the worker process was restarted while the function ran"

invocation_id: contextvars.ContextVar[str] = contextvars.ContextVar("invocation_id", default="")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a function runs and what it is given."""

    reason: str
    data: Datum
    metadata: Mapping[str, Datum] = field(default_factory=dict)
    trace_parent: str = ""
    trace_state: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a function gave back, through the library's converters: `returned` is None without a $return binding."""

    returned: Datum | None
    outputs: Mapping[str, Datum]


class Worker:
    """
    The part of the host that is the language worker in Azure.

    Coroutines run on one loop of its own, everything else on a pool of threads. `on_restart` is called when the
    process must be replaced: a function ran into the time limit, or ended the worker. It ends what runs by
    `fail_running` first.
    """

    def __init__(
        self, *, threads: int | None, timeout_seconds: float | None, on_restart: Callable[[str], None]
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._on_restart = on_restart
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._loop = asyncio.new_event_loop()
        self._running: set[asyncio.Future[Any]] = set()
        self._is_ending = False
        threading.Thread(target=self._loop.run_forever, name="worker-loop", daemon=True).start()

    @property
    def running(self) -> int:
        return len(self._running)

    async def invoke(self, function: AppFunction, trigger: Trigger, *, retry: RetryState | None = None) -> Result:
        """Run a function once; raise what it raised, InvocationFailed, TimeoutError or WorkerRestarted."""
        if self._is_ending:
            raise WorkerRestarted(_RESTARTED)
        started, run_id = time.monotonic(), str(uuid.uuid4())
        log.info("Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, trigger.reason, run_id)
        try:
            result = await self._run(function, trigger, run_id, retry)
        except Exception as exc:
            self._log_end(function, "Failed", run_id, started)
            log.error("%s: %s", type(exc).__name__, exc, exc_info=_of_function(exc))  # noqa: TRY400 (only the app's frames)
            raise
        self._log_end(function, "Succeeded", run_id, started)
        return result

    def fail_running(self) -> None:
        """End every invocation with WorkerRestarted, the coming ones too; the functions themselves are not told."""
        self._is_ending = True
        for waiting in list(self._running):
            if not waiting.done():
                waiting.set_exception(WorkerRestarted(_RESTARTED))

    async def _run(self, function: AppFunction, trigger: Trigger, run_id: str, retry: RetryState | None) -> Result:
        outputs = {name: OutValue() for name in function.signature.outputs}
        arguments = {**_inputs(function, trigger), **outputs}
        if function.signature.wants_context:
            arguments["context"] = InvocationContext(function, run_id, trigger.trace_parent, trigger.trace_state, retry)
        returned = await self._within_limit(self._start(function, arguments, run_id), function)
        return Result(_returned(function, returned), _written(function, outputs))

    def _start(self, function: AppFunction, arguments: dict[str, Any], run_id: str) -> asyncio.Future[Any]:
        context = contextvars.copy_context()
        context.run(invocation_id.set, run_id)
        context.run(invocation_name.set, function.name)
        call = functools.partial(function.call, **arguments)
        if not function.is_async:
            return asyncio.wrap_future(self._pool.submit(context.run, _guarded, call))
        # run_coroutine_threadsafe hands the caller's context to the new task.
        return asyncio.wrap_future(context.run(asyncio.run_coroutine_threadsafe, _guarded_async(call), self._loop))

    async def _within_limit(self, call: asyncio.Future[Any], function: AppFunction) -> Any:  # noqa: ANN401 (a function returns what it likes)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        call.add_done_callback(functools.partial(_pass_on, answer))
        self._running.add(answer)
        try:
            done, _ = await asyncio.wait({answer}, timeout=self._timeout_seconds)
            if not done:
                self._on_restart(f"{function.name} ran into functionTimeout")
                raise TimeoutError(f"functionTimeout of {self._timeout_seconds:g} s exceeded by {function.name}")
            return answer.result()
        except _WorkerEnded as exc:
            self._on_restart(f"{function.name} ended the worker: {exc}")
            raise WorkerRestarted(str(exc)) from exc
        finally:
            self._running.discard(answer)

    def _log_end(self, function: AppFunction, outcome: str, run_id: str, started: float) -> None:
        duration = round((time.monotonic() - started) * 1000)
        level = logging.INFO if outcome == "Succeeded" else logging.ERROR
        text = "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)"
        log.log(level, text, function.name, outcome, run_id, duration)


class _WorkerEnded(Exception):
    """The function called sys.exit: in Azure its worker process would be gone."""


def _guarded(call: Callable[[], Any]) -> Any:  # noqa: ANN401 (a function returns what it likes)
    try:
        return call()
    except (SystemExit, KeyboardInterrupt) as exc:
        raise _WorkerEnded(repr(exc)) from exc


async def _guarded_async(call: Callable[[], Any]) -> Any:  # noqa: ANN401 (as above)
    try:
        return await call()
    except (SystemExit, KeyboardInterrupt) as exc:
        raise _WorkerEnded(repr(exc)) from exc


def _pass_on(answer: asyncio.Future[Any], call: asyncio.Future[Any]) -> None:
    if answer.done():
        if not call.cancelled():
            call.exception()  # nobody waits for it any more
    elif call.cancelled():
        answer.set_exception(InvocationFailed("the function was cancelled"))
    elif error := call.exception():
        answer.set_exception(error)
    else:
        answer.set_result(call.result())


def _inputs(function: AppFunction, trigger: Trigger) -> dict[str, Any]:
    inputs = function.signature.inputs
    if foreign := inputs.keys() - {function.trigger.name}:
        raise InvocationFailed(f"this host has no input bindings: {', '.join(sorted(foreign))}")
    name = function.trigger.name
    return {name: converter_for(inputs[name]).decode(trigger.data, trigger_metadata=trigger.metadata)}


def _returned(function: AppFunction, value: object) -> Datum | None:
    binding = next((binding for binding in function.bindings if binding.name == "$return"), None)
    if binding is None:
        if value is not None:
            raise InvocationFailed(f"function {function.name} without a $return binding returned a non-None value")
        return None
    if value is None:
        raise InvocationFailed(f"function {function.name} has a $return binding and returned None")
    return _encoded(binding.kind, value)


def _written(function: AppFunction, outputs: Mapping[str, OutValue]) -> dict[str, Datum]:
    kinds = function.signature.outputs
    return {name: _encoded(kinds[name], out.get()) for name, out in outputs.items() if out.get() is not None}


def _encoded(kind: str, value: object) -> Datum:
    try:
        encoded = converter_for(kind).encode(value, expected_type=None)
    except NotImplementedError as exc:
        raise InvocationFailed(f"a {type(value).__name__} cannot be written to the binding {kind}") from exc
    if encoded is None:
        raise InvocationFailed(f"nothing was written to the binding {kind}")
    return encoded


def _of_function(exc: Exception) -> tuple[type[Exception], Exception, TracebackType] | None:
    """Return what to print of an error, from the app's first frame on: nothing for an error of the host's own."""
    trace, theirs = exc.__traceback__, None
    while trace:
        if trace.tb_frame.f_code.co_filename == __file__:
            theirs = trace.tb_next
        trace = trace.tb_next
    return (type(exc), exc, theirs) if theirs and not isinstance(exc, InvocationFailed) else None
