"""The supervisor, on small programs."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dev.stack.part import NotYet, Part, StackFailed
from dev.stack.supervisor import Supervisor


class Listener:
    """Keeps what the supervisor said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def heard(self, words: str) -> bool:
        return any(words in line for line in self.lines)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def supervisor(listener: Listener) -> Iterator[Supervisor]:
    one = Supervisor(listener.lines.append, lambda: None)
    yield one
    one.stop()


@pytest.fixture
def sleeper(tmp_path: Path) -> Part:
    """A part that is ready at once and runs until it is stopped."""
    return Part(
        name="sleeper",
        address="nowhere",
        command=["sleep", "60"],
        is_ready=lambda: True,
        log=tmp_path / "sleeper.log",
        environment=dict(os.environ),
        folder=tmp_path,
    )


def watch_until(supervisor: Supervisor, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        supervisor.watch()
        time.sleep(0.01)


def test_a_killed_part_is_started_again_and_the_person_told(
    supervisor: Supervisor, listener: Listener, sleeper: Part
) -> None:
    supervisor.start([[sleeper]])
    killed = supervisor.pids()["sleeper"]
    os.kill(killed, signal.SIGKILL)
    watch_until(supervisor, lambda: listener.heard("sleeper is back"))
    assert supervisor.pids()["sleeper"] != killed
    assert listener.heard(f"sleeper (pid {killed}) was ended by SIGKILL; starting it again in 0.2 s")


def test_the_pause_doubles_while_a_part_keeps_dying(supervisor: Supervisor, listener: Listener, sleeper: Part) -> None:
    supervisor.start([[sleeper]])
    for pause in ("0.2", "0.4", "0.8"):
        os.kill(supervisor.pids()["sleeper"], signal.SIGKILL)
        watch_until(supervisor, lambda pause=pause: listener.heard(f"again in {pause} s"))  # type: ignore[misc]
        watch_until(supervisor, lambda: "sleeper" in supervisor.pids())


def test_a_part_that_ends_while_starting_fails_the_start_with_the_end_of_its_log(
    supervisor: Supervisor, sleeper: Part
) -> None:
    broken = replace(sleeper, command=["sh", "-c", "echo no such setting; exit 3"], is_ready=lambda: False)
    with pytest.raises(StackFailed, match=r"(?s)sleeper ended with status 3 while starting.*no such setting"):
        supervisor.start([[broken]])


def test_a_part_that_is_not_ready_in_time_fails_the_start(supervisor: Supervisor, sleeper: Part) -> None:
    with pytest.raises(StackFailed, match="not ready after 0 s"):
        supervisor.start([[replace(sleeper, is_ready=lambda: False, start_seconds=0.3)]])


def test_a_part_that_is_killed_while_starting_is_started_again(
    supervisor: Supervisor, listener: Listener, sleeper: Part, tmp_path: Path
) -> None:
    """The first process kills itself, the second one finds the file and stays."""
    script = "test -e once || { touch once; kill -9 $$; }; touch ready; exec sleep 60"
    part = replace(sleeper, command=["sh", "-c", script], is_ready=(tmp_path / "ready").exists)
    supervisor.start([[part]])
    assert listener.heard("was ended by SIGKILL")
    assert "sleeper" in supervisor.pids()


def test_a_later_stage_starts_after_the_one_before_is_ready(
    supervisor: Supervisor, sleeper: Part, tmp_path: Path
) -> None:
    order = tmp_path / "order"
    first = replace(
        sleeper,
        name="first",
        command=["sh", "-c", f"sleep 0.2; echo first >> {order}; exec sleep 60"],
        is_ready=order.exists,
    )
    second = replace(sleeper, name="second", command=["sh", "-c", f"echo second >> {order}; touch up; exec sleep 60"],
                     is_ready=(tmp_path / "up").exists)  # fmt: skip
    supervisor.start([[first], [second]])
    assert order.read_text().split() == ["first", "second"]


def test_what_follows_the_first_readiness_is_tried_until_it_succeeds(supervisor: Supervisor, sleeper: Part) -> None:
    attempts: list[int] = []

    def fails_once() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise NotYet

    supervisor.start([[replace(sleeper, when_up=fails_once)]])
    assert len(attempts) == 2


def test_progress_lines_of_a_slow_start_are_shown(supervisor: Supervisor, listener: Listener, sleeper: Part) -> None:
    part = replace(
        sleeper,
        command=[sys.executable, "-uc", "import time; print('mailbox: 1/2'); time.sleep(60)"],
        is_ready=lambda: listener.heard("mailbox: 1/2"),
        progress_prefix="mailbox:",
    )
    supervisor.start([[part]])
    assert listener.lines == ["sleeper: mailbox: 1/2"]


def test_after_a_stop_no_process_is_left(supervisor: Supervisor, sleeper: Part) -> None:
    supervisor.start([[sleeper, replace(sleeper, name="other")]])
    pids = supervisor.pids().values()
    supervisor.stop()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
