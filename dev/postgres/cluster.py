"""A database cluster in a folder: made once, started, stopped, killed, recovered."""

import os
import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psutil
import psycopg

from dev.children import Child, start_child
from dev.ports import LOOPBACK, choose_free_port
from dev.postgres.binaries import (
    PostgresUnavailable,
    Programs,
    find_programs,
    major_version,
    packs_with_lz4,
    run_program,
)

SUPERUSER = "postgres"
STOP_SIGNAL = signal.SIGINT  # fast shutdown: ends sessions, loses nothing
READY_SECONDS = 30
_ATTEMPTS = 3
_BUILTIN_LOCALE_SINCE = 17

DURABLE: Mapping[str, str] = MappingProxyType({"max_connections": "200"})
"""For data that a person wants to find again tomorrow."""

THROWAWAY: Mapping[str, str] = MappingProxyType(
    {
        "max_connections": "200",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum_naptime": "1d",
        "max_wal_size": "4GB",
    }
)
"""For tests: quick, and lost with the machine."""


@dataclass
class RunningPostgres:
    """A started server. Settings, folder and port serve to start it again as it was."""

    data_dir: Path
    port: int
    password: str = field(repr=False)
    child: Child

    @property
    def url(self) -> str:
        """The superuser's URL of the database `postgres`."""
        return superuser_url(self.port, self.password)

    @property
    def pid(self) -> int:
        return self.child.pid

    def stop(self) -> None:
        """End all sessions and shut down cleanly."""
        self.child.stop()

    def kill(self) -> None:
        """End the server as a power cut would; what was committed is there after the next start."""
        self.child.kill()


def superuser_url(port: int, password: str, database: str = "postgres") -> str:
    return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{port}/{database}?sslmode=disable"


def start_postgres(
    data_dir: Path,
    port: int | None = None,
    *,
    password: str,
    settings: Mapping[str, str] = DURABLE,
    log: Path | None = None,
    programs: Programs | None = None,
) -> RunningPostgres:
    """
    Make the cluster when the folder is empty, start it and return once it answers.

    The superuser's password counts when the cluster is made. Without a port, a free one is taken. The log is
    `<data_dir>.log` unless given. Raises PostgresUnavailable with the end of the log when the server does not come up.
    """
    programs = programs or find_programs()
    prepare_cluster(programs, data_dir, password)
    log = log or data_dir.with_name(f"{data_dir.name}.log")
    for _attempt in range(1 if port else _ATTEMPTS):
        chosen = port or choose_free_port()
        child = start_child(
            server_command(programs, data_dir, chosen, settings),
            log=log,
            stop_signal=STOP_SIGNAL,
            user_id=programs.identity.user_id,
        )
        if _came_up(child, chosen, password):
            return RunningPostgres(data_dir, chosen, password, child)
        child.stop()
    raise PostgresUnavailable(f"PostgreSQL did not start; the end of {log}:\n{_tail(log)}")


def prepare_cluster(programs: Programs, data_dir: Path, password: str) -> None:
    """Bring the folder into a state from which the server starts, whatever happened before."""
    if (data_dir / "PG_VERSION").exists():
        _end_leftovers(data_dir)
        programs.identity.adopt(data_dir)
        return
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    programs.identity.adopt(data_dir)
    with tempfile.NamedTemporaryFile("w", prefix="password-") as secret:
        secret.write(password)
        secret.flush()
        if programs.identity.user_id is not None:
            os.chown(secret.name, programs.identity.user_id, -1)
        run_program(
            programs,
            "initdb",
            *("-D", data_dir, "-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={secret.name}"),
            *("-E", "UTF8", *_locale_options(programs), "--no-sync"),
        )


def _locale_options(programs: Programs) -> list[str]:
    """Have upper and lower case known beyond ASCII, as in Azure, and the same on every machine where that can be."""
    if major_version(programs) < _BUILTIN_LOCALE_SINCE:
        return ["--locale=C.UTF-8"]
    return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def server_command(programs: Programs, data_dir: Path, port: int, settings: Mapping[str, str]) -> list[str]:
    """Return the words that run the server in the foreground, on the loopback address only."""
    fixed = {"listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": "", "timezone": "UTC"}
    if packs_with_lz4(programs):
        fixed["default_toast_compression"] = "lz4"
    options = [word for name, value in (fixed | dict(settings)).items() for word in ("-c", f"{name}={value}")]
    return programs.command("postgres", "-D", data_dir, *options)


def answers(port: int, password: str) -> bool:
    """Return whether the server on the port accepts the superuser's queries."""
    try:
        with psycopg.connect(superuser_url(port, password), connect_timeout=2) as conn:
            conn.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _came_up(child: Child, port: int, password: str) -> bool:
    give_up_at = time.monotonic() + READY_SECONDS
    while child.status is None and time.monotonic() < give_up_at:
        if answers(port, password):
            return child.status is None
        time.sleep(0.02)
    return False


def _end_leftovers(data_dir: Path) -> None:
    """
    End what an earlier server left running in this folder, and remove its lock file.

    PostgreSQL itself refuses to start while a session of a killed server still ends, and when the number in its lock
    file was since given to another process.
    """
    left = [process for process in psutil.process_iter() if _works_in(process, data_dir.resolve())]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(STOP_SIGNAL)
    _, alive = psutil.wait_procs(left, timeout=10)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name().startswith("postgres") and process.cwd() == str(folder)
    except psutil.Error:
        return False


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
