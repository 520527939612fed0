"""Who signed in: an id token, verified. MSAL decodes it and believes it; we do not."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import jwt

from shared.errors import ProviderRejected
from shared.providers.entra.grants import Identity
from shared.providers.entra.signing_keys import (
    LEEWAY_SECONDS,
    TENANT_PLACEHOLDER,
    Key,
    Keys,
    configuration_url,
    keys_from,
    keys_url_from,
    tenant_id_from,
)

log = logging.getLogger(__name__)

_REQUIRED: Final = ["aud", "exp", "iat", "iss", "nbf", "nonce", "oid", "sub", "tid"]


class IdTokenVerifier:
    """Verifies the id tokens of one authority for one client. Blocking; threads may share it."""

    def __init__(
        self,
        fetch: Callable[[str], Mapping[str, Any]],
        authority: str,
        client_id: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take `fetch`, which gets a JSON document by URL, and a clock of seconds."""
        self._fetch = fetch
        self._authority = authority
        self._client_id = client_id
        self._clock = clock
        self._keys: Keys | None = None
        self._loading = threading.Lock()

    def verify(self, id_token: str, nonce: str) -> Identity:
        """Raise ProviderRejected unless signature, issuer, audience, times and nonce are all right."""
        try:
            key_id = jwt.get_unverified_header(id_token).get("kid")
            issuer, key = self._key(str(key_id))
            claims = jwt.decode(
                id_token,
                key.key,
                algorithms=["RS256"],
                audience=self._client_id,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED, "verify_iss": False},  # it names the tenant: see below
            )
        except jwt.PyJWTError as exc:
            raise ProviderRejected(f"id token refused: {type(exc).__name__}") from exc
        tenant_id = tenant_id_from(claims)
        for template in (issuer, key.issuer or issuer):
            if claims["iss"] != template.replace(TENANT_PLACEHOLDER, tenant_id):
                raise ProviderRejected("id token refused: another issuer")
        if claims["nonce"] != nonce:
            raise ProviderRejected("id token refused: another nonce")
        return _identity_from(claims, tenant_id)

    def _key(self, key_id: str) -> tuple[str, Key]:
        with self._loading:
            if self._keys is None or self._keys.are_due(key_id, self._clock()):
                self._keys = self._load()
            keys = self._keys
        if key_id not in keys.by_id:
            raise ProviderRejected("id token refused: signed with an unknown key")
        return keys.issuer, keys.by_id[key_id]

    def _load(self) -> Keys:
        configuration = self._fetch(configuration_url(self._authority))
        keys = keys_from(configuration, self._fetch(keys_url_from(configuration)), self._clock())
        log.info("signing keys loaded", extra={"keys": len(keys.by_id)})
        return keys


def _identity_from(claims: Mapping[str, Any], tenant_id: str) -> Identity:
    return Identity(
        tenant_id=tenant_id,
        user_id=str(claims["oid"]),
        username=str(claims.get("preferred_username") or ""),
        display_name=str(claims.get("name") or ""),
    )
