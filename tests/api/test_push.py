"""Hints to open pages: they reach their user only, and their loss harms nobody."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from dev.ports import choose_free_port
from shared.push import PROTOCOL, Push, WebPubSub, open_push
from shared.settings import Settings
from tests.api.conftest import SignedIn
from tests.unit.conftest import new_key


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(
        {
            "database_url": "postgresql://mail_app@127.0.0.1/mail",
            "microsoft_client_id": "client",
            "microsoft_client_secret": secrets.token_urlsafe(16),
            "public_base_url": "https://api.contoso.example",
            "web_base_url": "https://mail.contoso.example",
            "jwt_signing_keys": {"first": new_key()},
            "token_encryption_keys": {"first": new_key()},
            "audit_signing_keys": {"first": new_key()},
            "webhook_key": secrets.token_urlsafe(32),
        }
    )


@pytest.fixture
async def push(settings: Settings, web_pubsub: str) -> AsyncIterator[Push]:
    opened = open_push(settings.model_copy(update={"web_pubsub_connection_string": SecretStr(web_pubsub)}))
    yield opened
    await opened.close()


async def received(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return message


async def socket_for(user: SignedIn) -> connect:
    negotiated = (await user.api.post("/push/negotiate")).json()
    assert negotiated["protocol"] == PROTOCOL
    return connect(negotiated["url"], subprotocols=[Subprotocol(negotiated["protocol"])])


async def test_a_hint_reaches_its_user_only_and_says_a_position_only(
    user: SignedIn, stranger: SignedIn, push: Push
) -> None:
    async with await socket_for(user) as mine, await socket_for(stranger) as theirs:
        assert (await received(mine))["event"] == (await received(theirs))["event"] == "connected"
        await push.announce(user.id, 17)
        await push.announce(stranger.id, 4)
        assert (await received(mine))["data"] == {"position": 17}
        assert (await received(theirs))["data"] == {"position": 4}


async def test_only_who_signed_in_gets_a_connection(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.post("/push/negotiate")).status_code == 401


async def test_a_service_that_is_down_loses_the_hint_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    push = WebPubSub(f"Endpoint=http://127.0.0.1:{choose_free_port()};AccessKey={'k' * 43};Version=1.0;")
    with caplog.at_level(logging.WARNING, "shared.push"):
        await push.announce(uuid4(), 1)
    assert [record.message for record in caplog.records] == ["push hint lost"]
    await push.close()


async def test_without_a_service_pages_are_told_to_poll(settings: Settings) -> None:
    push = open_push(settings)
    await push.announce(uuid4(), 1)
    assert (await push.connection_for(uuid4())).url is None
    await push.close()
