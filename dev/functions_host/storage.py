"""Clients of the storage accounts that bindings name, by connection string or by identity."""

from typing import Any, Final

from azure.core.exceptions import ResourceExistsError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.errors import HostRefused

HOST_STORAGE: Final = "AzureWebJobsStorage"
# Azurite's published account. UseDevelopmentStorage=true stands for it, which the Python SDK does not know.
_AZURITE: Final = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)


class StorageAccounts:
    """Queues and blobs by the name of a connection; a client is opened once and does not retry by itself."""

    def __init__(self, settings: AppSettings) -> None:
        self._settings = settings
        self._queue_services: dict[str, QueueServiceClient] = {}
        self._blob_services: dict[str, Any] = {}

    def check(self, connection: str) -> None:
        """Raise HostRefused when the settings do not say which account a connection is."""
        self._arguments(connection, "queue")

    def queue(self, connection: str, name: str) -> QueueClient:
        if connection not in self._queue_services:
            first, options = self._arguments(connection, "queue")
            make: Any = QueueServiceClient if options else QueueServiceClient.from_connection_string
            transport = AioHttpTransport(use_env_settings=False)
            self._queue_services[connection] = make(first, **options, retry_total=0, transport=transport)
        return self._queue_services[connection].get_queue_client(name)

    def blobs(self, connection: str) -> Any:  # noqa: ANN401 (a BlobServiceClient, whose import costs 0.2 s)
        from azure.storage.blob.aio import BlobServiceClient  # noqa: PLC0415 (only apps with timers pay for it)

        if connection not in self._blob_services:
            first, options = self._arguments(connection, "blob")
            make: Any = BlobServiceClient if options else BlobServiceClient.from_connection_string
            self._blob_services[connection] = make(first, **options, retry_total=0)
        return self._blob_services[connection]

    async def close(self) -> None:
        for service in (*self._queue_services.values(), *self._blob_services.values()):
            await service.close()

    def _arguments(self, connection: str, service: str) -> tuple[str, dict[str, Any]]:
        if text := self._connection_string(connection):
            return (_AZURITE if text.strip().lower().startswith("usedevelopmentstorage=true") else text), {}
        url = self._settings.get(f"{connection}__{service}ServiceUri")
        if not url and (account := self._settings.get(f"{connection}__accountName")):
            url = f"https://{account}.{service}.core.windows.net"
        if not url:
            raise HostRefused(
                f"the storage connection '{connection}' does not exist: set {connection}, "
                f"or {connection}__{service}ServiceUri for sign-in by identity"
            )
        return url, {"credential": self._identity(connection)}

    def _connection_string(self, connection: str) -> str | None:
        for name in (f"AzureWebJobs{connection}", connection, f"ConnectionStrings:{connection}"):
            if text := self._settings.get(name):
                return text
        return None

    def _identity(self, connection: str) -> Any:  # noqa: ANN401 (one of two credentials, imported when needed)
        from azure.identity import aio as identity  # noqa: PLC0415 (only accounts without a key pay for it)

        client_id = self._settings.get(f"{connection}__clientId")
        if (self._settings.get(f"{connection}__credential") or "").lower() == "managedidentity":
            return identity.ManagedIdentityCredential(client_id=client_id)
        return identity.DefaultAzureCredential(managed_identity_client_id=client_id)


async def create_queue(client: QueueClient) -> None:
    """Create a queue, unless somebody just did."""
    try:
        await client.create_queue()
    except ResourceExistsError:
        return
