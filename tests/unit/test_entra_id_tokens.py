"""Which id tokens are believed."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from shared.errors import ProviderRejected, ProviderUnavailable
from shared.providers.entra.grants import Identity
from shared.providers.entra.id_tokens import IdTokenVerifier
from shared.providers.entra.signing_keys import RELOAD_SECONDS

AUTHORITY = "https://login.test/common"
CLIENT_ID = "7d3f2c1a-0b4e-4d8a-9c55-3a1e8f6b2d90"
NONCE = "nonce-as-sent"
TENANT = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"


class Authority:
    """Publishes keys and signs with them."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.issuers: dict[str, str] = {}
        self.loads = 0
        self.now = 1000.0
        self.add_key("work", "https://login.test/{tenantid}/v2.0")
        self.add_key("personal", f"https://login.test/{CONSUMERS}/v2.0")
        self.verifier = IdTokenVerifier(self.fetch, AUTHORITY, CLIENT_ID, clock=lambda: self.now)

    def add_key(self, key_id: str, issuer: str) -> None:
        self.keys[key_id] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issuers[key_id] = issuer

    def fetch(self, url: str) -> Mapping[str, Any]:
        if url.endswith("/.well-known/openid-configuration"):
            assert url.startswith(AUTHORITY)
            return {"issuer": "https://login.test/{tenantid}/v2.0", "jwks_uri": "https://login.test/keys"}
        self.loads += 1
        documents = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "issuer": self.issuers[key_id]}
            for key_id, key in self.keys.items()
        ]
        return {"keys": [*documents, {"kty": "EC", "kid": "other"}]}

    def token(self, key_id: str = "work", *, signed_by: str | None = None, **changes: object) -> str:
        now = int(time.time())
        tenant = changes.get("tid", TENANT)
        claims = {
            "aud": CLIENT_ID,
            "iss": f"https://login.test/{tenant}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "sub": "pairwise",
            "tid": tenant,
            "oid": "622eaaff-0683-4862-9de4-f2ec83c2bd98",
            "nonce": NONCE,
            "preferred_username": "ada@contoso.example",
            "name": "Ada",
            **changes,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(told, self.keys[signed_by or key_id], algorithm="RS256", headers={"kid": key_id})


@pytest.fixture(scope="module")
def made() -> Authority:
    return Authority()


@pytest.fixture
def authority(made: Authority) -> Authority:
    made.verifier = IdTokenVerifier(made.fetch, AUTHORITY, CLIENT_ID, clock=lambda: made.now)
    made.loads = 0
    return made


def test_a_token_of_any_tenant_is_believed_and_identified_by_tenant_and_object(authority: Authority) -> None:
    assert authority.verifier.verify(authority.token(), NONCE) == Identity(
        TENANT, "622eaaff-0683-4862-9de4-f2ec83c2bd98", "ada@contoso.example", "Ada"
    )
    assert authority.verifier.verify(authority.token("personal", tid=CONSUMERS), NONCE).tenant_id == CONSUMERS


HOUR = 3600


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-client"},
        {"iss": f"https://login.test/{uuid4()}/v2.0"},
        {"iss": "https://login.test/{tenantid}/v2.0"},
        {"iss": f"https://evil.test/{TENANT}/v2.0"},
        {"exp": int(time.time()) - HOUR},
        {"nbf": int(time.time()) + HOUR},
        {"nonce": "another"},
        {"tid": "not-a-guid"},
        {"tid": TENANT.upper()},
        {"tid": "../evil"},
        *({name: None} for name in ("aud", "exp", "nbf", "nonce", "tid", "oid", "iss")),
    ],
)
def test_a_token_with_one_wrong_claim_is_refused(authority: Authority, changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderRejected):
        authority.verifier.verify(authority.token(**changes), NONCE)


def test_a_key_signs_only_for_its_own_issuer(authority: Authority) -> None:
    with pytest.raises(ProviderRejected, match="issuer"):
        authority.verifier.verify(authority.token("personal"), NONCE)


def test_a_token_signed_by_somebody_else_is_refused(authority: Authority) -> None:
    with pytest.raises(ProviderRejected):
        authority.verifier.verify(authority.token("work", signed_by="personal"), NONCE)


@pytest.mark.parametrize("token", ["", "a.b.c", "not a token", "None"])
def test_what_is_no_token_is_refused(authority: Authority, token: str) -> None:
    with pytest.raises(ProviderRejected):
        authority.verifier.verify(token, NONCE)


def test_only_the_algorithm_that_we_expect_counts(authority: Authority) -> None:
    payload = authority.token().split(".")[1]
    public = authority.keys["work"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = encoded(b'{"alg": "none", "kid": "work"}') + f".{payload}"
    confused = encoded(b'{"alg": "HS256", "kid": "work"}') + f".{payload}"
    signature = encoded(hmac.digest(public, confused.encode(), hashlib.sha256))
    for token in (f"{unsigned}.", f"{confused}.{signature}"):
        with pytest.raises(ProviderRejected, match="InvalidAlgorithmError"):
            authority.verifier.verify(token, NONCE)


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def test_a_new_key_is_looked_for_but_not_at_everybodys_pleasure(authority: Authority) -> None:
    authority.verifier.verify(authority.token(), NONCE)
    assert authority.loads == 1
    authority.add_key(f"new-{authority.now}", "https://login.test/{tenantid}/v2.0")
    token = authority.token(f"new-{authority.now}")
    for _ in range(3):
        with pytest.raises(ProviderRejected, match="unknown key"):
            authority.verifier.verify(token, NONCE)
    assert authority.loads == 1
    authority.now += RELOAD_SECONDS
    authority.verifier.verify(token, NONCE)
    assert authority.loads == 2


@pytest.mark.parametrize(
    "document", [{}, {"issuer": "x", "jwks_uri": "y"}, {"issuer": "x", "jwks_uri": "y", "keys": [5]}]
)
def test_keys_that_cannot_be_read_are_an_outage(authority: Authority, document: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnavailable):
        IdTokenVerifier(lambda _: document, AUTHORITY, CLIENT_ID).verify(authority.token(), NONCE)
