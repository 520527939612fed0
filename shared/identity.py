"""The identity that this deployment has in Azure, where there is no connection string."""

from typing import TYPE_CHECKING

from shared.settings import Settings

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential


def azure_identity(settings: Settings) -> "DefaultAzureCredential":
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - slow to import, and not needed everywhere

    return DefaultAzureCredential(managed_identity_client_id=settings.azurewebjobsstorage__clientid)
