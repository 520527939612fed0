"""The document is whole and true: every route is in it, and what it says is what happens."""

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import function_app  # noqa: F401 - importing it declares every endpoint
from shared.http import OPERATIONS
from shared.openapi import document_from
from shared.version import VERSION
from tests.api.conftest import PASSWORD
from tests.host.hosting import RunningHost

EXAMPLES: Final = 12
ALWAYS: Final = [not_a_server_error, status_code_conformance]
load_all_checks()
schema = schemathesis.openapi.from_dict(document_from(OPERATIONS, version=VERSION))


@pytest.fixture(scope="session")
def document(host: RunningHost) -> dict[str, Any]:
    answer = httpx.get(f"{host.url}/api/openapi.json", trust_env=False)
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


@pytest.fixture(scope="session")
def token(host: RunningHost) -> str:
    body = {"email": "schemathesis@contoso.example", "password": PASSWORD}
    answer = httpx.post(f"{host.url}/api/auth/signup", json=body, trust_env=False)
    return str(answer.json()["access_token"])


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
def test_any_request_gets_an_answer_that_is_described(
    case: schemathesis.Case[Any], host: RunningHost, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    if "wait_seconds" in (case.query or {}):
        case.query["wait_seconds"] = shortened(case.query["wait_seconds"])
    answer = case.call(base_url=f"{host.url}/api", headers=headers, timeout=60)
    case.validate_response(answer, checks=ALWAYS)
    if answer.content:  # the host's own 404 for a path that is no route is empty
        case.validate_response(answer, checks=[content_type_conformance, response_schema_conformance])


def shortened(seconds: object) -> object:
    """Shorten a wait that the document allows; leave what it does not."""
    if not re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", str(seconds)):
        return seconds
    return 0.1 if 0.1 < float(str(seconds)) <= 25 else seconds


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_http_function_is_described(host: RunningHost, document: dict[str, Any]) -> None:
    functions = httpx.get(f"{host.url}/admin/functions", trust_env=False).json()
    triggers = {
        (each["name"], binding["methods"][0].upper(), binding["route"])
        for each in functions
        for binding in each["config"]["bindings"]
        if binding["type"] == "httpTrigger"
    }
    served = {f"{method} /{re.sub(r':[^}]*', '', route)}": name for name, method, route in triggers}
    assert served == {name: operation["operationId"] for name, operation in operations(document)}


def test_every_path_parameter_is_constrained(host: RunningHost) -> None:
    """Routes match in the order of function names, so that an open parameter would take others' requests."""
    for each in httpx.get(f"{host.url}/admin/functions", trust_env=False).json():
        for binding in each["config"]["bindings"]:
            assert not re.search(r"{\w+}", binding.get("route", "")), each["name"]


def test_every_operation_says_what_it_is_and_what_can_go_wrong(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["tags"], name
        assert {"500", "503"} <= operation["responses"].keys(), name
        assert any(status.startswith(("2", "3")) for status in operation["responses"]), name
        assert ("401" in operation["responses"]) or not operation["security"], name


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    names = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert names == document["components"]["schemas"].keys()


def test_the_page_for_people_shows_every_operation_and_runs_nothing(
    host: RunningHost, document: dict[str, Any]
) -> None:
    page = httpx.get(f"{host.url}/api/docs", trust_env=False)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert not re.search(r"(?:src|href)='(?:https?:)?//", page.text)
    for _, operation in operations(document):
        assert f"id='{operation['operationId']}'" in page.text


def test_health_asks_nobody_and_readiness_says_what_is_missing(host: RunningHost) -> None:
    assert httpx.get(f"{host.url}/api/health", trust_env=False).json()["status"] == "ok"
    ready = httpx.get(f"{host.url}/api/ready", trust_env=False)
    assert ready.json() == {"status": "ready", "checks": {"database": "ok", "queues": "ok"}}
