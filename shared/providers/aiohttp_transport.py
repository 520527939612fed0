"""
aiohttp under httpx's client: a mailbox is gigabytes, and httpx's own transport takes three times the CPU for each.

An address is sent as it was written, because a provider's links must not be touched; no cookie is kept.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp
import httpx
from yarl import URL

MOST_CONNECTIONS: Final = 100
KEEP_ALIVE_SECONDS: Final = 15
READ_BYTES: Final = 256 * 1024


class AiohttpTransport(httpx.AsyncBaseTransport):
    """For bodies that are in memory when they are sent. Raises httpx's errors."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        limits = request.extensions.get("timeout", {})
        with _httpx_errors(request):
            answer = await self._opened().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=await request.aread() or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    connect=limits.get("pool"), sock_connect=limits.get("connect"), sock_read=limits.get("read")
                ),
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(request, answer))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._tls, limit=MOST_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=READ_BYTES,
            )
            # Whether a request is made again is decided where requests are counted.
            self._session._retry_connection = False  # noqa: SLF001 - it has no public name
        return self._session

    async def aclose(self) -> None:
        if self._session:
            await self._session.close()


class _Body(httpx.AsyncByteStream):
    def __init__(self, request: httpx.Request, answer: aiohttp.ClientResponse) -> None:
        self._request = request
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors(self._request):
            async for part in self._answer.content.iter_any():
                yield part

    async def aclose(self) -> None:
        """Give the connection back, or end it when the body was not read to its end."""
        self._answer.release()


@contextmanager
def _httpx_errors(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except aiohttp.ConnectionTimeoutError as exc:
        raise httpx.ConnectTimeout(str(exc), request=request) from exc
    except aiohttp.ServerTimeoutError as exc:
        raise httpx.ReadTimeout(str(exc), request=request) from exc
    except aiohttp.ClientConnectorError as exc:
        raise httpx.ConnectError(str(exc), request=request) from exc
    except aiohttp.ClientError as exc:  # a reset, a body that ends early, a header that is none
        raise httpx.RemoteProtocolError(f"{type(exc).__name__}: {exc}", request=request) from exc
