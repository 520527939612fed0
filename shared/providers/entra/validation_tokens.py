"""Who sent a rich notification: Microsoft's validation tokens, verified."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import jwt

from shared.errors import ProviderRejected, ProviderUnavailable
from shared.providers.entra.signing_keys import (
    LEEWAY_SECONDS,
    RELOAD_SECONDS,
    TENANT_PLACEHOLDER,
    Keys,
    configuration_url,
    keys_from,
    keys_url_from,
    tenant_id_from,
)

log = logging.getLogger(__name__)

PUBLISHER: Final = "0bf30f3b-4a52-48df-9a82-234910c4a086"  # Microsoft's own application, the same for everybody
ISSUER: Final = "https://sts.windows.net/{tenantid}/"
KEYS_SECONDS: Final = 1.2  # whoever waits for the answer waits for three
MOST_TOKENS: Final = 50
_REQUIRED: Final = ["aud", "exp", "iss", "nbf", "tid"]


class ValidationTokens:
    """Verifies the tokens of deliveries to one client, with keys that it keeps for a day."""

    def __init__(
        self, http: httpx.AsyncClient, authority: str, client_id: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take a clock of seconds."""
        self._http = http
        self._authority = authority
        self._client_id = client_id
        self._clock = clock
        self._keys: Keys | None = None
        self._loading: asyncio.Task[Keys] | None = None
        self._asked_at = -RELOAD_SECONDS

    async def tenants(self, tokens: Sequence[object]) -> frozenset[str]:
        """
        Name the tenants for which Microsoft vouches that it sent a delivery.

        One bad token spoils them all, and so does one that cannot be verified in time: then no tenant is named.
        """
        if len(tokens) > MOST_TOKENS:
            log.warning("delivery distrusted", extra={"reason": f"{len(tokens)} validation tokens"})
            return frozenset()
        try:
            return frozenset([await self._tenant(str(token)) for token in tokens])
        except ProviderRejected as exc:
            log.warning("delivery distrusted", extra={"reason": str(exc)})
        except ProviderUnavailable as exc:
            log.info("delivery not verified", extra={"reason": str(exc)})
        return frozenset()

    async def _tenant(self, token: str) -> str:
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid"))
            keys = await self._keys_for(key_id)
            if key_id not in keys.by_id:
                raise ProviderRejected("validation token signed with an unknown key")
            key = keys.by_id[key_id]
            if TENANT_PLACEHOLDER not in (key.issuer or TENANT_PLACEHOLDER):
                raise ProviderRejected("validation token signed with a key of another issuer")
            claims = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self._client_id,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED, "verify_iss": False},  # it names the tenant: see below
            )
        except (jwt.PyJWTError, UnicodeError) as exc:  # which JSON can hold and no token does
            raise ProviderRejected(f"validation token refused: {type(exc).__name__}") from exc
        tenant_id = tenant_id_from(claims)
        if claims["iss"] != ISSUER.replace(TENANT_PLACEHOLDER, tenant_id):
            raise ProviderRejected("validation token of another issuer")
        if PUBLISHER not in (claims.get("appid"), claims.get("azp")):
            raise ProviderRejected("validation token for another sender")
        return tenant_id

    async def _keys_for(self, key_id: str) -> Keys:
        """Give the keys that we have, or load them, once for all who wait; they do not wait for long."""
        if self._keys and not self._keys.are_due(key_id, self._clock()):
            return self._keys
        if self._loading is None or self._loading.done():
            if self._clock() - self._asked_at < RELOAD_SECONDS:
                raise ProviderUnavailable("the sign-in service's keys could not be had a moment ago")
            self._asked_at = self._clock()
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(_retrieve)
        try:
            async with asyncio.timeout(KEYS_SECONDS):
                return await asyncio.shield(self._loading)  # which goes on for those who come later
        except (TimeoutError, httpx.HTTPError, ValueError) as exc:
            raise ProviderUnavailable(f"{type(exc).__name__} on the way to the sign-in service's keys") from exc

    async def _load(self) -> Keys:
        configuration = await self._fetch(configuration_url(self._authority))
        self._keys = keys_from(configuration, await self._fetch(keys_url_from(configuration)), self._clock())
        return self._keys

    async def _fetch(self, url: str) -> dict[str, Any]:
        document: Any = (await self._http.get(url, timeout=10)).raise_for_status().json()
        if not isinstance(document, dict):
            raise ProviderUnavailable("the sign-in service answers no document")
        return document


def _retrieve(loading: asyncio.Task[Keys]) -> None:
    """Take an error that nobody waits for any more; whoever needs the keys next asks anew."""
    if not loading.cancelled():
        loading.exception()
