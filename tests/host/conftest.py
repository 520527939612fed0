"""Queues of the session's storage emulator, as the host's tests use them."""

import uuid
from collections.abc import AsyncIterator

import pytest
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from dev.azurite import RunningAzurite


class Queues:
    """Queues whose messages are sent as base64."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service

    def get(self, name: str) -> QueueClient:
        return self._service.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())

    async def create(self) -> QueueClient:
        client = self.get(f"jobs-{uuid.uuid4().hex[:8]}")
        await client.create_queue()
        return client


@pytest.fixture(scope="session")
def storage(azurite: RunningAzurite) -> str:
    return azurite.connection_string


@pytest.fixture
async def queues(storage: str) -> AsyncIterator[QueueServiceClient]:
    async with QueueServiceClient.from_connection_string(storage) as service:
        yield service


@pytest.fixture
def encoded(queues: QueueServiceClient) -> Queues:
    return Queues(queues)
