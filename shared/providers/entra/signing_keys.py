"""The keys with which Microsoft signs tokens, as its metadata publishes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import jwt

from shared.errors import ProviderRejected, ProviderUnavailable

LEEWAY_SECONDS: Final = 900  # what we verify came over TLS just now: clocks may differ
KEYS_LIVE_SECONDS: Final = 24 * 3600.0
RELOAD_SECONDS: Final = 60.0
"""A token with an unknown key makes us load the keys again, but not more often than this: tokens come from anybody."""
TENANT_PLACEHOLDER: Final = "{tenantid}"


@dataclass(frozen=True, slots=True)
class Key:
    key: jwt.PyJWK
    issuer: str | None  # for which the key may sign; may hold the placeholder


@dataclass(frozen=True, slots=True)
class Keys:
    issuer: str
    by_id: Mapping[str, Key]
    loaded_at: float

    def are_due(self, key_id: str, now: float) -> bool:
        """Tell whether to load them again before a token is refused that this key signed."""
        age = now - self.loaded_at
        return age >= KEYS_LIVE_SECONDS or (key_id not in self.by_id and age >= RELOAD_SECONDS)


def configuration_url(authority: str) -> str:
    return f"{authority}/v2.0/.well-known/openid-configuration"


def keys_url_from(configuration: Mapping[str, Any]) -> str:
    try:
        return str(configuration["jwks_uri"])
    except (KeyError, TypeError) as exc:
        raise ProviderUnavailable("the sign-in service does not say where its keys are") from exc


def keys_from(configuration: Mapping[str, Any], document: Mapping[str, Any], loaded_at: float) -> Keys:
    try:
        by_id = {str(one["kid"]): _key_from(one) for one in document["keys"] if one.get("kty") == "RSA"}
        return Keys(str(configuration["issuer"]), by_id, loaded_at)
    except (KeyError, TypeError, AttributeError, jwt.PyJWTError) as exc:
        raise ProviderUnavailable("the sign-in service's keys cannot be read") from exc


def _key_from(document: Mapping[str, Any]) -> Key:
    return Key(jwt.PyJWK.from_dict(dict(document), algorithm="RS256"), document.get("issuer"))


def tenant_id_from(claims: Mapping[str, Any]) -> str:
    """Take the tenant, which is about to become part of an issuer, only in a UUID's own spelling."""
    tenant_id = str(claims["tid"])
    try:
        is_uuid = str(UUID(tenant_id)) == tenant_id
    except ValueError:
        is_uuid = False
    if not is_uuid:
        raise ProviderRejected("token refused: its tenant is no UUID")
    return tenant_id
