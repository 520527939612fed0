"""Clients of the storage account's queues, tables and blobs, from the settings that the Functions host reads too."""

from typing import Any

from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from shared.identity import AppIdentity
from shared.settings import Settings


def _service_url(settings: Settings, service: str) -> str:
    given: str | None = getattr(settings, f"azurewebjobsstorage__{service}serviceuri")
    if given:
        return given
    if settings.azurewebjobsstorage__accountname:
        return f"https://{settings.azurewebjobsstorage__accountname}.{service}.core.windows.net"
    raise ValueError("set AzureWebJobsStorage, or AzureWebJobsStorage__accountName for sign-in by identity")


def open_queues(settings: Settings, identity: AppIdentity) -> QueueServiceClient:
    # Without the environment, in which it would look for proxies and a .netrc file at every request.
    options: dict[str, Any] = {"transport": AioHttpTransport(use_env_settings=False)}
    if secret := settings.azurewebjobsstorage:
        return QueueServiceClient.from_connection_string(secret.get_secret_value(), **options)
    return QueueServiceClient(_service_url(settings, "queue"), credential=identity, **options)


def open_tables(settings: Settings, identity: AppIdentity) -> TableServiceClient:
    if secret := settings.azurewebjobsstorage:
        return TableServiceClient.from_connection_string(secret.get_secret_value())
    return TableServiceClient(endpoint=_service_url(settings, "table"), credential=identity)


def open_blobs(settings: Settings, identity: AppIdentity) -> BlobServiceClient:
    if secret := settings.azurewebjobsstorage:
        return BlobServiceClient.from_connection_string(secret.get_secret_value())
    return BlobServiceClient(_service_url(settings, "blob"), credential=identity)
