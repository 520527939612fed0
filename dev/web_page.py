"""
`python -m dev.web_page`: serve the built page as Azure Static Web Apps would, from its `staticwebapp.config.json`.

Paths without a file get the page itself, and the headers are those of the configuration. Two things differ, because
all is plain HTTP on one machine: `/config.json` names the local API, and the headers let the page reach it.
"""

import argparse
import json
import socket
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

_CONFIGURATION = "staticwebapp.config.json"
_HTTPS_ONLY = "strict-transport-security"
_POLICY = "content-security-policy"
_LOCAL_SOURCES = "connect-src http://127.0.0.1:* ws://127.0.0.1:* "


def create_site(files: Path, api_base_url: str) -> Starlette:
    """Return the site of the files that `npm run build` wrote."""
    configuration = json.loads((files / _CONFIGURATION).read_text())
    fallback = configuration.get("navigationFallback") or {}
    static = StaticFiles(directory=files, html=True)

    async def config(_request: Request) -> Response:
        return JSONResponse({"apiBaseUrl": api_base_url}, headers=_headers(configuration, "/config.json"))

    async def not_found(request: Request, error: Exception) -> Response:
        path = request.url.path
        if any(fnmatchcase(path, pattern) for pattern in fallback.get("exclude", [])):
            return Response(str(error), status_code=404)
        return FileResponse(files / "index.html", headers=_headers(configuration, "/index.html"))

    async def file(request: Request) -> Response:
        response = await static.get_response(request.path_params["path"] or ".", request.scope)
        response.headers.update(_headers(configuration, request.url.path))
        return response

    return Starlette(
        routes=[Route("/config.json", config), Route("/{path:path}", file, methods=["GET", "HEAD"])],
        exception_handlers={404: not_found},
    )


def _headers(configuration: Mapping[str, Any], path: str) -> dict[str, str]:
    headers: dict[str, str] = dict(configuration.get("globalHeaders") or {})
    for route in configuration.get("routes") or []:
        if fnmatchcase(path, route["route"]):
            headers |= route.get("headers") or {}
            break
    headers.pop(_HTTPS_ONLY, None)
    if policy := headers.get(_POLICY):
        headers[_POLICY] = policy.replace("connect-src ", _LOCAL_SOURCES, 1)
    return headers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.web_page", description="Serve the built page.")
    parser.add_argument("--files", type=Path, required=True, help="folder that `npm run build` wrote")
    parser.add_argument("--port", type=int, default=5173)
    parser.add_argument("--api-base-url", required=True)
    options = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", options.port))
    print(f"Listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    site = create_site(options.files, options.api_base_url)
    uvicorn.Server(uvicorn.Config(site, log_level="warning", server_header=False)).run(sockets=[listening])


if __name__ == "__main__":
    main()
