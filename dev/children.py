"""Child processes that never outlive us: not on Ctrl-C, not on SIGKILL."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LEASH = Path(__file__).with_name("leash.py")


@dataclass
class Child:
    """A started process in a session of its own, so that a Ctrl-C in the terminal reaches only its parent."""

    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    _leash: IO[bytes] | None = field(default=None, repr=False)
    _is_forgotten: bool = field(default=False, repr=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self.process.poll()

    def stop(self, patience_seconds: float = 15) -> None:
        """Ask it to stop, and kill what is left of its group when it did, or after `patience_seconds`."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                self.signal_group(signal.SIGKILL)
        self._forget()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal_group(signal.SIGKILL)
        self._forget()

    def signal_group(self, number: signal.Signals) -> None:
        """Signal it and its children, without waiting for what they do; a signal handler may call this."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def _forget(self) -> None:
        self.process.wait()
        if not self._is_forgotten:
            self._is_forgotten = True
            # A starter may end before what it started, as the `func` of npm does.
            with suppress(ProcessLookupError, PermissionError):  # macOS forbids what Linux does not find
                os.killpg(self.process.pid, signal.SIGKILL)
        if self._leash is not None:
            self._leash.close()
            self._leash = None


def start_child(
    command: Sequence[str | Path],
    *,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    user_id: int | None = None,
) -> Child:
    """
    Start a program that gets `stop_signal` when we die, however we die. Call it from the main thread only.

    Its output is appended to `log`, or is ours when that is None. `user_id` is the user and group it runs as.
    """
    words = [str(word) for word in command]
    output: IO[bytes] | None = log.open("ab") if log else None
    leash, words, descriptors = (None, words, ()) if _kernel_has_leash() else _leashed(words, stop_signal)
    try:
        process = subprocess.Popen(  # noqa: S603 - the callers' own programs
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd=folder,
            start_new_session=True,
            pass_fds=descriptors,
            user=user_id,
            group=user_id,
            extra_groups=None if user_id is None else [],
            preexec_fn=_die_with_parent(stop_signal) if _kernel_has_leash() else None,  # noqa: PLW1509 - the main thread forks
        )
    finally:
        if output:
            output.close()
        for descriptor in descriptors:
            os.close(descriptor)
    return Child(process, stop_signal, leash)


def _kernel_has_leash() -> bool:
    return sys.platform == "linux"


def _die_with_parent(number: signal.Signals) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask_the_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_the_kernel


def _leashed(words: list[str], number: signal.Signals) -> tuple[IO[bytes], list[str], tuple[int, ...]]:
    reader, writer = os.pipe()
    leashed = [sys.executable, str(_LEASH), str(reader), str(int(number)), *words]
    return os.fdopen(writer, "wb", buffering=0), leashed, (reader,)
