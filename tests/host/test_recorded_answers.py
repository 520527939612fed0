"""Our host, request by request, beside what Microsoft's is recorded to answer: `tests/host/recorded/http.json`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.host.exchanges import Answer, Exchange, difference, play, read_exchanges
from tests.host.hosting import RunningHost, copy_app, running_host

OPEN = {
    "Values": {"AzureWebJobs.disabled.Disabled": "true", "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1000"},
    "Host": {"CORS": "https://page.test,https://second.test", "CORSCredentials": True},
}
GUARDED = {
    "Values": {"AzureWebJobs.disabled.Disabled": "true", "AzureWebJobsDisableHomepage": "true"},
    "Host": {"CORS": "https://page.test"},
}


@pytest.fixture(scope="module")
def open_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    with running_host(copy_app("http", tmp_path_factory.mktemp("open") / "app", settings=OPEN)) as running:
        yield running


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def guarded_host(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHost]:
    app = copy_app("http", tmp_path_factory.mktemp("guarded") / "app", settings=GUARDED)
    with running_host(app, "--enable-auth", "--state", str(state)) as running:
        yield running


@pytest.fixture(scope="module")
def keys(guarded_host: RunningHost, state: Path) -> dict[str, str]:
    saved = json.loads((state / "keys.json").read_text())
    return {**saved["functions"], "master": saved["master"], "host": saved["host"]}


@pytest.mark.parametrize("exchange", read_exchanges("open"), ids=str)
def test_the_open_host_answers_as_recorded(exchange: Exchange, open_host: RunningHost) -> None:
    answer = play(exchange, open_host.url, {})
    assert difference(exchange, answer, open_host.url) == [], exchange.source


@pytest.mark.parametrize("exchange", read_exchanges("guarded"), ids=str)
def test_the_guarded_host_answers_as_recorded(
    exchange: Exchange, guarded_host: RunningHost, keys: dict[str, str]
) -> None:
    answer = play(exchange, guarded_host.url, keys)
    assert difference(exchange, answer, guarded_host.url) == [], exchange.source


def test_an_answer_that_differs_in_anything_recorded_is_seen() -> None:
    expected = {"status": 200, "headers": {"x": ["1"]}, "body": "{}", "said": {"a": 1}, "said_headers": {"h": "1"}}
    exchange = Exchange("", "", {}, {**expected, "body": '{"a": 1, "headers": {"h": "1"}}'})
    same = Answer(200, [("x", "1")], b'{"a": 1, "headers": {"h": "1"}}')
    assert difference(exchange, same, "") == []
    for other, count in (
        (replace(same, status=201), 1),
        (replace(same, headers=[]), 1),
        (replace(same, headers=[("x", "1"), ("x", "2")]), 1),
        (replace(same, body=b'{"a": 2, "headers": {}}'), 3),
    ):
        assert len(difference(exchange, other, "")) == count
