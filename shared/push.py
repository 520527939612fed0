"""Hints to a user's open pages that there is something to read. They carry no content, and may be lost."""

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from shared.models.api import PushConnection
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient

log = logging.getLogger(__name__)

HUB: Final = "mail"
PROTOCOL: Final = "json.webpubsub.azure.v1"
CONNECTION_MINUTES: Final = 60
ANNOUNCE_SECONDS: Final = 3.0


class Push(Protocol):
    async def announce(self, user_id: UUID, position: int) -> None:
        """Tell that a user's change log reached `position`. Never fails its caller: who missed it polls."""
        ...

    async def connection_for(self, user_id: UUID) -> PushConnection:
        """Give a page the address at which it hears of its user's changes, good for an hour."""
        ...

    async def close(self) -> None: ...


def open_push(settings: Settings) -> Push:
    if secret := settings.web_pubsub_connection_string:
        return WebPubSub(secret.get_secret_value())
    return NoPush()


class NoPush:
    """For a deployment without Web PubSub: pages poll `GET /changes`."""

    async def announce(self, user_id: UUID, position: int) -> None: ...

    async def connection_for(self, user_id: UUID) -> PushConnection:  # noqa: ARG002 - the same for everybody
        return PushConnection(url=None, protocol=None)

    async def close(self) -> None: ...


class WebPubSub:
    """Azure Web PubSub: the service holds the WebSockets, since a function cannot."""

    def __init__(self, connection_string: str) -> None:
        self._client = _client_from(connection_string)

    async def announce(self, user_id: UUID, position: int) -> None:
        try:
            async with asyncio.timeout(ANNOUNCE_SECONDS):
                await self._client.send_to_user(str(user_id), {"position": position}, content_type="application/json")
        except Exception as exc:  # noqa: BLE001 - a hint that is lost costs seconds, a failed job more
            log.warning("push hint lost", extra={"position": position, "error": type(exc).__name__})

    async def connection_for(self, user_id: UUID) -> PushConnection:
        token = await self._client.get_client_access_token(user_id=str(user_id), minutes_to_expire=CONNECTION_MINUTES)
        return PushConnection(url=token["url"], protocol=PROTOCOL)

    async def close(self) -> None:
        await self._client.close()


def _client_from(connection_string: str) -> "WebPubSubServiceClient":
    from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient  # noqa: PLC0415 - many deployments need none

    return WebPubSubServiceClient.from_connection_string(connection_string, hub=HUB)
