"""The HTTP side of the host as an ASGI application."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from dev.functions_host.admin import Admin
from dev.functions_host.app_settings import AppSettings
from dev.functions_host.cors import Cors
from dev.functions_host.host_json import HttpOptions
from dev.functions_host.http_messages import Request, Response, headers_from, request_datum, response_from
from dev.functions_host.invocation import Trigger, Worker
from dev.functions_host.keys import Keys
from dev.functions_host.queue_output import QueueOutputs
from dev.functions_host.retries import invoke_with_retries
from dev.functions_host.routing import Route, RouteTable

log = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_LARGEST_BODY_BYTES: Final = 104_857_600
_LONGEST_TARGET_BYTES: Final = 8192
_OWN_HEADERS: Final = {"content-length", "transfer-encoding"}
_HOME = b"<!DOCTYPE html><title>Functions host</title><h1>Your Functions app is up and running</h1>"


class HttpFront:
    """Answers requests: preflight, limits, admin, home page, then the first function whose route matches."""

    def __init__(  # noqa: PLR0913 (the parts of the front)
        self,
        routes: RouteTable,
        admin: Admin,
        *,
        worker: Worker,
        outputs: QueueOutputs,
        settings: AppSettings,
        options: HttpOptions,
        cors: Cors,
        keys: Keys | None,
        front_end_seconds: float,
    ) -> None:
        self._routes, self._admin, self._worker, self._outputs = routes, admin, worker, outputs
        self._settings, self._options, self._cors, self._keys = settings, options, cors, keys
        self._front_end_seconds = front_end_seconds
        self._largest_body = int(settings.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT") or _LARGEST_BODY_BYTES)
        self._outstanding = 0
        allowed = options.max_concurrent_requests
        self._turns = asyncio.Semaphore(allowed) if allowed > 0 else None
        self._late: set[asyncio.Task[Response]] = set()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = headers_from(scope["headers"])
        response = self._cors.preflight(scope["method"], headers)
        added: tuple[tuple[str, str], ...] = ()
        if response is None:
            response = await self._respond(scope, headers, receive)
            added = (*self._cors.headers_for(headers), *self._options.custom_headers.items())
        await _send(send, response, added)

    async def _respond(self, scope: dict[str, Any], headers: Mapping[str, str], receive: Receive) -> Response:
        raw_path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        if len(raw_path) + len(query) + 1 > _LONGEST_TARGET_BYTES:
            return Response(414)
        if int(headers.get("content-length") or 0) > self._largest_body:
            return Response(413, (("connection", "close"),))
        request = Request(
            method=scope["method"],
            scheme=scope["scheme"],
            host=headers.get("host", ""),
            raw_path=raw_path,
            query=query,
            headers=headers,
            body=await self._body(headers, receive),
        )
        if raw_path.lower().startswith("/admin/"):
            return await self._admin.respond(request)
        if raw_path == "/":
            return self._home()
        found = self._routes.find(request.method, raw_path)
        if found is None:
            return Response(404)
        return await self._call(found[0], found[1], request)

    def _home(self) -> Response:
        if self._settings.is_true("AzureWebJobsDisableHomepage"):
            return Response(204)
        return Response(200, (("content-type", "text/html; charset=utf-8"),), _HOME)

    async def _body(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """Read the body; one without a length counts as empty, unless host.json says otherwise."""
        if not int(headers.get("content-length") or 0) and not (
            self._options.enable_chunked_request_binding and "transfer-encoding" in headers
        ):
            return b""
        chunks = []
        while (message := await receive())["type"] == "http.request":
            chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        return b"".join(chunks)

    async def _call(self, route: Route, values: Mapping[str, str], request: Request) -> Response:
        level = str(route.function.trigger.properties.get("authLevel") or "FUNCTION").upper()
        if self._keys and not self._keys.open_function(request, route.function.name, level):
            return Response(401)
        if route.function.is_disabled and self._keys and not self._keys.opens_admin(request):
            return Response(404)
        if 0 <= self._options.max_outstanding_requests <= self._outstanding:
            return Response(429)
        self._outstanding += 1
        task = asyncio.create_task(self._invoke(route, values, request))
        done, _ = await asyncio.wait({task}, timeout=self._front_end_seconds)
        if done:
            return task.result()
        self._late.add(task)  # the function goes on; only its caller stops waiting
        task.add_done_callback(self._late.discard)
        log.warning("'Functions.%s' gave no response for %g s", route.function.name, self._front_end_seconds)
        return Response(504)

    async def _invoke(self, route: Route, values: Mapping[str, str], request: Request) -> Response:
        trigger = Trigger(
            reason="This function was programmatically called via the host APIs.",
            data=request_datum(request, values),
            trace_parent=request.headers.get("traceparent", ""),
            trace_state=request.headers.get("tracestate", ""),
        )
        try:
            if self._turns:
                async with self._turns:
                    result = await invoke_with_retries(self._worker, route.function, trigger)
            else:
                result = await invoke_with_retries(self._worker, route.function, trigger)
            await self._outputs.send(route.function, result)
            return response_from(result.returned)
        except Exception:  # noqa: BLE001 (whatever the function raises; the invocation has logged it)
            return Response(500)
        finally:
            self._outstanding -= 1


async def _send(send: Send, response: Response, added: tuple[tuple[str, str], ...]) -> None:
    """Send a response; what the host added is not overwritten by the function's header of the same name."""
    taken = {name.lower() for name, _ in added}
    headers = [(name.lower(), value) for name, value in added]
    headers += [(name, value) for name, value in response.headers if name not in taken | _OWN_HEADERS]
    if response.status not in {204, 304}:
        headers.append(("content-length", str(len(response.body))))
    raw = [(name.encode("latin-1"), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": response.body})
