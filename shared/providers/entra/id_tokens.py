"""Who signed in: an id token, verified. MSAL decodes it and believes it; we do not."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import jwt

from shared.errors import ProviderRejected, ProviderUnavailable
from shared.providers.entra.grants import Identity

log = logging.getLogger(__name__)

LEEWAY_SECONDS: Final = 900  # the token came over TLS for a nonce of ours: clocks may differ
KEYS_LIVE_SECONDS: Final = 24 * 3600.0
RELOAD_SECONDS: Final = 60.0
"""A token with an unknown key makes us load the keys again, but not more often than this: tokens come from anybody."""

_TENANT_PLACEHOLDER: Final = "{tenantid}"
_REQUIRED: Final = ["aud", "exp", "iat", "iss", "nbf", "nonce", "oid", "sub", "tid"]


@dataclass(frozen=True, slots=True)
class _Key:
    key: jwt.PyJWK
    issuer: str | None  # for which the key may sign; may hold the placeholder


@dataclass(frozen=True, slots=True)
class _Keys:
    issuer: str
    by_id: Mapping[str, _Key]
    loaded_at: float


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
        self._keys: _Keys | None = None
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
        tenant_id = _tenant_id_from(claims)
        for template in (issuer, key.issuer or issuer):
            if claims["iss"] != template.replace(_TENANT_PLACEHOLDER, tenant_id):
                raise ProviderRejected("id token refused: another issuer")
        if claims["nonce"] != nonce:
            raise ProviderRejected("id token refused: another nonce")
        return _identity_from(claims, tenant_id)

    def _key(self, key_id: str) -> tuple[str, _Key]:
        with self._loading:
            age = self._clock() - self._keys.loaded_at if self._keys else KEYS_LIVE_SECONDS
            is_unknown = self._keys is None or key_id not in self._keys.by_id
            if age >= KEYS_LIVE_SECONDS or (is_unknown and age >= RELOAD_SECONDS):
                self._keys = self._load()
            keys = self._keys
        if keys is None or key_id not in keys.by_id:
            raise ProviderRejected("id token refused: signed with an unknown key")
        return keys.issuer, keys.by_id[key_id]

    def _load(self) -> _Keys:
        configuration = self._fetch(f"{self._authority}/v2.0/.well-known/openid-configuration")
        try:
            issuer, keys_url = str(configuration["issuer"]), str(configuration["jwks_uri"])
            documents = self._fetch(keys_url)["keys"]
            by_id = {str(one["kid"]): _key_from(one) for one in documents if one.get("kty") == "RSA"}
        except (KeyError, TypeError, AttributeError, jwt.PyJWTError) as exc:
            raise ProviderUnavailable("the sign-in service's keys cannot be read") from exc
        log.info("signing keys loaded", extra={"keys": len(by_id)})
        return _Keys(issuer, by_id, self._clock())


def _key_from(document: Mapping[str, Any]) -> _Key:
    return _Key(jwt.PyJWK.from_dict(dict(document), algorithm="RS256"), document.get("issuer"))


def _tenant_id_from(claims: Mapping[str, Any]) -> str:
    """Take the tenant, which is about to become part of an issuer, only in a UUID's own spelling."""
    tenant_id = str(claims["tid"])
    try:
        is_uuid = str(UUID(tenant_id)) == tenant_id
    except ValueError:
        is_uuid = False
    if not is_uuid:
        raise ProviderRejected("id token refused: its tenant is no UUID")
    return tenant_id


def _identity_from(claims: Mapping[str, Any], tenant_id: str) -> Identity:
    return Identity(
        tenant_id=tenant_id,
        user_id=str(claims["oid"]),
        username=str(claims.get("preferred_username") or ""),
        display_name=str(claims.get("name") or ""),
    )
