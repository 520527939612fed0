"""Asks the endpoints of subscribers: the handshake, and the POST of notifications."""

import time
from urllib.parse import quote, urlsplit
from uuid import uuid4

import aiohttp
from yarl import URL

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")


class Webhooks:
    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def validate(self, url: str, seconds: float) -> str:
        """
        Make the handshake with an endpoint. Return "" when it holds, or what was wrong.

        The token has characters that must be decoded before they are sent back.
        """
        token = f"Validation: Testing client application reachability for subscription Request-Id: {uuid4()} +/=&é"
        joint = "&" if urlsplit(url).query else "?"
        address = f"{url}{joint}validationToken={quote(token, safe='')}"
        try:
            async with self._http().post(
                URL(address, encoded=True),
                data=b"",
                headers={"Content-Type": "text/plain; charset=utf-8"},
                timeout=aiohttp.ClientTimeout(total=seconds),
                ssl=_tls(url),
            ) as answer:
                body = await answer.text()
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError):
            return "unreachable"
        if answer.status != 200:  # noqa: PLR2004 - OK
            return f"status {answer.status} {answer.reason}"
        return "" if body == token and answer.content_type == "text/plain" else "mismatch"

    async def post(self, url: str, body: bytes, seconds: float) -> tuple[bool, float | None]:
        """Return whether a POST was accepted in time, and how long the answer took; None when there was no answer."""
        started = time.monotonic()
        try:
            async with self._http().post(
                URL(url, encoded=True),
                data=body,
                headers={"Content-Type": "application/json; charset=utf-8"},
                timeout=aiohttp.ClientTimeout(total=seconds),
                ssl=_tls(url),
            ) as answer:
                return 200 <= answer.status < 300, time.monotonic() - started  # noqa: PLR2004 - success
        except TimeoutError:
            return False, time.monotonic() - started
        except (aiohttp.ClientError, OSError):
            return False, None

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))
        return self._session


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK_HOSTS


def _tls(url: str) -> bool:
    # A certificate of a machine's own says nothing; elsewhere it is checked as usual.
    return not is_loopback(url)
