"""What a function receives beside its trigger: the context object and the Out parameters."""

import threading
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from azure.functions._abc import RetryContext, TraceContext  # func.Context names them, the package does not export them

from dev.functions_host.application import AppFunction

_thread_local = threading.local()


@dataclass(frozen=True, slots=True)
class RetryState:
    """Which retry this is, from 1, after which error."""

    count: int
    maximum: int
    error: Exception


class OutValue(func.Out[Any]):
    """One Out parameter of one invocation; None writes nothing."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:  # noqa: ANN401 (as the library declares it)
        self._value = val

    def get(self) -> Any:  # noqa: ANN401 (as above)
        return self._value


class _Trace(TraceContext):
    def __init__(self, parent: str, state: str) -> None:
        self._parent, self._state = parent, state

    @property
    def trace_parent(self) -> str:
        return self._parent

    @property
    def trace_state(self) -> str:
        return self._state

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class _Error:
    def __init__(self, error: Exception) -> None:
        self.source = type(error).__module__
        self.stack_trace = ""
        self.message = f"{type(error).__name__}: {error}"


class _Retry(RetryContext):
    def __init__(self, state: RetryState | None) -> None:
        self._state = state

    @property
    def retry_count(self) -> int:
        return self._state.count if self._state else 0

    @property
    def max_retry_count(self) -> int:
        return self._state.maximum if self._state else 0

    @property
    def exception(self) -> Any:  # noqa: ANN401 (None without a retry, which the library does not declare)
        return _Error(self._state.error) if self._state else None


class InvocationContext(func.Context):
    def __init__(
        self, function: AppFunction, run_id: str, trace_parent: str, trace_state: str, retry: RetryState | None
    ) -> None:
        self._function = function
        self._run_id = run_id
        self._trace = _Trace(trace_parent, trace_state)
        self._retry = _Retry(retry)

    @property
    def invocation_id(self) -> str:
        return self._run_id

    @property
    def thread_local_storage(self) -> Any:  # noqa: ANN401 (declared as a type, used as an instance)
        return _thread_local

    @property
    def function_name(self) -> str:
        return self._function.name

    @property
    def function_directory(self) -> str:
        return self._function.folder

    @property
    def trace_context(self) -> TraceContext:
        return self._trace

    @property
    def retry_context(self) -> RetryContext:
        return self._retry
