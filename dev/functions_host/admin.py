"""The host's own endpoints below /admin."""

import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from dev.functions_host.application import AppFunction
from dev.functions_host.http_messages import Request, Response
from dev.functions_host.keys import Keys
from dev.functions_host.routing import RouteTable

_JSON: Final = (("content-type", "application/json; charset=utf-8"),)
_VERSION: Final = "4.0.0-local"


@dataclass(frozen=True, slots=True)
class HostControls:
    """What /admin can do to the host. `run` starts a function in the background."""

    run: Callable[[AppFunction, str], None]
    restart: Callable[[], None]
    drain: Callable[[], Awaitable[None]]
    resume: Callable[[], Awaitable[None]]


class Admin:
    def __init__(
        self,
        functions: Iterable[AppFunction],
        routes: RouteTable,
        controls: HostControls,
        *,
        host_id: str,
        keys: Keys | None,
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._addresses = {route.function.name: route.address for route in routes.routes}
        self._controls = controls
        self._host_id = host_id
        self._keys = keys
        self._started = time.monotonic()
        self._is_draining = False

    async def respond(self, request: Request) -> Response:
        path = [unquote(part) for part in request.raw_path.strip("/").split("/")[1:]]
        if self._keys and not self._keys.opens_admin(request) and [part.lower() for part in path] != ["host", "ping"]:
            return Response(401)
        match request.method, [path[0].lower(), *path[1:]]:
            case _, ["host", *rest]:
                return await self._respond_host(request.method, "/".join(rest).lower())
            case "GET", ["functions"]:
                return _json([self._described(function, request) for function in self._functions.values()])
            case method, ["functions", name, *rest] if function := self._functions.get(name.lower()):
                return self._respond_function(function, method, rest, request)
        return Response(404)

    async def _respond_host(self, method: str, name: str) -> Response:  # noqa: PLR0911 (a table, written as cases)
        match method, name:
            case "GET", "status":
                return _json(self._status())
            case "GET" | "POST", "ping":
                return Response(200)
            case "POST", "synctriggers":
                return _json({"status": "success"})
            case "POST", "restart":
                self._controls.restart()
                return Response(200)
            case "POST", "drain":
                self._is_draining = True
                await self._controls.drain()
                return Response(202)
            case "POST", "resume":
                self._is_draining = False
                await self._controls.resume()
                return _json({"state": "Running"})
        return Response(404)

    def _respond_function(self, function: AppFunction, method: str, rest: list[str], request: Request) -> Response:
        if method == "GET" and not rest:
            return _json(self._described(function, request))
        if method == "GET" and [part.lower() for part in rest] == ["status"]:
            return _json({"isDisabled": function.is_disabled} if function.is_disabled else {})
        if method == "POST" and not rest:
            return self._run(function, request)
        return Response(404)

    def _run(self, function: AppFunction, request: Request) -> Response:
        try:
            content = json.loads(request.body)
        except ValueError:
            return Response(400)
        if not isinstance(content, dict) or function.is_http or function.foreign_bindings:
            return Response(400)
        given = content.get("input")
        self._controls.run(function, given if isinstance(given, str) else "" if given is None else json.dumps(given))
        return Response(202)

    def _status(self) -> dict[str, Any]:
        return {
            "id": self._host_id,
            "state": "Running",
            "version": _VERSION,
            "versionDetails": _VERSION,
            "platformVersion": "",
            "instanceId": "",
            "processUptime": round((time.monotonic() - self._started) * 1000),
            "functionAppContentEditingState": "NotAllowed",
            "isDraining": self._is_draining,
        }

    def _described(self, function: AppFunction, request: Request) -> dict[str, Any]:
        root = f"{request.scheme}://{request.host}"
        address = self._addresses.get(function.name)
        return {
            "name": function.name,
            "href": f"{root}/admin/functions/{function.name}",
            "invoke_url_template": f"{root}{address}" if address else None,
            "language": "python",
            "config": {"name": function.name, "bindings": [binding.properties for binding in function.bindings]},
            "isDisabled": function.is_disabled,
        }


def _json(content: Any) -> Response:  # noqa: ANN401 (any JSON value)
    return Response(200, _JSON, json.dumps(content).encode())
