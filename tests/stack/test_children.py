"""Nothing that we start outlives us."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dev.children import start_child

ROOT = Path(__file__).parents[2]
LEASH = ROOT / "dev" / "leash.py"
# Writes its own number, then waits.
WAITER = ["sh", "-c", 'echo $$ > "$0.part" && mv "$0.part" "$0" && exec sleep 60']


def pid_in(file: Path) -> int:
    deadline = time.monotonic() + 10
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return int(file.read_text())


def ends(pid: int) -> bool:
    """Wait for a process, which may not be our child, to end."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def test_a_child_dies_with_its_killed_parent(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, time; from dev.children import start_child; start_child(sys.argv[2:]);\n"
        "while not os.path.exists(sys.argv[1]): time.sleep(0.01)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    file = tmp_path / "pid"
    subprocess.run([sys.executable, "-c", script, file, *WAITER, file], cwd=ROOT, check=False)  # noqa: S603 - our own words
    assert ends(pid_in(file))


def test_the_leash_of_other_systems_ends_a_command_whose_owner_was_killed(tmp_path: Path) -> None:
    script = (
        "import os, signal, subprocess, sys, time; reader, writer = os.pipe();\n"
        "command = [sys.executable, sys.argv[1], str(reader), str(int(signal.SIGTERM)), *sys.argv[3:]]\n"
        "subprocess.Popen(command, pass_fds=[reader])\n"
        "while not os.path.exists(sys.argv[2]): time.sleep(0.01)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    file = tmp_path / "pid"
    subprocess.run([sys.executable, "-c", script, LEASH, file, *WAITER, file], check=False)  # noqa: S603 - our own words
    assert ends(pid_in(file))


def test_the_leash_passes_on_the_wish_to_stop_and_the_exit_status() -> None:
    reader, writer = os.pipe()
    command = [sys.executable, str(LEASH), str(reader), str(int(signal.SIGTERM))]
    script = (
        "import signal, sys; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); print(flush=True); signal.pause()"
    )
    command += [sys.executable, "-c", script]
    with subprocess.Popen(command, pass_fds=[reader], stdout=subprocess.PIPE) as leash:  # noqa: S603 - our own words
        assert leash.stdout
        leash.stdout.readline()
        leash.send_signal(signal.SIGINT)
        assert leash.wait(10) == 7
    os.close(reader)
    os.close(writer)


def test_a_child_that_ignores_the_wish_to_stop_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = start_child(
        [
            sys.executable,
            "-uc",
            "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); signal.pause()",
        ],
        log=log,
    )
    while not log.read_text():
        time.sleep(0.01)
    child.stop(patience_seconds=0.1)
    assert child.status == -signal.SIGKILL


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_stopping_twice_is_harmless(how: str) -> None:
    child = start_child(["sleep", "60"])
    getattr(child, how)()
    getattr(child, how)()
    assert child.status is not None
