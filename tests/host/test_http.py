"""What a running host does beside answering as recorded (test_recorded_answers.py): logs, patience, connections."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.host.hosting import RunningHost, copy_app, eventually, running_host

SETTINGS = {"Values": {"AzureWebJobs.disabled.Disabled": "true"}}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_app("http", tmp_path_factory.mktemp("http") / "app", settings=SETTINGS)


@pytest.fixture(scope="module")
def host(app: Path) -> Iterator[RunningHost]:
    with running_host(app, "--front-end-seconds", "1") as running:
        yield running


@pytest.fixture
def client(host: RunningHost) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=host.url) as opened:
        yield opened


def said(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    return content


def test_a_function_that_is_no_coroutine_runs_on_a_thread(client: httpx.Client) -> None:
    assert said(client.get("/api/items/recent"))["thread"].startswith("function")


def test_an_error_is_logged(client: httpx.Client, host: RunningHost) -> None:
    client.get("/api/responses/error")
    assert "ValueError: a secret of the app" in host.log


def test_the_context_names_the_function_and_the_trace(client: httpx.Client, host: RunningHost, app: Path) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    content = said(client.get("/api/context", headers={"traceparent": parent}))
    assert content["function_name"] == "tell_context"
    assert content["function_directory"] == str(app)
    assert content["trace_parent"] == parent
    assert content["retry_count"] == 0
    assert f"Executed 'Functions.tell_context' (Succeeded, Id={content['invocation_id']}" in host.log


def test_the_apps_log_lines_carry_the_function_and_their_fields(client: httpx.Client, host: RunningHost) -> None:
    client.get("/api/context")
    assert "[tell_context] in context answer=42" in host.log


def test_the_front_end_gives_up_and_the_function_goes_on(client: httpx.Client, host: RunningHost) -> None:
    before = host.log.count("Executed 'Functions.slow' (Succeeded")
    assert client.get("/api/slow?seconds=1.3").status_code == 504
    eventually(lambda: host.log.count("Executed 'Functions.slow' (Succeeded") > before)


def test_a_function_that_blocks_its_loop_does_not_stop_the_host(client: httpx.Client, host: RunningHost) -> None:
    with socket.create_connection((urlsplit(host.url).hostname or "", urlsplit(host.url).port or 0)) as blocked:
        blocked.sendall(b"GET /api/slow?seconds=0.6 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.get("/api/items/recent", timeout=0.5).status_code == 200


def test_a_connection_serves_several_requests(host: RunningHost) -> None:
    address = urlsplit(host.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    for number in range(3):
        connection.request("POST", "/api/echo", body=str(number))
        assert json.loads(connection.getresponse().read())["body"] == str(number)
    connection.close()


def test_the_functions_and_their_addresses_are_printed(host: RunningHost) -> None:
    printed = "".join(host.printed)
    assert f"a_item: [GET,PUT] {host.url}/api/items/{{id:int}}" in printed
    assert f"echo: [all methods] {host.url}/api/echo/{{*rest}}" in printed
    assert "(disabled)" in printed
