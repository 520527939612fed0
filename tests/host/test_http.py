"""Requests and responses, over real HTTP, on a running host."""

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

SETTINGS = {
    "Values": {"AzureWebJobs.disabled.Disabled": "true", "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000"},
    "Host": {"CORS": "https://page.test,https://second.test", "CORSCredentials": True},
}


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


def test_a_wrong_method_is_404_and_never_405(client: httpx.Client) -> None:
    assert client.put("/api/items/7").status_code == 200
    assert client.post("/api/items/7").status_code == 404
    assert client.head("/api/items/7").status_code == 404
    assert client.options("/api/items/7").status_code == 404


def test_a_constraint_decides_between_two_functions(client: httpx.Client) -> None:
    assert said(client.get("/api/items/007"))["route"] == {"id": "007"}
    assert said(client.get("/api/items/recent"))["thread"].startswith("function")


def test_repeated_query_keys_are_joined_and_empty_ones_dropped(client: httpx.Client) -> None:
    assert said(client.get("/api/echo?a=1&A=2&b=&c&d=x+y&d=%C3%A9"))["params"] == {"a": "1,2", "d": "x y,é"}


def test_repeated_headers_are_joined_and_names_lower_case(client: httpx.Client) -> None:
    headers = said(client.get("/api/echo", headers=[("X-Many", "1"), ("x-many", "2")]))["headers"]
    assert headers["x-many"] == "1,2"


def test_the_url_is_the_one_that_was_asked_for(client: httpx.Client, host: RunningHost) -> None:
    content = said(client.get("/api/echo/a%20b?q=%20"))
    assert content["url"] == f"{host.url}/api/echo/a%20b?q=%20"
    assert content["route"] == {"rest": "a b"}


def test_a_body_with_a_length_arrives(client: httpx.Client) -> None:
    assert said(client.post("/api/echo", content=b"\x00body"))["body"] == "\x00body"


def test_a_chunked_body_without_a_length_arrives_empty(client: httpx.Client) -> None:
    assert said(client.post("/api/echo", content=iter([b"some", b"thing"])))["body"] == ""


def test_a_body_over_the_limit_is_413(client: httpx.Client) -> None:
    assert client.post("/api/echo", content=b"x" * 1000).status_code == 200
    assert client.post("/api/echo", content=b"x" * 1001).status_code == 413


def test_a_very_long_address_is_414(client: httpx.Client) -> None:
    assert client.get(f"/api/echo?{'q' * 8200}").status_code == 414


def test_every_cookie_is_sent_on_its_own_with_its_value_encoded(client: httpx.Client) -> None:
    cookies = client.get("/api/responses/cookies").headers.get_list("set-cookie")
    assert cookies == ["a=1%2F2; path=/; samesite=strict; httponly", "b=2; max-age=60; secure"]


def test_responses_carry_status_body_and_content_type(client: httpx.Client) -> None:
    response = client.get("/api/responses/bytes")
    assert (response.status_code, response.content) == (201, b"\x00\xff")
    assert response.headers["content-type"] == "application/octet-stream"
    assert client.get("/api/responses/other").headers["content-type"] == "text/plain; charset=utf-8"


def test_204_has_a_content_type_and_no_body(client: httpx.Client) -> None:
    response = client.get("/api/responses/empty")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_an_error_is_500_with_an_empty_body_and_a_log_line(client: httpx.Client, host: RunningHost) -> None:
    response = client.get("/api/responses/error")
    assert (response.status_code, response.content) == (500, b"")
    assert "ValueError: a secret of the app" in host.log


def test_returning_none_from_an_http_function_is_500(client: httpx.Client) -> None:
    assert client.get("/api/responses/nothing").status_code == 500


def test_a_returned_str_with_a_body_is_a_response_object(client: httpx.Client) -> None:
    response = client.get("/api/text/object")
    assert (response.status_code, response.headers["x-kind"], response.json()) == (418, "teapot", {"a": 1})


def test_a_returned_str_is_written_anew_when_it_is_json_and_sent_as_it_is_otherwise(client: httpx.Client) -> None:
    assert client.get("/api/text/json").text == '{"a":1}'
    plain = client.get("/api/text/plain")
    assert (plain.text, plain.headers["content-type"]) == ("plain", "text/plain; charset=utf-8")


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


def test_custom_headers_of_host_json_are_added(client: httpx.Client) -> None:
    assert client.get("/api/echo").headers["x-frame-options"] == "DENY"


def test_an_allowed_origin_gets_its_preflight_and_its_response(client: httpx.Client) -> None:
    asked = {"Origin": "https://page.test", "Access-Control-Request-Method": "PUT",
             "Access-Control-Request-Headers": "authorization,x-own"}  # fmt: skip
    preflight = client.options("/api/items/7", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://page.test"
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-allow-methods"] == "PUT"
    assert preflight.headers["access-control-allow-headers"] == "authorization,x-own"
    response = client.get("/api/items/7", headers={"Origin": "https://second.test"})
    assert response.headers["access-control-allow-origin"] == "https://second.test"
    assert "access-control-expose-headers" not in response.headers


def test_another_origin_gets_no_permission(client: httpx.Client) -> None:
    asked = {"Origin": "https://evil.test", "Access-Control-Request-Method": "PUT"}
    assert "access-control-allow-origin" not in client.options("/api/items/7", headers=asked).headers
    assert "access-control-allow-origin" not in client.get("/api/items/7", headers=asked).headers


def test_the_hosts_cors_header_is_not_overwritten_by_the_functions(client: httpx.Client) -> None:
    headers = client.get("/api/responses/cors", headers={"Origin": "https://page.test"}).headers
    assert headers.get_list("access-control-allow-origin") == ["https://page.test"]


def test_a_disabled_function_is_404_even_where_a_later_one_would_match(client: httpx.Client) -> None:
    assert client.get("/api/disabled").status_code == 404


def test_the_home_page_says_that_the_host_is_up(client: httpx.Client) -> None:
    response = client.get("/")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_unknown_paths_are_404_with_an_empty_body(client: httpx.Client) -> None:
    for path in ("/api/none", "/other", "/runtime/webhooks/x", "/api"):
        response = client.get(path)
        assert (response.status_code, response.content) == (404, b"")


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


def test_without_enforcement_every_auth_level_is_open(client: httpx.Client) -> None:
    assert client.get("/api/master").status_code == 200
    assert client.get("/admin/host/status").status_code == 200
