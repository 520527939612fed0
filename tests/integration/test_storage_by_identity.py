"""Queues, tables and blobs reached as in Azure: without a key, by tokens of the app's identity, over HTTPS."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import aiohttp.connector
import jwt
import pytest

from dev.azurite import ACCOUNT, RunningAzurite, start_azurite
from dev.graph_simulator.certificates import CA_FILE, HOST_FILE, server_context
from dev.ports import LOOPBACK
from shared.identity import AppIdentity
from shared.job_queues import JobQueues
from shared.jobs import LIVE_QUEUE, Later
from shared.models.jobs import FetchMessage
from shared.settings import Settings
from shared.storage.attachment_blobs import read_content, store_content
from shared.storage.azure import open_blobs, open_queues, open_tables
from shared.storage.oauth_flows import StoredFlow, put_flow, take_flow
from tests.deployment import settings_of
from tests.integration.app_identity import running_identity

STORAGE = "https://storage.azure.com"


def token_for(resource: str) -> str:
    """Give what the emulator looks at; it believes any signature."""
    now = int(time.time())
    issuer = f"https://sts.windows.net/{uuid4()}/"
    claims = {"aud": resource, "iss": issuer, "iat": now, "nbf": now, "exp": now + 3600}
    return jwt.encode(claims, secrets.token_bytes(32), algorithm="HS256")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningAzurite, Path]]:
    """An emulator that takes tokens, and the authority that vouches for it."""
    folder = tmp_path_factory.mktemp("storage")
    server_context(folder)
    emulator = start_azurite(log=folder / "azurite.log", certificate=folder / HOST_FILE)
    yield emulator, folder / CA_FILE
    emulator.stop()


@pytest.fixture
def settings(guarded: tuple[RunningAzurite, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    emulator, authority = guarded
    ports = {"blob": emulator.ports.blob, "queue": emulator.ports.queue, "table": emulator.ports.table}
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(authority)  # noqa: SLF001 - this machine's trust
    with running_identity(token_for) as endpoint:
        for name, value in endpoint.environment.items():
            monkeypatch.setenv(name, value)
        yield settings_of(
            **{
                f"azurewebjobsstorage__{service}serviceuri": f"https://{LOOPBACK}:{port}/{ACCOUNT}"
                for service, port in ports.items()
            }
        )
        assert set(endpoint.asked) == {STORAGE}


async def test_jobs_are_sent(settings: Settings) -> None:
    async with AppIdentity(settings) as identity:
        queues = JobQueues(open_queues(settings, identity))
        await queues.send([Later(FetchMessage(account_id=uuid4(), provider_message_id="one", change="created"))])
        figures = {each.queue: each.messages for each in await queues.figures()}
        await queues.close()
    assert figures[LIVE_QUEUE] == 1


async def test_sign_ins_are_kept_and_taken(settings: Settings) -> None:
    flow = StoredFlow(uuid4(), "hash", {"state": "s"}, datetime.now(UTC) + timedelta(minutes=10))
    async with AppIdentity(settings) as identity, open_tables(settings, identity) as tables:
        await put_flow(tables, "s", flow)
        assert await take_flow(tables, "s") == flow


async def test_contents_are_stored_and_read(settings: Settings) -> None:
    content = secrets.token_bytes(100)
    name = hashlib.sha256(content).digest()
    async with AppIdentity(settings) as identity, open_blobs(settings, identity) as blobs:
        await store_content(blobs, name, content)
        assert await read_content(blobs, name) == content
