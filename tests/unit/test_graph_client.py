"""How single requests go out, and what may come back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.errors import (
    AnswerTooLarge,
    ProviderUnavailable,
    ReauthenticationRequired,
    Throttled,
)
from shared.providers.graph.client import GraphClient, Question
from shared.providers.graph.errors import TimedOut
from tests.unit.graph_json import graph_error

BASE = "https://graph.test/v1.0"
ASKED_AT = datetime(2026, 1, 1, tzinfo=UTC)
Handler = Callable[[httpx.Request], Any]


@dataclass
class Far:
    """The far end of the network, and what passed the gate on the way there."""

    handler: Handler
    inside: int = 0
    events: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=lambda: ["first", "second"])

    @asynccontextmanager
    async def gate(self) -> AsyncIterator[datetime]:
        self.inside += 1
        self.events.append("in")
        try:
            yield ASKED_AT
        except Exception as exc:
            self.events.append(type(exc).__name__)
            raise
        finally:
            self.inside -= 1
            self.events.append("out")

    async def token(self, rejected: str | None) -> str:
        assert self.inside == 0, "a token is renewed while a place is held"
        if rejected:
            self.tokens.remove(rejected)
        return self.tokens[0]

    def client(self, timeout_seconds: float = 5) -> GraphClient:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.handler))
        return GraphClient(http, BASE, self.gate, self.token, timeout_seconds=timeout_seconds)


def answering(*answers: httpx.Response) -> Far:
    waiting = list(answers)
    return Far(lambda _: waiting.pop(0))


class Trickle(httpx.AsyncByteStream):
    """A body in parts, each of which may first wait for ever."""

    def __init__(self, *parts: bytes | None) -> None:
        self._parts = parts
        self.was_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            if part is None:
                await asyncio.Event().wait()
            yield part or b""

    async def aclose(self) -> None:
        self.was_closed = True


async def test_a_request_says_who_asks_and_wants_immutable_ids() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"value": []})

    answer = await Far(handler).client().get("me/mailFolders?$top=100")
    assert answer.asked_at == ASKED_AT
    assert str(seen[0].url) == f"{BASE}/me/mailFolders?$top=100"
    assert seen[0].headers["Authorization"] == "Bearer first"
    assert seen[0].headers["Prefer"] == 'IdType="ImmutableId"'
    assert seen[0].headers["client-request-id"]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/v1.0/me/mailFolders('A%3D')/messages/delta?$deltatoken=a%2Bb+c==",
        "/v1.0/me/mailFolders('A%3D')/messages/delta?$deltatoken=a%2Bb+c==",
        "//evil.test/v1.0/me/mailFolders('A%3D')/messages/delta?$deltatoken=a%2Bb+c==",
    ],
)
async def test_a_link_is_followed_on_our_own_host_only_and_not_rewritten(link: str) -> None:
    seen: list[httpx.URL] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json={})

    await Far(handler).client().get(link)
    assert seen[0].host == "graph.test"
    assert seen[0].raw_path == b"/v1.0/me/mailFolders('A%3D')/messages/delta?$deltatoken=a%2Bb+c=="


async def test_a_refused_token_is_renewed_once_outside_the_gate() -> None:
    refusal = httpx.Response(401, json=graph_error("InvalidAuthenticationToken"))
    far = answering(refusal, httpx.Response(200, json={"a": 1}))
    assert (await far.client().get("me")).document == {"a": 1}
    assert far.tokens == ["second"]
    assert far.events == ["in", "out", "in", "out"]


async def test_a_token_refused_after_its_renewal_is_tried_later_without_the_owner() -> None:
    refusals = [httpx.Response(401, json=graph_error("InvalidAuthenticationToken")) for _ in range(2)]
    with pytest.raises(ProviderUnavailable):
        await answering(*refusals).client().get("me")


async def test_a_second_challenge_asks_for_the_owner() -> None:
    challenge = {"WWW-Authenticate": 'Bearer error="insufficient_claims", claims="e30="'}
    refusals = [
        httpx.Response(401, json=graph_error("InvalidAuthenticationToken"), headers=challenge) for _ in range(2)
    ]
    with pytest.raises(ReauthenticationRequired):
        await answering(*refusals).client().get("me")


async def test_the_gate_learns_that_the_provider_asks_for_patience() -> None:
    far = answering(httpx.Response(429, headers={"Retry-After": "2.128"}, json=graph_error("TooManyRequests")))
    with pytest.raises(Throttled) as refusal:
        await far.client().get("me")
    assert refusal.value.retry_after_seconds == 2.128
    assert far.events == ["in", "Throttled", "out"]


async def test_a_place_is_held_until_the_last_byte() -> None:
    far = Far(lambda _: httpx.Response(200, stream=Trickle(b'{"a":', b"1}")))
    async with far.client().opened(Question("GET", "me")) as answer:
        assert far.inside == 1
        assert json.loads(await answer.read(100)) == {"a": 1}
        assert far.inside == 1
    assert far.inside == 0


async def test_an_answer_over_its_budget_is_not_read_on() -> None:
    stream = Trickle(b"x" * 60, b"x" * 60, None)
    far = Far(lambda _: httpx.Response(200, stream=stream))
    with pytest.raises(AnswerTooLarge):
        await far.client().ask(Question("GET", "me"), most_bytes=100)
    assert stream.was_closed


@pytest.mark.parametrize("where", ["head", "body"])
async def test_an_answer_that_never_ends_times_out_and_frees_the_place(where: str) -> None:
    stream = Trickle(b"{", None)

    async def handler(_: httpx.Request) -> httpx.Response:
        if where == "head":
            await asyncio.Event().wait()
        return httpx.Response(200, stream=stream)

    far = Far(handler)
    with pytest.raises(TimedOut):
        await far.client(timeout_seconds=0.05).get("me")
    assert far.inside == 0


async def test_a_slow_reader_of_a_stream_loses_its_place_in_time() -> None:
    far = Far(lambda _: httpx.Response(200, stream=Trickle(b"a", b"b", b"c")))
    client = far.client(timeout_seconds=0.05)
    async with client.opened(Question("GET", "me")) as answer, aclosing(answer.parts()) as parts:
        assert await anext(parts) == b"a"
        await asyncio.sleep(0.06)  # the reader's own time counts
        with pytest.raises(TimedOut):
            await anext(parts)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b""),
        httpx.Response(200, content=b"<html>Sorry</html>"),
        httpx.Response(200, content=b"[1]"),
        httpx.Response(200, content=b'{"a": '),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(302, headers={"Location": "https://evil.test/"}),
        httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Trickle(b"not gzip")),
    ],
    ids=["empty", "html", "list", "half", "deep", "binary", "redirect", "encoding"],
)
async def test_what_is_not_a_json_object_is_an_outage(answer: httpx.Response) -> None:
    with pytest.raises(ProviderUnavailable):
        await answering(answer).client().get("me")


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ReadError("no"), httpx.RemoteProtocolError("no")])
async def test_a_broken_connection_is_an_outage(error: httpx.TransportError) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(ProviderUnavailable):
        await Far(handler).client().get("me")


async def test_a_refusal_with_an_endless_body_is_told_by_its_status() -> None:
    far = Far(lambda _: httpx.Response(429, headers={"Retry-After": "3"}, stream=Trickle(b"x" * 10_000_000)))
    with pytest.raises(Throttled) as refusal:
        await far.client().get("me")
    assert refusal.value.retry_after_seconds == 3
