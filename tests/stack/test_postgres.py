"""The PostgreSQL launcher, on real servers."""

import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from dev.children import start_child
from dev.ports import accepts, is_free
from dev.postgres import RunningPostgres, create_roles, start_postgres
from dev.postgres.binaries import (
    PostgresUnavailable,
    Programs,
    find_programs,
    identities,
    major_version,
    oldest_programs,
)
from dev.postgres.cluster import THROWAWAY
from tests.conftest import Database

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="cluster-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def start(folder: Path, port: int | None = None, programs: Programs | None = None) -> RunningPostgres:
    return start_postgres(folder / "data", port, password="secret", settings=THROWAWAY, programs=programs)


def rows(server: RunningPostgres) -> int:
    with psycopg.connect(server.url) as conn:
        found = conn.execute("SELECT count(*) FROM kept").fetchone()
    assert found
    return int(found[0])


def keep_a_row(server: RunningPostgres) -> None:
    with psycopg.connect(server.url) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS number")


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_stopped_server_frees_its_port_and_keeps_its_rows(folder: Path) -> None:
    server = start(folder)
    keep_a_row(server)
    server.stop()
    assert not is_running(server.pid)
    assert is_free(server.port)

    again = start(folder, server.port)
    assert rows(again) == 1
    again.stop()


def test_a_killed_server_starts_again_with_every_committed_row(folder: Path) -> None:
    server = start_postgres(folder / "data", password="secret")
    keep_a_row(server)
    session = psycopg.connect(server.url)  # its backend outlives the server for a moment
    server.kill()

    again = start(folder, server.port)
    session.close()
    assert rows(again) == 1
    again.stop()


def test_a_server_of_a_dead_owner_is_ended_before_another_takes_its_folder(folder: Path) -> None:
    left = start(folder)
    again = start(folder)
    assert not is_running(left.pid)
    assert accepts(again.port)
    again.stop()
    left.stop()


def test_a_lock_file_with_the_number_of_another_process_does_not_stop_a_start(folder: Path) -> None:
    server = start(folder)
    lock = folder / "data" / "postmaster.pid"
    content = lock.read_text()
    server.kill()
    stranger = start_child(["sleep", "60"])
    lock.write_text(content.replace(str(server.pid), str(stranger.pid), 1))

    again = start(folder)
    assert accepts(again.port)
    assert stranger.status is None
    again.stop()
    stranger.stop()


def test_the_server_dies_with_the_process_that_started_it(folder: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from dev.postgres import start_postgres;"
        "server = start_postgres(Path(sys.argv[1]) / 'data', password='secret');"
        "print(server.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, folder], cwd=ROOT, capture_output=True, check=False)  # noqa: S603 - our own words
    pid = int(done.stdout)
    _, alive = psutil.wait_procs([psutil.Process(pid)] if is_running(pid) else [], timeout=10)
    assert not [process for process in alive if is_running(process.pid)]


def test_it_runs_in_every_way_that_this_user_has(folder: Path) -> None:
    programs = find_programs()
    ways = identities(programs.folder)
    assert ways
    for number, identity in enumerate(ways):
        server = start(folder / str(number), programs=Programs(programs.folder, identity))
        assert accepts(server.port)
        server.stop()


def test_only_the_loopback_address_listens(postgres_cluster: RunningPostgres) -> None:
    addresses = {
        connection.laddr[0]
        for connection in psutil.Process(postgres_cluster.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_a_wrong_password_is_refused(postgres_cluster: RunningPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_cluster.url.replace(postgres_cluster.password, "wrong"))


def test_the_data_is_for_its_owner_only(postgres_cluster: RunningPostgres) -> None:
    assert stat.S_IMODE(postgres_cluster.data_dir.stat().st_mode) == 0o700


def test_a_taken_port_is_told_with_the_servers_own_words(folder: Path) -> None:
    message = pytest.raises(PostgresUnavailable, match="Address already in use")
    with socket.create_server(("127.0.0.1", 0)) as taken, message:
        start(folder, taken.getsockname()[1])


def test_pg_bin_names_another_installation(folder: Path) -> None:
    oldest = oldest_programs()
    assert oldest.folder != find_programs().folder
    server = start(folder, programs=find_programs(str(oldest.folder)))
    with psycopg.connect(server.url) as conn:
        assert conn.info.server_version // 10_000 == major_version(oldest) < major_version(find_programs())
    server.stop()


def test_a_pg_bin_without_a_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PostgresUnavailable, match="there is no PostgreSQL server in"):
        find_programs(str(tmp_path))


def test_the_products_role_owns_nothing_and_is_bound_by_row_level_security(database: Database) -> None:
    with psycopg.connect(database.app_url) as conn:
        role = conn.execute(
            "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert role == (False,)
        owned = conn.execute(
            "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)"
        ).fetchone()
        assert owned == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("CREATE TABLE mine (number int)")


def test_creating_the_roles_again_sets_their_passwords(postgres_cluster: RunningPostgres, database: Database) -> None:
    create_roles(postgres_cluster.url, owner_password="owner", app_password="changed")
    try:
        psycopg.connect(database.app_url.replace(":app@", ":changed@")).close()
    finally:
        create_roles(postgres_cluster.url, owner_password="owner", app_password="app")
