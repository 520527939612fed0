"""One stack per folder: who runs it, how to stop it, and what a killed one left behind."""

import fcntl
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from dev.stack.files import read_json, write_private_json
from dev.stack.part import StackFailed
from dev.stack.places import LOCAL, Places, shown

_LEFTOVER_SECONDS = 20
_STOP_SECONDS = 60


@contextmanager
def hold(places: Places) -> Iterator[None]:
    """Be the only stack in its folder. Raises StackFailed, naming the one that is there already."""
    with places.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise StackFailed(
                f"the stack in {shown(places.state)} runs already, pid {_pid_in(places.lock)}: `make down` stops it"
            ) from exc
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
        lock.truncate(0)


def running_pid(places: Places) -> int | None:
    """Return the process that runs this stack, if one does."""
    if not places.lock.exists():
        return None
    with places.lock.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid_in(places.lock)
    return None


def running_stacks() -> list[Places]:
    """Return the stacks of this checkout that run now."""
    folders = [LOCAL, *sorted(LOCAL.glob("mail-*"))]
    return [places for places in map(Places, folders) if running_pid(places) is not None]


def stop_stack(places: Places) -> bool:
    """Ask the stack of a folder to stop and wait until it has; return whether there was one."""
    pid = running_pid(places)
    if pid is None:
        return False
    process = psutil.Process(pid)
    process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs([process], timeout=_STOP_SECONDS)
    if alive:
        raise StackFailed(f"the stack (pid {pid}) does not stop; `kill -9 {pid}` ends it, and its parts with it")
    return True


def write_record(places: Places, ports: Mapping[str, int], pids: Mapping[str, int], urls: Mapping[str, str]) -> None:
    """Keep what the next start, and other programs, need to know."""
    started = {str(pid): _started_at(pid) for pid in pids.values()}
    record = {"ports": dict(ports), "urls": dict(urls), "pids": dict(pids), "started": started}
    write_private_json(places.record, record)


def end_leftovers(places: Places) -> list[str]:
    """Wait for the parts of a stack that was killed, end those that stay, and return their names."""
    record = read_json(places.record)
    names = {pid: name for name, pid in (record.get("pids") or {}).items()}
    left = [process for pid in names if (process := _same_process(pid, record.get("started") or {}))]
    _, alive = psutil.wait_procs(left, timeout=_LEFTOVER_SECONDS)  # the kernel has asked them to stop
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return [names[process.pid] for process in alive]


def _same_process(pid: int, started: Mapping[str, Any]) -> psutil.Process | None:
    """Return the process, unless it is gone or its number was since given to another."""
    if _started_at(pid) != started.get(str(pid)):
        return None
    try:
        process = psutil.Process(pid)
        return process if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _started_at(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0


def _pid_in(lock: Path) -> int:
    return int(lock.read_text() or 0)
