"""Start the parts in order, start a part again when it dies, stop them all in the end."""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dev.children import Child, start_child
from dev.ports import listens
from dev.stack.part import NotYet, Part, StackFailed

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 60  # who ran this long starts again without a pause
_STOP_SECONDS = 15
_TICK_SECONDS = 0.1
_PROGRESS_SECONDS = 2.0


@dataclass
class _Running:
    """A part and its process."""

    part: Part
    child: Child
    started_at: float = field(default_factory=time.monotonic)
    is_ready: bool = False
    was_ready: bool = False
    pause_seconds: float = _FIRST_PAUSE_SECONDS
    start_again_at: float | None = None
    progress: str = ""
    progress_at: float = 0

    def answers(self) -> bool:
        """Return whether the part works, and not another program on its port."""
        port = self.part.port
        return self.part.is_ready() and (port is None or listens(self.child.pid, port))


class Supervisor:
    """
    The running parts. `say` gets what a person should know; `changed` is called after each start of a process.

    It runs in the main thread, because the parts die with the thread that started them.
    """

    def __init__(self, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        self._say = say
        self._changed = changed
        self._running: list[_Running] = []
        self._asked_to_stop = 0

    def listen_to_signals(self) -> None:
        """Stop on Ctrl-C, SIGTERM and SIGHUP; a second one kills what still runs."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: self.ask_to_stop())

    def ask_to_stop(self) -> None:
        self._asked_to_stop += 1
        if self._asked_to_stop > 1:
            for running in self._running:
                running.child.signal_group(signal.SIGKILL)

    @property
    def is_stopping(self) -> bool:
        return self._asked_to_stop > 0

    def pids(self) -> dict[str, int]:
        return {running.part.name: running.child.pid for running in self._running if running.child.status is None}

    def start(self, stages: Sequence[Sequence[Part]]) -> None:
        """
        Start every part and return once all are ready, or when asked to stop.

        Raises StackFailed, with the end of its log, when a part does not come up.
        """
        for stage in stages:
            started = [self._add(part) for part in stage if not self.is_stopping]
            while not self.is_stopping and not all(running.is_ready for running in started):
                for running in self._running:
                    if running.was_ready:
                        self._look_after(running)
                    else:
                        self._await_first_readiness(running)
                time.sleep(_TICK_SECONDS)

    def watch(self) -> None:
        """Look once after every part: start again who died, and say so."""
        for running in self._running:
            self._look_after(running)

    def _look_after(self, running: _Running) -> None:
        if running.start_again_at is not None:
            self._start_again_when_due(running)
        elif (status := running.child.status) is not None:
            self._note_death(running, status)
        elif not running.is_ready and running.answers():
            running.is_ready = True
            self._say(f"{running.part.name} is back, pid {running.child.pid}")

    def stop(self) -> None:
        """Stop the parts, those first that need the others."""
        for running in reversed(self._running):
            running.child.stop(_STOP_SECONDS)
        self._running.clear()

    def _add(self, part: Part) -> _Running:
        running = _Running(part, _start(part))
        self._running.append(running)
        self._changed()
        return running

    def _await_first_readiness(self, running: _Running) -> None:
        part, status = running.part, running.child.status
        if status is not None and status >= 0:
            raise StackFailed(f"{part.name} {_ending(status)} while starting. The end of {part.log}:\n{tail(part.log)}")
        if status is not None or running.start_again_at is not None:  # somebody killed it
            self._look_after(running)
        elif time.monotonic() - running.started_at > part.start_seconds:
            seconds = f"{part.start_seconds:.0f} s"
            raise StackFailed(f"{part.name} was not ready after {seconds}. The end of {part.log}:\n{tail(part.log)}")
        elif running.answers():
            with suppress(NotYet):
                part.when_up()
                running.is_ready = running.was_ready = True
        else:
            self._tell_progress(running)

    def _tell_progress(self, running: _Running) -> None:
        prefix, now = running.part.progress_prefix, time.monotonic()
        if prefix is None or now - running.progress_at < _PROGRESS_SECONDS:
            return
        running.progress_at = now
        newest = tail(running.part.log, lines=1)
        if newest.startswith(prefix) and newest != running.progress:
            running.progress = newest
            self._say(f"{running.part.name}: {newest}")

    def _note_death(self, running: _Running, status: int) -> None:
        if time.monotonic() - running.started_at > _STEADY_SECONDS:
            running.pause_seconds = _FIRST_PAUSE_SECONDS
        running.is_ready = False
        running.start_again_at = time.monotonic() + running.pause_seconds
        self._say(
            f"{running.part.name} (pid {running.child.pid}) {_ending(status)}; "
            f"starting it again in {running.pause_seconds:.1f} s, see {running.part.log}"
        )
        running.pause_seconds = min(running.pause_seconds * 2, _LONGEST_PAUSE_SECONDS)

    def _start_again_when_due(self, running: _Running) -> None:
        if running.start_again_at is not None and time.monotonic() >= running.start_again_at:
            running.start_again_at = None
            running.started_at = time.monotonic()
            running.child.stop()
            running.child = _start(running.part)
            self._changed()


def _start(part: Part) -> Child:
    part.before_start()
    return start_child(
        part.command,
        log=part.log,
        environment=part.environment,
        folder=part.folder,
        stop_signal=part.stop_signal,
        user_id=part.user_id,
    )


def _ending(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log, which may be long."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 16_384))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
