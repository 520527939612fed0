"""The Web PubSub stand-in, with Microsoft's own client library and a plain WebSocket client."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jwt
import pytest
from azure.core.exceptions import HttpResponseError
from azure.messaging.webpubsubservice import WebPubSubServiceClient
from azure.messaging.webpubsubservice.aio import WebPubSubServiceClient as AsyncWebPubSubServiceClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.host.hosting import ROOT

KEY = "a key of the tests, long enough for HS256"
JSON_PROTOCOL = Subprotocol("json.webpubsub.azure.v1")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-m", "dev.web_pubsub", "--port", "0", f"--access-key={KEY}"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture
async def service(endpoint: str) -> AsyncIterator[AsyncWebPubSubServiceClient]:
    text = f"Endpoint={endpoint};AccessKey={KEY};Version=1.0;"
    async with AsyncWebPubSubServiceClient.from_connection_string(text, hub="mail") as client:
        yield client


async def address_for(service: AsyncWebPubSubServiceClient, **claims: Any) -> str:  # noqa: ANN401 (as the library's)
    token = await service.get_client_access_token(**claims)
    return str(token["url"])


async def received(socket: ClientConnection) -> Any:  # noqa: ANN401 (any JSON value)
    return json.loads(await asyncio.wait_for(socket.recv(), 5))


async def test_a_json_client_is_told_who_it_is_and_receives_what_its_user_is_sent(
    service: AsyncWebPubSubServiceClient,
) -> None:
    async with connect(await address_for(service, user_id="ann"), subprotocols=[JSON_PROTOCOL]) as socket:
        connected = await received(socket)
        assert (connected["type"], connected["event"], connected["userId"]) == ("system", "connected", "ann")
        await service.send_to_user("bob", {"not": "for ann"})
        await service.send_to_user("ann", {"event": 1})
        assert await received(socket) == {"type": "message", "from": "server", "dataType": "json", "data": {"event": 1}}
        await service.send_to_all("text", content_type="text/plain")
        assert (await received(socket))["data"] == "text"


async def test_a_plain_client_receives_bare_messages(service: AsyncWebPubSubServiceClient) -> None:
    async with connect(await address_for(service, user_id="ann")) as socket:
        assert socket.subprotocol is None
        await service.send_to_user("ann", {"event": 1})
        assert await received(socket) == {"event": 1}
        await service.send_to_user("ann", io.BytesIO(b"\x00\x01"), content_type="application/octet-stream")
        assert await asyncio.wait_for(socket.recv(), 5) == b"\x00\x01"


def test_the_synchronous_client_works_too(endpoint: str) -> None:
    client = WebPubSubServiceClient.from_connection_string(f"Endpoint={endpoint};AccessKey={KEY};", hub="mail")
    with client:
        client.send_to_user("nobody", {"event": 1})
        assert not client.user_exists("nobody")


async def test_groups_are_joined_and_left_by_the_server(service: AsyncWebPubSubServiceClient) -> None:
    async with connect(
        await address_for(service, user_id="ann", groups=["first"]), subprotocols=[JSON_PROTOCOL]
    ) as socket:
        await received(socket)
        await service.send_to_group("first", {"n": 1})
        assert await received(socket) == {
            "type": "message", "from": "group", "group": "first", "dataType": "json", "data": {"n": 1},
        }  # fmt: skip
        await service.add_user_to_group("second", "ann")
        assert await service.group_exists("second")
        await service.remove_user_from_all_groups("ann")
        assert not await service.group_exists("second")
        await service.send_to_group("second", {"n": 2})
        await service.send_to_all({"n": 3})
        assert (await received(socket))["data"] == {"n": 3}


async def test_clients_with_roles_join_and_send_and_are_acknowledged(service: AsyncWebPubSubServiceClient) -> None:
    roles = ["webpubsub.joinLeaveGroup.room", "webpubsub.sendToGroup.room"]
    async with connect(await address_for(service, user_id="ann", roles=roles), subprotocols=[JSON_PROTOCOL]) as socket:
        await received(socket)
        await socket.send(json.dumps({"type": "joinGroup", "group": "room", "ackId": 1}))
        assert await received(socket) == {"type": "ack", "ackId": 1, "success": True}
        await socket.send(json.dumps({"type": "sendToGroup", "group": "room", "dataType": "json", "data": [1]}))
        message = await received(socket)
        assert (message["from"], message["fromUserId"], message["data"]) == ("group", "ann", [1])
        await socket.send(json.dumps({"type": "joinGroup", "group": "other", "ackId": 2}))
        assert (await received(socket))["error"]["name"] == "Forbidden"
        await socket.send(json.dumps({"type": "joinGroup", "group": "room", "ackId": 1}))
        assert (await received(socket))["error"]["name"] == "Duplicate"
        await socket.send(json.dumps({"type": "ping"}))
        assert await received(socket) == {"type": "pong"}


async def test_a_closed_client_is_told_why(service: AsyncWebPubSubServiceClient) -> None:
    async with connect(await address_for(service, user_id="zoe"), subprotocols=[JSON_PROTOCOL]) as socket:
        connection_id = (await received(socket))["connectionId"]
        assert await service.connection_exists(connection_id)
        await service.close_connection(connection_id, reason="signed out")
        assert await received(socket) == {"type": "system", "event": "disconnected", "message": "signed out"}
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        assert not await service.user_exists("zoe")


async def test_hubs_do_not_hear_each_other(endpoint: str, service: AsyncWebPubSubServiceClient) -> None:
    text = f"Endpoint={endpoint};AccessKey={KEY};"
    async with (
        AsyncWebPubSubServiceClient.from_connection_string(text, hub="other") as other,
        connect(await address_for(service, user_id="ann")) as socket,
    ):
        await other.send_to_all({"n": 1})
        await service.send_to_all({"n": 2})
        assert await received(socket) == {"n": 2}


def token(audience: str, *, key: str = KEY, expires: int = 4_000_000_000) -> str:
    return jwt.encode({"aud": audience, "exp": expires}, key, algorithm="HS256")


async def test_a_token_for_another_address_key_or_time_opens_nothing(endpoint: str) -> None:
    address = f"{endpoint}/client/hubs/mail"
    wrong = [
        token(f"{endpoint}/client/hubs/other"),
        token("http://elsewhere.test/client/hubs/mail"),
        token(address, key="another key, as long as the first one"),
        token(address, expires=1),
        "",
    ]
    for text in wrong:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws{address.removeprefix('http')}?access_token={text}")
        assert refused.value.response.status_code == 401


async def test_the_rest_calls_verify_their_token(endpoint: str) -> None:
    text = f"Endpoint={endpoint};AccessKey=another key, as long as the first one;"
    async with AsyncWebPubSubServiceClient.from_connection_string(text, hub="mail") as stranger:
        with pytest.raises(HttpResponseError) as refused:
            await stranger.send_to_user("ann", {"event": 1})
    assert refused.value.status_code == 401


def test_health_is_open(endpoint: str) -> None:
    assert httpx.get(f"{endpoint}/api/health").status_code == 200
