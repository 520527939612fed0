"""One request at a time to Graph: gated, limited in time and size, with a token that is renewed when refused."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import httpx
import orjson

from shared.errors import AnswerTooLarge, ProviderError, ProviderUnavailable, ReauthenticationRequired, Throttled
from shared.providers.graph.addresses import url_from
from shared.providers.graph.challenges import claims_from
from shared.providers.graph.errors import TimedOut, error_from
from shared.providers.graph.json_text import document_from
from shared.providers.graph.routes import watched
from shared.providers.protocol import Gate, RefusedToken
from shared.telemetry import THROTTLED_SECONDS, record

log = logging.getLogger(__name__)

IMMUTABLE_IDS: Final = 'IdType="ImmutableId"'
ANSWER_MAX_BYTES: Final = 16 * 1024 * 1024
_REFUSAL_MAX_BYTES: Final = 64 * 1024

AccessToken = Callable[[str | None], Awaitable[str]]
"""
Gives an access token. The argument is one that Graph has just refused, or None; it is not given again.

It is a RefusedToken, with the claims of Graph's challenge, if there was one.
"""


@dataclass(frozen=True, slots=True)
class Question:
    method: str
    target: str  # a path below the base URL, or a link
    prefer: Sequence[str] = ()
    body: object = None


@dataclass(frozen=True, slots=True)
class Answer:
    asked_at: datetime
    document: dict[str, Any]
    date: str | None = None  # by the provider's clock, as the header has it


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """An answer whose body is still to be read, before `deadline` on the loop's clock."""

    asked_at: datetime
    response: httpx.Response
    deadline: float

    async def read(self, most_bytes: int) -> bytes:
        """Raise AnswerTooLarge beyond `most_bytes`, without reading on."""
        parts: list[bytes] = []
        size = 0
        with _network_errors():
            async with asyncio.timeout_at(self.deadline):
                async for part in self.response.aiter_bytes():
                    size += len(part)
                    if size > most_bytes:
                        raise AnswerTooLarge(f"an answer of more than {most_bytes} bytes")
                    parts.append(part)
        return b"".join(parts)

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Give the body as it comes. The time that the reader takes between two parts counts too."""
        stream = self.response.aiter_bytes()
        while True:
            if asyncio.get_running_loop().time() >= self.deadline:  # what is buffered would come without waiting
                raise TimedOut("no whole answer in time")
            with _network_errors():
                async with asyncio.timeout_at(self.deadline):
                    part = await anext(stream, None)
            if part is None:
                return
            yield part


class GraphClient:
    """
    Asks Graph on behalf of one mailbox.

    Each request passes the gate, ends within `timeout_seconds` of having passed it, and tells failures in our errors.
    """

    def __init__(
        self, http: httpx.AsyncClient, base_url: str, gate: Gate, access_token: AccessToken, *, timeout_seconds: float
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._gate = gate
        self._access_token = access_token
        self._timeout_seconds = timeout_seconds
        self.requests_made = 0

    async def get(self, target: str, *, prefer: Sequence[str] = (IMMUTABLE_IDS,)) -> Answer:
        return await self.ask(Question("GET", target, prefer))

    async def ask(
        self,
        question: Question,
        *,
        most_bytes: int = ANSWER_MAX_BYTES,
        tolerated: tuple[type[ProviderError], ...] = (),
        check: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """
        Ask, and read a JSON object, empty when the answer has no body.

        A refusal among `tolerated` comes out as an empty document. `check` may refuse an answer while the request
        still counts, so that the gate learns of it.
        """
        async with self.opened(question, tolerated=tolerated) as answer:
            if answer.response.is_error or answer.response.status_code == httpx.codes.NO_CONTENT:
                return Answer(answer.asked_at, {})
            body = await answer.read(most_bytes)
            if check:
                whole = _answer_from(answer, body)
                check(whole)
                return whole
        return _answer_from(answer, body)

    @asynccontextmanager
    async def opened(
        self, question: Question, *, tolerated: tuple[type[ProviderError], ...] = ()
    ) -> AsyncIterator[OpenAnswer]:
        """Ask; the request counts until the block is left. A refused token is renewed once."""
        token = await self._access_token(None)
        async with self._sent(question, token) as answer:
            if answer.response.status_code != httpx.codes.UNAUTHORIZED:
                await _raise_refusal(answer, tolerated)
                yield answer
                return
            refused = RefusedToken(token, claims_from(answer.response.headers.get("WWW-Authenticate", "")))
        token = await self._access_token(refused)
        async with self._sent(question, token) as answer:
            try:
                await _raise_refusal(answer, tolerated)
            except ReauthenticationRequired as exc:
                if refused.claims or exc.claims:
                    raise
                # What the owner took back, the sign-in service would not have renewed.
                raise ProviderUnavailable("a token that was just renewed is refused") from exc
            yield answer

    @asynccontextmanager
    async def _sent(self, question: Question, token: str) -> AsyncIterator[OpenAnswer]:
        request = self._request(question, token)
        async with self._gate() as asked_at:
            self.requests_made += 1
            deadline = asyncio.get_running_loop().time() + self._timeout_seconds
            with watched(question.method, question.target) as watch:
                with _network_errors():
                    async with asyncio.timeout_at(deadline):
                        response = await self._http.send(request, stream=True)
                watch.answered(response.status_code)
                try:
                    yield OpenAnswer(asked_at, response, deadline)
                finally:
                    await response.aclose()

    def _request(self, question: Question, token: str) -> httpx.Request:
        headers = {"Authorization": f"Bearer {token}", "client-request-id": str(uuid4()), "Accept": "application/json"}
        if question.prefer:
            headers["Prefer"] = ", ".join(question.prefer)
        content = None
        if question.body is not None:
            headers["Content-Type"] = "application/json"
            content = orjson.dumps(question.body)
        url = url_from(self._base_url, question.target)
        timeout = httpx.Timeout(self._timeout_seconds)
        return self._http.build_request(question.method, url, headers=headers, content=content, timeout=timeout)


def items_of(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Take the items out of a page. Raises ProviderUnavailable when it is none."""
    items = page.get("value")
    if not isinstance(items, list):
        raise ProviderUnavailable("a page without items")
    return [item for item in items if isinstance(item, dict)]


@contextmanager
def _network_errors() -> Iterator[None]:
    try:
        yield
    except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout) as exc:
        raise TimedOut("no whole answer in time") from exc
    except httpx.RequestError as exc:
        raise ProviderUnavailable(f"{type(exc).__name__} on the way to Graph") from exc


async def _raise_refusal(answer: OpenAnswer, tolerated: tuple[type[ProviderError], ...]) -> None:
    if answer.response.is_success:
        return
    try:
        document = document_from(await answer.read(_REFUSAL_MAX_BYTES))
    except (ProviderError, ValueError):
        document = None
    error = error_from(answer.response.status_code, answer.response.headers, document)
    if isinstance(error, ReauthenticationRequired):
        error.claims = claims_from(answer.response.headers.get("WWW-Authenticate", ""))
    if isinstance(error, Throttled):
        record(THROTTLED_SECONDS, error.retry_after_seconds or 0)
    if not isinstance(error, tolerated):
        raise error


def _answer_from(answer: OpenAnswer, body: bytes) -> Answer:
    return Answer(answer.asked_at, _object_from(body), answer.response.headers.get("Date"))


def _object_from(body: bytes) -> dict[str, Any]:
    try:
        document = document_from(body)
    except ValueError as exc:
        raise ProviderUnavailable(f"an answer of {len(body)} bytes that is not JSON") from exc
    if not isinstance(document, dict):
        raise ProviderUnavailable("an answer that is not a JSON object")
    return document
