"""The whole stack as a person runs it, on free ports and in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import certifi
import httpx
import psutil
import psycopg
import pytest

from dev.ports import choose_free_port, is_free
from dev.stack.files import read_json, write_private_json
from dev.stack.keys import stack_keys
from dev.stack.places import Places
from dev.stack.port_choice import DEFAULTS, StackPorts
from dev.stack.settings import database_urls
from dev.stack.single import hold, running_pid, stop_stack
from tests.conftest import Database

ROOT = Path(__file__).parents[2]
MAIL = "From: a@contoso.example\nTo: b@contoso.example\nSubject: Hello\nMessage-ID: <1@contoso.example>\n\nHello.\n"
PARTS = {"postgres", "azurite", "simulator", "pubsub", "host"}
SECONDS = 60


class Stack:
    """`make up` for a folder, with one message in the simulator's mailbox."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder / "state")
        self.output = folder / "output.txt"
        self._settings_file = folder / "local.settings.json"
        self.mail = folder / "mail"
        self.mail.mkdir()
        (self.mail / "one.eml").write_text(MAIL)
        ports: set[int] = set()
        while len(ports) < len(DEFAULTS):
            ports.add(choose_free_port(other_than=ports))
        write_private_json(self.places.record, {"ports": dict(zip(DEFAULTS, ports, strict=True))})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str] | None = None) -> Self:
        self.begin(environment)
        self.until(lambda: "is up after" in self.printed())
        return self

    def begin(
        self, environment: Mapping[str, str] | None = None, options: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dev.stack", "--state", str(self.places.state), "up"]
        command += ["--mail", str(self.mail), "--settings-file", str(self._settings_file)]
        self.output.write_text("")
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own words
                [*command, *options],
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return self.process

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit status."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS)

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def printed(self) -> str:
        return self.output.read_text()

    @property
    def ports(self) -> dict[str, int]:
        ports: dict[str, int] = read_json(self.places.record)["ports"]
        return ports

    @property
    def pids(self) -> dict[str, int]:
        pids: dict[str, int] = read_json(self.places.record)["pids"]
        return pids

    @property
    def owner_url(self) -> str:
        return database_urls(StackPorts(**self.ports), stack_keys(self.places.secrets)).owner_url

    def is_product_ready(self) -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.ports['host']}/api/ready", trust_env=False, timeout=5)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    def until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not happened():
            assert self.process
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_end(pids: list[int]) -> bool:
    deadline = time.monotonic() + SECONDS
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(is_running, pids))


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    one = Stack(tmp_path)
    yield one
    if one.process and one.process.poll() is None:
        one.interrupt()


def test_a_killed_part_comes_back_and_a_ctrl_c_leaves_nothing(stack: Stack) -> None:
    stack.start()
    assert stack.pids.keys() >= PARTS
    for name in sorted(PARTS):
        pid = stack.pids[name]
        os.kill(pid, signal.SIGKILL)
        stack.until(lambda name=name: f"{name} is back" in stack.printed())  # type: ignore[misc]
        assert f"{name} (pid {pid}) was ended by SIGKILL" in stack.printed()
    stack.until(stack.is_product_ready)

    pids = list(stack.pids.values())
    assert stack.interrupt() == 0
    assert not [pid for pid in pids if is_running(pid)]
    assert all(map(is_free, stack.ports.values()))


def test_after_a_kill_of_the_supervisor_its_parts_end_and_the_next_start_finds_everything(stack: Stack) -> None:
    stack.start()
    ports, keys, pids = stack.ports, stack_keys(stack.places.secrets), list(stack.pids.values())
    with psycopg.connect(stack.owner_url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS number")
    stack.kill()
    assert all_end(pids)

    stack.start()
    assert (stack.ports, stack_keys(stack.places.secrets)) == (ports, keys)
    with psycopg.connect(stack.owner_url) as conn:
        assert conn.execute("SELECT number FROM kept").fetchall() == [(1,)]
    assert stack.is_product_ready()


def test_a_second_stack_in_the_same_folder_is_refused(stack: Stack) -> None:
    with hold(stack.places):
        assert stack.begin().wait(SECONDS) == 1
    assert f"runs already, pid {os.getpid()}" in stack.printed()


def test_a_persons_database_and_provider_take_the_place_of_ours(stack: Stack, database: Database) -> None:
    stack.start(
        {
            "DATABASE_URL": database.app_url,
            "MIGRATION_DATABASE_URL": database.owner_url,
            "GRAPH_BASE_URL": "https://graph.test/v1.0",
            "MICROSOFT_AUTHORITY": "https://login.test/common",
            "TRUSTED_CA_FILE": certifi.where(),
        }
    )
    assert not stack.pids.keys() & {"postgres", "simulator"}
    assert stack.is_product_ready()
    with psycopg.connect(database.owner_url) as conn:
        users = conn.execute("SELECT usename FROM pg_stat_activity WHERE datname = current_database()").fetchall()
    assert ("mail_app",) in users


def test_a_part_that_cannot_start_ends_the_stack_with_its_reason(stack: Stack) -> None:
    (stack.mail / "one.eml").unlink()
    assert stack.begin().wait(SECONDS) == 1
    assert "simulator ended with status 1 while starting" in stack.printed()


def test_make_down_stops_the_stack(stack: Stack) -> None:
    process = stack.begin()
    stack.until(lambda: running_pid(stack.places) == process.pid)
    assert stop_stack(stack.places)
    assert process.wait(SECONDS) in {0, 1}
    assert not stop_stack(stack.places)


def test_the_demo_ends_with_the_proof(stack: Stack) -> None:
    assert stack.begin(options=["--demo", "--once"]).wait(2 * SECONDS) == 0
    assert "1 of 1 messages in PostgreSQL · 0 missing · 0 different · 0 extra" in stack.printed()
    assert not [pid for pid in stack.pids.values() if is_running(pid)]
