"""A guarded host: keys and auth levels enforced, no home page, few requests at once."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.host.hosting import RunningHost, copy_app, running_host


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def host(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    settings = {"Values": {
        "AzureWebJobsDisableHomepage": "true",
        "AzureFunctionsJobHost__extensions__http__maxOutstandingRequests": "2",
    }}  # fmt: skip
    app = copy_app("http", tmp_path_factory.mktemp("auth") / "app", settings=settings)
    with running_host(app, "--enable-auth", "--state", str(state)) as running:
        yield running


@pytest.fixture
def keys(host: RunningHost, state: Path) -> dict[str, str]:
    saved = json.loads((state / "keys.json").read_text())
    return {**saved["functions"], "master": saved["master"], "host": saved["host"]}


def status(host: RunningHost, path: str, key: str = "") -> int:
    response = httpx.get(f"{host.url}{path}", headers={"x-functions-key": key} if key else {})
    assert response.status_code == 200 or response.content == b""
    return response.status_code


def test_an_anonymous_function_needs_no_key(host: RunningHost) -> None:
    assert status(host, "/api/echo") == 200


def test_a_function_opens_to_its_own_the_hosts_and_the_master_key(host: RunningHost, keys: dict[str, str]) -> None:
    assert [status(host, "/api/context", keys[name]) for name in ("tell_context", "host", "master")] == [200] * 3
    assert [status(host, "/api/context", key) for key in ("", "wrong", keys["b_recent"])] == [401] * 3


def test_an_admin_function_and_the_admin_endpoints_open_to_the_master_key_alone(
    host: RunningHost, keys: dict[str, str]
) -> None:
    for path in ("/api/master", "/admin/host/status"):
        assert status(host, path, keys["master"]) == 200
        assert [status(host, path, key) for key in ("", keys["host"], keys["b_recent"])] == [401] * 3


def test_the_header_wins_over_the_query(host: RunningHost, keys: dict[str, str]) -> None:
    path = f"/api/context?code={keys['tell_context']}"
    assert status(host, path) == 200
    assert status(host, path, "wrong") == 401


def test_keys_are_private_and_survive_a_restart(host: RunningHost, keys: dict[str, str], state: Path) -> None:
    assert (state / "keys.json").stat().st_mode & 0o077 == 0
    httpx.post(f"{host.url}/admin/host/restart", headers={"x-functions-key": keys["master"]})
    assert status(host, "/api/context", keys["tell_context"]) == 200


def test_a_disabled_home_page_is_204(host: RunningHost) -> None:
    assert httpx.get(host.url).status_code == 204


async def test_requests_over_the_outstanding_limit_are_429(host: RunningHost, keys: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=host.url, headers={"x-functions-key": keys["master"]}) as client:
        asked = [client.get("/api/slow?seconds=0.4") for _ in range(4)]
        assert sorted([answer.status_code for answer in await asyncio.gather(*asked)]) == [200, 200, 429, 429]
