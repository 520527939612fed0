"""Starting the host as a program on an app, and waiting for what it does."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, overload

import psutil

APPS: Final = Path(__file__).parent / "apps"
ROOT: Final = Path(__file__).parents[2]
_PATIENCE_SECONDS: Final = 20

T = TypeVar("T")


@dataclass(frozen=True)
class RunningHost:
    url: str
    process: subprocess.Popen[str]
    log_file: Path
    records_file: Path
    printed: list[str]

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def records(self, word: str = "") -> list[str]:
        """Return the lines that the app recorded, those with `word` first."""
        lines = self.records_file.read_text().splitlines() if self.records_file.exists() else []
        return [line for line in lines if line.startswith(word)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE_SECONDS)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@contextlib.contextmanager
def running_host(app: Path, *arguments: str, environment: dict[str, str] | None = None) -> Iterator[RunningHost]:
    """Run the host on an app until the block ends; what the app records goes to a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        log_file, records_file = Path(folder, "log"), Path(folder, "records")
        with log_file.open("w") as log:
            process = subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-m", "dev.functions_host", "--app", str(app), "--port", "0", *arguments],
                cwd=ROOT,
                env={**os.environ, "RECORDS": str(records_file), **(environment or {})},
                text=True,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert process.stdout
        printed: list[str] = []
        try:
            for line in process.stdout:
                printed.append(line)
                if line.startswith("Listening on "):
                    break
            else:
                raise AssertionError(f"the host did not start:\n{log_file.read_text()}")
            reader = threading.Thread(target=printed.extend, args=(process.stdout,), daemon=True)
            reader.start()
            yield RunningHost(printed[-1].split()[-1], process, log_file, records_file, printed)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(_PATIENCE_SECONDS)
            _kill_session(process.pid)  # what a broken host leaves behind would keep its output open
            process.stdout.close()


def _kill_session(session: int) -> None:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == session:
                process.kill()


def refusal(app: Path, *arguments: str) -> tuple[int, str]:
    """Start the host on an app that it refuses; return its exit code and what it said."""
    ended = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-m", "dev.functions_host", "--app", str(app), "--port", "0", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stderr


def eventually(ask: Callable[[], T], *, seconds: float = _PATIENCE_SECONDS) -> T:
    """Ask until the answer is true; fail when it never is."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
    return answer


@overload
async def soon(ask: Callable[[], Coroutine[Any, Any, T]], *, seconds: float = ...) -> T: ...
@overload
async def soon(ask: Callable[[], T], *, seconds: float = ...) -> T: ...
async def soon(ask: Callable[[], Any], *, seconds: float = _PATIENCE_SECONDS) -> Any:
    """As `eventually`, inside an event loop; the answer may have to be awaited."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if isinstance(answer, Coroutine):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.02)


def write_app(folder: Path, code: str, *, settings: dict[str, Any] | None = None, **host: object) -> Path:
    """Write a small app into a new folder, with keyword arguments as keys of host.json; return the folder."""
    folder.mkdir(parents=True)
    (folder / "function_app.py").write_text(code)
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **host}))
    if settings is not None:
        (folder / "local.settings.json").write_text(json.dumps(settings))
    return folder


def copy_app(name: str, folder: Path, *, settings: dict[str, Any]) -> Path:
    """Copy one of the apps into a new folder and give it a local.settings.json; return the folder."""
    shutil.copytree(APPS / name, folder)
    (folder / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, **settings}))
    return folder
