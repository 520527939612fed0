"""One program of the stack."""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class StackFailed(Exception):
    """The stack cannot run; the message says why and what to do."""


class NotYet(Exception):
    """A part stopped answering just after it was ready; ask again."""


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Part:
    """How to run a program, and how to see that it works."""

    name: str
    address: str  # where a person finds it
    command: Sequence[str | Path]
    is_ready: Callable[[], bool]
    log: Path
    environment: Mapping[str, str]
    folder: Path
    port: int | None = None  # where no other program may answer in its place
    start_seconds: float = 30  # how long it may take until it is ready
    stop_signal: signal.Signals = signal.SIGTERM
    user_id: int | None = None
    before_start: Callable[[], None] = _nothing  # every time
    when_up: Callable[[], None] = _nothing  # the first time it is ready
    progress_prefix: str | None = None  # lines of its log that tell how far its start is
