"""Secrets that Key Vault keeps, version by version."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import aiohttp
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.core.pipeline.transport import AioHttpTransport

from shared.errors import ProviderMisconfigured, ServiceUnavailable
from shared.identity import AppIdentity
from shared.settings import Settings
from shared.tls import ssl_context

if TYPE_CHECKING:
    from azure.keyvault.secrets.aio import SecretClient

log = logging.getLogger(__name__)
MOST_VERSIONS: Final = 5
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 10
ATTEMPTS: Final = 2
ANSWER_SECONDS: Final = 10  # in all: the client would keep any Retry-After, however long


@dataclass(frozen=True, slots=True)
class SecretVersion:
    id: str
    value: str
    content_type: str  # of a certificate: application/x-pem-file or application/x-pkcs12, base64
    is_valid_now: bool  # by its not-before and expiry times, where it has them
    created_at: datetime


class Vault:
    """Reads secrets. Keeping them for a while is the caller's part."""

    def __init__(self, client: "SecretClient", *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._client, self._answer_seconds = client, answer_seconds
        self._values: dict[tuple[str, str], str] = {}  # a version's value never changes

    async def versions(self, name: str) -> list[SecretVersion]:
        """
        Give the newest versions of a secret that are enabled, the newest first.

        Raises ServiceUnavailable when the vault does not answer or does not let us in, and ProviderMisconfigured when
        there is no such secret.
        """
        try:
            async with asyncio.timeout(self._answer_seconds):
                return await self._versions(name)
        except TimeoutError as exc:
            raise ServiceUnavailable("Key Vault: no answer in time") from exc
        except ResourceNotFoundError as exc:
            raise ProviderMisconfigured(f"Key Vault has no secret or certificate {name}") from exc
        except (AzureError, ValueError) as exc:  # ValueError: it asks for a token that is not for it
            status = getattr(exc, "status_code", None)
            raise ServiceUnavailable(f"Key Vault: {type(exc).__name__} {status or ''}".rstrip()) from exc

    async def _versions(self, name: str) -> list[SecretVersion]:
        listed = [each async for each in self._client.list_properties_of_secret_versions(name)]
        now = datetime.now(UTC)
        enabled = [each for each in listed if each.enabled]
        enabled.sort(key=lambda each: each.created_on or now, reverse=True)
        return [
            SecretVersion(
                id=each.version or "",
                value=await self._value(name, each.version or ""),
                content_type=each.content_type or "",
                is_valid_now=(each.not_before or now) <= now and (each.expires_on is None or now < each.expires_on),
                created_at=each.created_on or now,
            )
            for each in enabled[:MOST_VERSIONS]
        ]

    async def _value(self, name: str, version: str) -> str:
        if (name, version) not in self._values:
            self._values[name, version] = (await self._client.get_secret(name, version)).value or ""
        return self._values[name, version]

    async def close(self) -> None:
        await self._client.close()


def open_vault(settings: Settings, identity: AppIdentity) -> Vault | None:
    """None where the settings name no vault."""
    if settings.key_vault_url is None:
        return None
    from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415 - takes a fifth of a second

    return Vault(
        SecretClient(
            settings.key_vault_url,
            identity,
            transport=AioHttpTransport(
                session=aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=ssl_context(settings)),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,  # the transport does
                ),
                use_env_settings=False,
                connection_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
            ),
            retry_total=ATTEMPTS,
        )
    )
