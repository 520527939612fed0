"""Who sent a delivery with content: believed only as Microsoft, for the tenants that it vouches for."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from shared.providers.entra.signing_keys import KEYS_LIVE_SECONDS, RELOAD_SECONDS
from shared.providers.entra.validation_tokens import KEYS_SECONDS, PUBLISHER, ValidationTokens

AUTHORITY = "https://login.test/common"
TENANT = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
CONSUMERS = "https://login.test/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"
HOUR = 3600


class Microsoft:
    """Publishes keys and signs with them."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[RSAPrivateKey, str]] = {}
        self.add_key("work", "https://login.test/{tenantid}/v2.0")
        self.add_key("personal", CONSUMERS)
        self.fetches = 0
        self.fault: httpx.Response | Exception | None = None
        self.is_quick = asyncio.Event()
        self.is_quick.set()
        self.now = 1_000_000.0
        self.tokens = ValidationTokens(
            httpx.AsyncClient(transport=httpx.MockTransport(self.answer)), AUTHORITY, "client", clock=lambda: self.now
        )

    def add_key(self, key_id: str, issuer: str) -> None:
        self.keys[key_id] = (generate_private_key(public_exponent=65537, key_size=2048), issuer)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.fetches += 1
        await self.is_quick.wait()
        if isinstance(self.fault, Exception):
            raise self.fault
        if self.fault:
            return self.fault
        if request.url.path.endswith("openid-configuration"):
            issuer = "https://login.test/{tenantid}/v2.0"
            return httpx.Response(200, json={"issuer": issuer, "jwks_uri": "https://login.test/keys"})
        published = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": key_id, "issuer": issuer}
            for key_id, (key, issuer) in self.keys.items()
        ]
        return httpx.Response(200, json={"keys": published})

    def token(self, key_id: str = "work", *, signed_by: str | None = None, **changes: object) -> str:
        now = int(time.time())
        tenant = changes.get("tid", TENANT)
        claims: dict[str, object] = {
            "aud": "client",
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + HOUR,
            "appid": PUBLISHER,
            "tid": tenant,
            "ver": "1.0",
            **changes,
        }
        told: dict[str, Any] = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(told, self.keys[signed_by or key_id][0], algorithm="RS256", headers={"kid": key_id})


@pytest.fixture
def microsoft() -> Microsoft:
    return Microsoft()


async def test_the_tenants_of_good_tokens_are_named(microsoft: Microsoft) -> None:
    other = str(uuid4())
    tokens = [microsoft.token(), microsoft.token(tid=other), microsoft.token(appid=None, azp=PUBLISHER)]
    assert await microsoft.tokens.tenants(tokens) == {TENANT, other}
    assert await microsoft.tokens.tenants([]) == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-client"},
        {"iss": f"https://sts.windows.net/{uuid4()}/"},
        {"iss": f"https://login.test/{TENANT}/v2.0"},
        {"exp": int(time.time()) - HOUR},
        {"nbf": int(time.time()) + HOUR},
        {"appid": str(uuid4())},
        {"appid": None},
        {"tid": "../evil"},
        {"tid": TENANT.upper()},
        *({name: None} for name in ("aud", "exp", "iss", "nbf", "tid")),
    ],
)
async def test_one_token_with_one_wrong_claim_spoils_all(microsoft: Microsoft, changes: dict[str, Any]) -> None:
    tokens = [microsoft.token(), microsoft.token(**changes), microsoft.token(tid=str(uuid4()))]
    assert await microsoft.tokens.tenants(tokens) == frozenset()


async def test_a_forged_token_is_not_believed(microsoft: Microsoft) -> None:
    forged = microsoft.token("work", signed_by="personal")
    unsigned = jwt.encode({"aud": "client"}, "", algorithm="none", headers={"kid": "work"})
    for token in (forged, unsigned, microsoft.token("personal"), "", "a.b.c", 7, None, {"kid": "work"}):
        assert await microsoft.tokens.tenants([microsoft.token(), token]) == frozenset()


async def test_what_utf_8_cannot_hold_is_no_token(microsoft: Microsoft) -> None:
    assert await microsoft.tokens.tenants([microsoft.token(), "\ud800"]) == frozenset()
    assert await microsoft.tokens.tenants([microsoft.token() + "\udfff"]) == frozenset()


async def test_too_many_tokens_are_not_looked_at(microsoft: Microsoft) -> None:
    assert await microsoft.tokens.tenants([microsoft.token()] * 51) == frozenset()
    assert microsoft.fetches == 0


async def test_keys_are_fetched_once_a_day_and_again_for_a_new_key_within_a_minute(microsoft: Microsoft) -> None:
    for _ in range(3):
        assert await microsoft.tokens.tenants([microsoft.token()]) == {TENANT}
    assert microsoft.fetches == 2
    microsoft.add_key("new", "https://login.test/{tenantid}/v2.0")
    assert await microsoft.tokens.tenants([microsoft.token("new")]) == frozenset()
    assert microsoft.fetches == 2
    microsoft.now += RELOAD_SECONDS
    assert await microsoft.tokens.tenants([microsoft.token("new")]) == {TENANT}
    assert microsoft.fetches == 4
    microsoft.now += KEYS_LIVE_SECONDS
    assert await microsoft.tokens.tenants([microsoft.token()]) == {TENANT}
    assert microsoft.fetches == 6


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(503),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(200, text="<html>"),
        httpx.ConnectError("down"),
    ],
)
async def test_without_keys_nobody_is_believed_and_nobody_is_asked_again_at_once(
    microsoft: Microsoft, fault: httpx.Response | Exception
) -> None:
    microsoft.fault = fault
    for _ in range(3):
        assert await microsoft.tokens.tenants([microsoft.token()]) == frozenset()
    assert microsoft.fetches == 1
    microsoft.fault = None
    microsoft.now += RELOAD_SECONDS
    assert await microsoft.tokens.tenants([microsoft.token()]) == {TENANT}


async def test_nobody_waits_long_for_keys_and_those_that_come_late_are_kept(microsoft: Microsoft) -> None:
    microsoft.is_quick.clear()
    started = time.monotonic()
    asked = [microsoft.tokens.tenants([microsoft.token()]) for _ in range(3)]
    assert await asyncio.gather(*asked) == [frozenset()] * 3
    assert time.monotonic() - started < KEYS_SECONDS + 1
    assert microsoft.fetches == 1
    microsoft.is_quick.set()
    assert await microsoft.tokens.tenants([microsoft.token()]) == {TENANT}
