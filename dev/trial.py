"""
The whole system on free ports, to be tried hard: PostgreSQL, Azurite, the simulator, push, and one or more hosts.

PostgreSQL, Azurite and hosts may be killed and started again. Tests and `make chaos` stand on it.
"""

import base64
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, LiteralString, Self
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil
import psycopg

from dev.azurite import AzuritePorts, RunningAzurite, start_azurite
from dev.children import Child, start_child
from dev.core_tools import START_SECONDS, core_tools_command, core_tools_environment, lay_out_app
from dev.graph_simulator.fixture import RunningSimulator, start_simulator
from dev.person import Person
from dev.ports import LOOPBACK, choose_free_ports
from dev.postgres import DatabaseUrls, RunningPostgres, create_database, create_roles, start_postgres
from dev.postgres.cluster import DURABLE
from dev.postgres.migrations import migrate
from dev.proof import Proof, prove

ROOT: Final = Path(__file__).parents[1]
ADDRESS: Final = "owner@contoso.example"
EMAIL: Final = "person@contoso.example"
READY_SECONDS: Final = 60
HostKind = Literal["local", "func"]  # ours, or that of Azure Functions Core Tools
LOCK_SECONDS: Final = 6  # how long a dead worker's queue messages stay invisible; ten minutes in Azure
SETTINGS: Final[Mapping[str, str]] = {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2",
    "AzureFunctionsJobHost__singleton__listenerLockPeriod": "00:00:15",
    "AzureFunctionsJobHost__singleton__listenerLockRecoveryPollingInterval": "00:00:05",
    "DELTA_SCHEDULE": "*/3 * * * * *",
    "RENEWAL_SCHEDULE": "*/5 * * * * *",
    "AUDIT_SCHEDULE": "0 23 * * * *",
    "SWEEP_SCHEDULE": "*/2 * * * * *",
    "PURGE_SCHEDULE": "0 41 3 * * *",
    "CHANGES_INTERVAL_SECONDS": "2",
    "CHANGES_LONGEST_SECONDS": "6",
    "NOTIFICATION_LATENCY_SECONDS": "4",
    "GRAPH_TIMEOUT_SECONDS": "8",
    "PAGE_LEASE_SECONDS": "8",
    "LANE_SECONDS": "5",
    "SYNC_PAGE_MESSAGES": "50",
    "SYNC_LISTING_MESSAGES": "200",
    "ARGON2_MEMORY_KIB": "8",
    "ARGON2_ITERATIONS": "1",
}


class TrialFailed(Exception):
    """Something did not come about in time; the message says what, and where to look."""


class Trial:
    """A running system with one user, whose mailbox is `ADDRESS`. Use it as a context manager."""

    def __init__(  # noqa: PLR0913 - what a trial may be of, each named where it is given
        self,
        folder: Path,
        *,
        hosts: int = 1,
        settings: Mapping[str, str | None] | None = None,
        latency_ms: float = 0,
        app: Path = ROOT,
        python: Path = Path(sys.executable),
        host_kind: HostKind = "local",
        postgres_settings: Mapping[str, str] = DURABLE,
    ) -> None:
        """
        Take settings beside, or instead of, those of a trial; None leaves one out.

        `app` and `python` run another copy of the product, such as its unpacked package, with its own packages.
        """
        self.folder = folder
        self._app, self._python = app, python
        self._host_kind = host_kind
        self.log = folder / "host.log"
        web_port, self.push_port, self._postgres_port, *ports = choose_free_ports(6 + hosts)
        self.azurite_ports = AzuritePorts(*ports[:3])
        self.host_ports = ports[3:]
        self.web_base_url = f"http://{LOOPBACK}:{web_port}"
        self.account_id = ""
        self._keys = {name: secrets.token_urlsafe(32) for name in ("superuser", "owner", "app", "webhook", "push")}
        self._settings = {**SETTINGS, **(settings or {})}
        self._latency_ms = latency_ms
        self._postgres_settings = postgres_settings
        self._stack = ExitStack()
        self._ring = f'{{"first": "{base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"}}'
        self.hosts: list[Child] = []
        self.simulator: RunningSimulator
        self.postgres: RunningPostgres
        self.azurite: RunningAzurite
        self.urls: DatabaseUrls
        self.person: Person

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._stack = stack
            self.simulator = stack.enter_context(start_simulator(latency_ms=self._latency_ms))
            self.simulator.admin.create_user(ADDRESS)
            self.start_postgres()
            stack.callback(self._stop_postgres)
            self._make_database()
            self.start_azurite()
            stack.callback(self._stop_azurite)
            stack.callback(self._start_push().stop)
            stack.callback(self._stop_hosts)
            self.hosts = [self._start_host(port) for port in self.host_ports]
            self.person = stack.enter_context(self.somebody(EMAIL))
            self.until_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def public_base_url(self) -> str:
        return f"http://{LOOPBACK}:{self.host_ports[0]}"

    @property
    def api_base_url(self) -> str:
        return f"{self.public_base_url}/api"

    @property
    def api(self) -> httpx.Client:
        return self.person.http

    # Parts

    def start_postgres(self) -> None:
        known = self.postgres if hasattr(self, "postgres") else None
        self.postgres = start_postgres(
            known.data_dir if known else self.folder / "postgres",
            known.port if known else self._postgres_port,
            password=self._keys["superuser"],
            settings=self._postgres_settings,
        )

    def _make_database(self) -> None:
        passwords = {"owner_password": self._keys["owner"], "app_password": self._keys["app"]}
        create_roles(self.postgres.url, **passwords)
        self.urls = create_database(self.postgres.url, "mail", **passwords)
        migrate(self.urls.owner_url)

    def move_to(self, restored: RunningPostgres) -> None:
        """Use another server from the next start of a host on; the one before is stopped with all the rest."""
        self._stack.callback(self.postgres.stop)
        self.urls = DatabaseUrls(*(_at_port(url, restored.port) for url in (self.urls.owner_url, self.urls.app_url)))
        self.postgres = restored

    def start_azurite(self) -> None:
        self.azurite = start_azurite(self.folder / "azurite", self.azurite_ports, log=self.folder / "azurite.log")

    def _start_push(self) -> Child:
        command = [sys.executable, "-m", "dev.web_pubsub", "--port", str(self.push_port)]
        return start_child([*command, f"--access-key={self._keys['push']}"], log=self.folder / "push.log", folder=ROOT)

    def _start_host(self, port: int) -> Child:
        return self._start_local_host(port) if self._host_kind == "local" else self._start_core_tools(port)

    def _start_core_tools(self, port: int) -> Child:
        app = self.folder / "app"
        if not app.exists():
            lay_out_app(self._app, app)
        command = core_tools_command(port, cors_origin=self.web_base_url)
        return start_child(command, log=self.log, environment=core_tools_environment(self._environment()), folder=app)

    def _start_local_host(self, port: int) -> Child:
        command: list[str | Path] = [self._python, "-m", "dev.functions_host", "--app", self._app, "--port", str(port)]
        command += ["--state", self.folder / f"host-{port}", "--message-lock-seconds", str(LOCK_SECONDS)]
        command += ["--cors", self.web_base_url, "--cors-credentials"]
        return start_child(command, log=self.log, environment=self._environment(), folder=ROOT)

    def _environment(self) -> dict[str, str]:
        environment = {
            **os.environ,
            "AzureWebJobsStorage": self.azurite_ports.connection_string,
            "DATABASE_URL": self.urls.app_url,
            "GRAPH_BASE_URL": self.simulator.graph_base_url,
            "MICROSOFT_AUTHORITY": self.simulator.authority,
            "MICROSOFT_CLIENT_ID": self.simulator.client_id,
            "MICROSOFT_CLIENT_SECRET": self.simulator.client_secret,
            "TRUSTED_CA_FILE": self.simulator.ca_file,
            "PUBLIC_BASE_URL": self.public_base_url,
            "WEB_BASE_URL": self.web_base_url,
            "JWT_SIGNING_KEYS": self._ring,
            "TOKEN_ENCRYPTION_KEYS": self._ring,
            "AUDIT_SIGNING_KEYS": self._ring,
            "WEBHOOK_KEY": self._keys["webhook"],
            "WEB_PUBSUB_CONNECTION_STRING": (
                f"Endpoint=http://{LOOPBACK}:{self.push_port};AccessKey={self._keys['push']};Version=1.0;"
            ),
            **self._settings,
        }
        return {name: value for name, value in environment.items() if value is not None}

    def _stop_postgres(self) -> None:
        self.postgres.stop()

    def _stop_azurite(self) -> None:
        self.azurite.stop()

    def _stop_hosts(self) -> None:
        for host in self.hosts:
            host.stop()

    def stop_hosts(self) -> None:
        """Have every host end what it does, and stop."""
        self._stop_hosts()

    def start_hosts(self, settings: Mapping[str, str | None] | None = None) -> None:
        """Start the hosts that were stopped, with some settings in place of theirs, and wait until they answer."""
        self._settings |= settings or {}
        self.hosts = [self._start_host(port) for port in self.host_ports]
        self.until_ready()

    def kill_host(self, index: int = 0) -> None:
        """Kill a host in the middle of whatever it does, and start another in its place."""
        self.hosts[index].kill()
        self.hosts[index] = self._start_host(self.host_ports[index])

    def kill_postgres(self) -> None:
        self.postgres.kill()
        self.start_postgres()

    def kill_azurite(self) -> None:
        """Kill the storage emulator; queue messages of its last seconds may be gone with it."""
        self.azurite.kill()
        self.start_azurite()

    def host_memory_bytes(self) -> int:
        """Return the resident memory of the largest host, with its children."""
        sizes = []
        for host in self.hosts:
            process = psutil.Process(host.pid)
            family = [process, *process.children(recursive=True)]
            sizes.append(sum(member.memory_info().rss for member in family))
        return max(sizes)

    # What a person does

    def somebody(self, email: str) -> Person:
        """Return one more person, who is to sign up."""
        return Person(self.api_base_url, email, secrets.token_urlsafe(12), self.simulator.admin.tls)

    def sign_up(self) -> None:
        """Sign up, or log in when the user is there already; later calls of `api` are that user's."""
        self.person.sign_up()

    def connect(self, address: str = ADDRESS) -> str:
        """Connect a mailbox; return the account's id. Raises ConnectingFailed."""
        self.account_id = self.person.connect(address)
        return self.account_id

    def add_mailboxes(self, count: int, *, messages: int) -> list[str]:
        """Connect new mailboxes, each of a new person, and wait until they are live; return their addresses."""
        addresses = [f"mailbox{number}@contoso.example" for number in range(count)]
        for address in addresses:
            self.simulator.admin.create_user(address)
            self.simulator.admin.make_synthetic(address, messages, folders=["inbox"], seed=1)
            with self.somebody(f"owner-of-{address}") as person:
                person.sign_up()
                person.connect(address)
        live = "SELECT count(*) FROM account JOIN subscription ON account_id = id WHERE state = 'live'"
        self.until("all are live", lambda: self.query(live)[0][0] >= count, 300)
        return addresses

    def progress(self) -> dict[str, Any]:
        return self.person.progress(self.account_id)

    # Waiting

    def until(self, what: str, happened: Callable[[], bool], seconds: float = READY_SECONDS) -> float:
        """Ask again and again until something has happened; return how long it took. Raises TrialFailed."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            try:
                if happened():
                    return time.monotonic() - started
            except (httpx.HTTPError, psycopg.OperationalError):  # a part is being killed
                pass
            time.sleep(0.02)
        raise TrialFailed(f"not within {seconds} s: {what}; see {self.log}")

    def until_ready(self) -> None:
        """Wait for the first host. Raises TrialFailed, at once when one has ended instead."""
        seconds = START_SECONDS if self._host_kind == "func" else READY_SECONDS
        self.until("the host answers", self._is_ready, seconds)

    def _is_ready(self) -> bool:
        for host in self.hosts:
            if host.status is not None:
                end = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
                raise TrialFailed(f"a host ended with status {host.status}; the end of {self.log}:\n{end}")
        return self.api.get("/ready").status_code == httpx.codes.OK

    def until_synced(self, seconds: float = 120) -> float:
        return self.until("the sync is complete", lambda: self.progress()["state"] == "completed", seconds)

    def until_proved(self, seconds: float = READY_SECONDS) -> Proof:
        """Compare until mailbox and database are equal; on time-out return the last comparison."""
        proof = self.prove()
        deadline = time.monotonic() + seconds
        while not proof.holds and time.monotonic() < deadline:
            time.sleep(0.5)
            proof = self.prove()
        return proof

    def prove(self, address: str = ADDRESS) -> Proof:
        return prove(self.simulator.admin, self.urls.owner_url, address)

    def query(self, sql: LiteralString, *params: object) -> list[tuple[Any, ...]]:
        """Ask the database directly, past row-level security."""
        with psycopg.connect(self.urls.owner_url) as conn:
            return conn.execute(sql, params).fetchall()


def _at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}"))
