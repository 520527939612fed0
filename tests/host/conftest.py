"""One real Azurite for the host's tests, in memory, with queues of each test's own."""

import contextlib
import socket
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from tests.host.hosting import ROOT, eventually

_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's own


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in taken]


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{_ACCOUNT}?comp=list"):
            return True
    except urllib.error.HTTPError:
        return True  # it wants a signature, so it is there
    except OSError:
        return False


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """The connection string of an Azurite that lives as long as the session."""
    blob, queue, table = _free_ports(3)
    ports = ["--blobPort", str(blob), "--queuePort", str(queue), "--tablePort", str(table)]
    process = subprocess.Popen(  # noqa: S603 (a program of this checkout)
        [ROOT / "node_modules/.bin/azurite", "--silent", "--disableTelemetry", "--skipApiVersionCheck",
         "--inMemoryPersistence", *ports],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        eventually(lambda: _answers(queue) and _answers(blob))
        yield (
            f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{blob}/{_ACCOUNT};QueueEndpoint=http://127.0.0.1:{queue}/{_ACCOUNT};"
        )
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
async def queues(storage: str) -> AsyncIterator[QueueServiceClient]:
    async with QueueServiceClient.from_connection_string(storage) as service:
        yield service


@pytest.fixture
def encoded(queues: QueueServiceClient) -> "Queues":
    return Queues(queues)


class Queues:
    """Queues of this test alone, whose messages are base64."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service

    def get(self, name: str) -> QueueClient:
        return self._service.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())

    async def create(self, prefix: str = "jobs") -> QueueClient:
        client = self.get(f"{prefix}-{uuid.uuid4().hex[:8]}")
        await client.create_queue()
        return client
