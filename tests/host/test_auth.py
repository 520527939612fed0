"""A guarded host: where its keys are kept, and few requests at once. What opens what: test_recorded_answers.py."""

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
    settings = {"Values": {"AzureFunctionsJobHost__extensions__http__maxOutstandingRequests": "2"}}
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


def test_keys_are_private_and_survive_a_restart(host: RunningHost, keys: dict[str, str], state: Path) -> None:
    assert (state / "keys.json").stat().st_mode & 0o077 == 0
    httpx.post(f"{host.url}/admin/host/restart", headers={"x-functions-key": keys["master"]})
    assert status(host, "/api/context", keys["tell_context"]) == 200


async def test_requests_over_the_outstanding_limit_are_429(host: RunningHost, keys: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=host.url, headers={"x-functions-key": keys["master"]}) as client:
        asked = [client.get("/api/slow?seconds=0.4") for _ in range(4)]
        assert sorted([answer.status_code for answer in await asyncio.gather(*asked)]) == [200, 200, 429, 429]
