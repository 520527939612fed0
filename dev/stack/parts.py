"""The programs of the stack, in the order in which they need each other."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg

from dev.azurite import AzuriteUnavailable, azurite_command
from dev.core_tools import START_SECONDS, CoreToolsMissing, core_tools_command, core_tools_environment
from dev.ports import LOOPBACK, accepts
from dev.postgres import create_database, create_roles
from dev.postgres.binaries import find_programs
from dev.postgres.cluster import (
    DURABLE,
    STOP_SIGNAL,
    answers,
    prepare_cluster,
    server_command,
    superuser_url,
)
from dev.postgres.migrations import migrate
from dev.stack.keys import StackKeys
from dev.stack.part import NotYet, Part, StackFailed
from dev.stack.places import ROOT, Places
from dev.stack.port_choice import StackPorts
from dev.stack.readiness import answers_http
from dev.stack.settings import CLIENT_ID, DATABASE, MIGRATION_URL, Decisions, storage_ports

PAGE_FILES = ROOT / "frontend" / "dist"
_MESSAGE_LOCK_SECONDS = "30"  # after a kill of the host, its jobs are tried again this much later; Azure waits 600
_PROXY_EXCEPTIONS = "localhost,127.0.0.1"


@dataclass(frozen=True)
class Recipe:
    """All that decides which programs run, and how."""

    places: Places
    ports: StackPorts
    keys: StackKeys
    decisions: Decisions
    settings: dict[str, str]  # of the product
    mail: str
    host: str  # "local", or "func" for Azure Functions Core Tools

    def environment(self) -> dict[str, str]:
        exceptions = ",".join(filter(None, [os.environ.get("NO_PROXY"), _PROXY_EXCEPTIONS]))
        inherited = {name: value for name, value in os.environ.items() if name != MIGRATION_URL}
        return {**inherited, "PYTHONUNBUFFERED": "1", "NO_PROXY": exceptions, "no_proxy": exceptions}


def stages(recipe: Recipe) -> list[list[Part]]:
    """Return the parts that run, each stage after the one before is ready."""
    decisions = recipe.decisions
    ground = [
        None if decisions.has_database else _postgres(recipe),
        None if decisions.has_storage else _azurite(recipe),
        None if decisions.has_provider else _simulator(recipe),
        None if decisions.has_push else _pubsub(recipe),
        _page(recipe) if (PAGE_FILES / "index.html").exists() else None,
    ]
    return [[part for part in ground if part], [_host(recipe)]]


def _postgres(recipe: Recipe) -> Part:
    programs, port, keys = find_programs(), recipe.ports.postgres, recipe.keys
    superuser = superuser_url(port, keys.database_superuser)
    passwords = {"owner_password": keys.database_owner, "app_password": keys.database_application}

    def make_database() -> None:
        try:
            create_roles(superuser, **passwords)
            urls = create_database(superuser, DATABASE, **passwords)
        except psycopg.OperationalError as exc:
            raise NotYet(str(exc)) from exc
        migrate(urls.owner_url)

    return Part(
        name="postgres",
        address=f"postgresql://{LOOPBACK}:{port}/{DATABASE}",
        command=server_command(programs, recipe.places.postgres, port, DURABLE),
        port=port,
        is_ready=lambda: answers(port, keys.database_superuser),
        log=recipe.places.log("postgres"),
        environment=recipe.environment(),
        folder=ROOT,
        stop_signal=STOP_SIGNAL,
        user_id=programs.identity.user_id,
        before_start=lambda: prepare_cluster(programs, recipe.places.postgres, keys.database_superuser),
        when_up=make_database,
    )


def _azurite(recipe: Recipe) -> Part:
    ports = storage_ports(recipe.ports)
    try:
        command = azurite_command(ports, recipe.places.azurite)
    except AzuriteUnavailable as exc:
        raise StackFailed(str(exc)) from exc
    return Part(
        name="azurite",
        address=f"http://{LOOPBACK}:{ports.blob} (blobs), :{ports.queue} (queues), :{ports.table} (tables)",
        command=command,
        port=ports.blob,
        is_ready=ports.answer,
        log=recipe.places.log("azurite"),
        environment=recipe.environment(),
        folder=recipe.places.state,
    )


def _simulator(recipe: Recipe) -> Part:
    port, places = recipe.ports.simulator, recipe.places
    address = f"https://localhost:{port}"
    command: list[str | Path] = [
        *(sys.executable, "-m", "dev.graph_simulator", "--port", str(port), "--mailbox", recipe.mail),
        *("--ca-dir", places.authority, "--state", places.simulator),
        *("--client-id", CLIENT_ID, f"--client-secret={recipe.keys.client_secret}"),  # which may begin with a dash
    ]
    return Part(
        name="simulator",
        address=address,
        command=command,
        port=port,
        is_ready=lambda: answers_http(f"{address}/common/v2.0/.well-known/openid-configuration"),
        log=places.log("simulator"),
        environment=recipe.environment(),
        folder=ROOT,
        start_seconds=600,  # the first start reads a mailbox of any size
        progress_prefix="mailbox:",
    )


def _pubsub(recipe: Recipe) -> Part:
    port = recipe.ports.pubsub
    return Part(
        name="pubsub",
        address=f"http://{LOOPBACK}:{port}",
        command=[
            *(sys.executable, "-m", "dev.web_pubsub", "--port", str(port)),
            f"--access-key={recipe.keys.pubsub_access_key}",
        ],
        port=port,
        is_ready=lambda: accepts(port),
        log=recipe.places.log("pubsub"),
        environment=recipe.environment(),
        folder=ROOT,
    )


def _host(recipe: Recipe) -> Part:
    port = recipe.ports.host
    environment = recipe.environment() | recipe.settings
    has_core_tools = recipe.host == "func"
    return Part(
        name="host",
        address=f"http://{LOOPBACK}:{port}/api",
        command=_core_tools_command(port, recipe) if has_core_tools else _local_host_command(port, recipe),
        port=port,
        is_ready=lambda: answers_http(f"http://{LOOPBACK}:{port}/api/ready"),
        log=recipe.places.log("host"),
        environment=core_tools_environment(environment) if has_core_tools else environment,
        folder=ROOT,
        start_seconds=START_SECONDS,
    )


def _local_host_command(port: int, recipe: Recipe) -> list[str | Path]:
    return [
        *(sys.executable, "-m", "dev.functions_host", "--app", ROOT, "--port", str(port), "--address", LOOPBACK),
        *("--state", recipe.places.functions_host, "--message-lock-seconds", _MESSAGE_LOCK_SECONDS),
        *("--cors", recipe.settings["WEB_BASE_URL"], "--cors-credentials"),
    ]


def _core_tools_command(port: int, recipe: Recipe) -> list[str | Path]:
    try:
        return [*core_tools_command(port, cors_origin=recipe.settings["WEB_BASE_URL"])]
    except CoreToolsMissing as exc:
        hint = "Leave HOST away to run the host that is in dev/."
        raise StackFailed(f"HOST=func needs Azure Functions Core Tools 4, but {exc}. {hint}") from exc


def _page(recipe: Recipe) -> Part:
    port = recipe.ports.page
    return Part(
        name="page",
        address=f"http://{LOOPBACK}:{port}",
        command=[
            *(sys.executable, "-m", "dev.web_page", "--files", PAGE_FILES, "--port", str(port)),
            *("--api-base-url", f"{recipe.settings['PUBLIC_BASE_URL']}/api"),
        ],
        port=port,
        is_ready=lambda: accepts(port),
        log=recipe.places.log("page"),
        environment=recipe.environment(),
        folder=ROOT,
    )
