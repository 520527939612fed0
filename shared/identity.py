"""The identity that this deployment has in Azure, where there is no connection string and no password."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from shared.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.identity.aio import DefaultAzureCredential


class AppIdentity:
    """
    Gives the tokens that Azure's clients ask for, and renews them in time. One serves all clients of a process.

    What it stands on is loaded with the first token, because that takes long and is not needed everywhere.
    """

    def __init__(self, settings: Settings) -> None:
        self._client_id = settings.azurewebjobsstorage__clientid
        self._opened: DefaultAzureCredential | None = None

    async def get_token(self, *scopes: str, **options: Any) -> "AccessToken":  # noqa: ANN401 - as Azure's clients call it
        """Raise azure.core.exceptions.ClientAuthenticationError where there is no identity."""
        return await self._credential().get_token(*scopes, **options)

    async def close(self) -> None:
        if self._opened:
            await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    def _credential(self) -> "DefaultAzureCredential":
        if self._opened is None:
            from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - see above

            self._opened = DefaultAzureCredential(managed_identity_client_id=self._client_id)
        return self._opened
