"""The keys that sign id tokens: one for organisations, one for personal accounts, each with its own issuer."""

import base64
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from dev.graph_simulator.directory import CONSUMER_TENANT, Tenant
from dev.graph_simulator.store import Store

_ORGANIZATIONS, _CONSUMERS = "organizations", "consumers"


class SigningKeys:
    """Retired keys stay in the published set, so that tokens signed before a rotation still verify."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: list[dict[str, str]] = store.get("secret", "signing") or []
        if not self._keys:
            self.rotate()

    def rotate(self) -> None:
        for use in (_ORGANIZATIONS, _CONSUMERS):
            self._keys.insert(0, {"kid": uuid4().hex, "use": use, "pem": _new_pem()})
        self._store.put("secret", "signing", self._keys)

    def sign(self, claims: dict[str, Any], tenant: Tenant) -> str:
        use = _CONSUMERS if tenant.is_consumer else _ORGANIZATIONS
        key = next(one for one in self._keys if one["use"] == use)
        return jwt.encode(claims, key["pem"], algorithm="RS256", headers={"kid": key["kid"]})

    def published(self, base_url: str) -> list[dict[str, Any]]:
        """Return the JSON Web Keys, each with the issuer for which it may be used."""
        return [_public(one, base_url) for one in self._keys]


def _new_pem() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public(key: dict[str, str], base_url: str) -> dict[str, Any]:
    private = serialization.load_pem_private_key(key["pem"].encode(), None)
    if not isinstance(private, RSAPrivateKey):
        raise TypeError("signing keys are RSA keys")
    numbers = private.public_key().public_numbers()
    tenant = CONSUMER_TENANT if key["use"] == _CONSUMERS else "{tenantid}"
    return {
        "kty": "RSA",
        "use": "sig",
        "kid": key["kid"],
        "x5t": key["kid"],
        "n": _base64(numbers.n),
        "e": _base64(numbers.e),
        "issuer": f"{base_url}/{tenant}/v2.0",
    }


def _base64(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
