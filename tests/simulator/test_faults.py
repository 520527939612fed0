"""Failures on demand: which requests they hit, and what a client sees."""

import base64
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from dev.graph_simulator.fixture import RunningSimulator
from tests.simulator.people import Person

INBOX = "/me/mailFolders/inbox"


@pytest.fixture(autouse=True)
def no_faults_left(simulator: RunningSimulator) -> Iterator[None]:
    yield
    simulator.admin.clear_faults()


def fault(person: Person, action: str, **rule: object) -> None:
    person.admin.fault(action, mailbox=person.address, **rule)


@pytest.mark.parametrize(
    ("action", "status", "code"),
    [
        ("throttled", 429, "TooManyRequests"),
        ("concurrency", 429, "ApplicationThrottled"),
        ("unavailable", 503, "serviceNotAvailable"),
        ("timeout", 504, "UnknownError"),
        ("failed", 500, "InternalServerError"),
        ("unauthorized", 401, "InvalidAuthenticationToken"),
        ("gone", 410, "SyncStateNotFound"),
    ],
)
def test_the_next_request_fails_and_the_one_after_it_does_not(
    person: Person, action: str, status: int, code: str
) -> None:
    fault(person, action)
    answer = person.get(INBOX)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert person.get(INBOX).status_code == 200


def test_any_error_of_the_service_can_be_asked_for(person: Person) -> None:
    fault(person, "error", status=404, code="MailboxNotEnabledForRESTAPI", message="The mailbox is inactive.")
    answer = person.get(INBOX)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "MailboxNotEnabledForRESTAPI")


@pytest.mark.parametrize(
    ("form", "check"),
    [
        ("integer", r"5"),
        ("fraction", r"5\.\d+"),
        ("date", r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"),
    ],
)
def test_retry_after_has_the_form_asked_for(person: Person, form: str, check: str) -> None:
    fault(person, "throttled", retry_after=form, retry_after_seconds=5)
    answer = person.get(INBOX)
    assert re.fullmatch(check, answer.headers["Retry-After"])
    if form == "date":
        assert parsedate_to_datetime(answer.headers["Retry-After"]) > parsedate_to_datetime(answer.headers["Date"])


def test_an_answer_can_be_html_or_empty(person: Person) -> None:
    fault(person, "html")
    html = person.get(INBOX)
    assert (html.status_code, html.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    fault(person, "empty")
    empty = person.get(INBOX)
    assert (empty.status_code, empty.content) == (200, b"")


async def test_a_connection_can_be_reset(person: Person) -> None:
    fault(person, "reset")
    # Not with a synchronous client: Python's blocking TLS sockets take a reset for an end.
    async with httpx.AsyncClient(headers=person.http.headers, verify=person.admin.tls, trust_env=False) as http:
        with pytest.raises(httpx.ReadError):
            await http.get(f"{person.simulator.graph_base_url}{INBOX}")
    assert person.get(INBOX).status_code == 200


def test_an_answer_can_stop_halfway(person: Person) -> None:
    fault(person, "half")
    with pytest.raises(httpx.RemoteProtocolError):
        person.get(INBOX)
    assert person.get(INBOX).status_code == 200


async def test_an_answer_can_be_torn_off_halfway(person: Person) -> None:
    fault(person, "torn")
    async with httpx.AsyncClient(headers=person.http.headers, verify=person.admin.tls, trust_env=False) as http:
        with pytest.raises(httpx.ReadError):
            await http.get(f"{person.simulator.graph_base_url}{INBOX}")
    assert person.get(INBOX).status_code == 200


def test_an_answer_can_trickle(person: Person) -> None:
    whole = person.get(INBOX).json()
    fault(person, "trickle", milliseconds=400)
    with person.http.stream("GET", INBOX) as answer:
        started = time.perf_counter()
        pieces = [(time.perf_counter() - started, piece) for piece in answer.iter_raw()]
    assert json.loads(b"".join(piece for _, piece in pieces)) == whole
    assert len(pieces) > 5
    assert pieces[-1][0] > 0.3


def test_dates_of_answers_go_with_the_clock(other_person: Person) -> None:
    other_person.admin.advance_clock(-600)
    try:
        other_person.admin.fault("throttled", mailbox=other_person.address, retry_after="date", retry_after_seconds=5)
        answer = other_person.get(INBOX)
        told = parsedate_to_datetime(answer.headers["Date"])
        assert 590 < (datetime.now(UTC) - told).total_seconds() < 630
        assert 4 < (parsedate_to_datetime(answer.headers["Retry-After"]) - told).total_seconds() < 8
    finally:
        other_person.admin.advance_clock(600)


def test_an_answer_can_be_slow(person: Person) -> None:
    fault(person, "slow", milliseconds=300)
    started = time.perf_counter()
    assert person.get(INBOX).status_code == 200
    assert time.perf_counter() - started > 0.3


def test_the_latency_grows_with_the_messages_of_an_answer(other_person: Person) -> None:
    other_person.admin.make_synthetic(other_person.address, 20)
    other_person.admin.latency(10, per_message=20)
    started = time.perf_counter()
    other_person.get("/me/messages?$top=20")
    assert time.perf_counter() - started > 0.41
    other_person.admin.latency(0)


def test_a_claims_challenge_is_in_the_header(person: Person) -> None:
    fault(person, "challenge")
    answer = person.get(INBOX)
    assert answer.status_code == 401
    header = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in header
    claims = re.search(r'claims="([^"]+)"', header)
    assert claims
    assert "access_token" in json.loads(base64.b64decode(claims[1]))


def test_a_rule_hits_what_it_names_after_the_ones_that_pass(person: Person) -> None:
    fault(person, "failed", path="messages/delta", method="GET", after=1, times=2)
    statuses = [person.get(f"{INBOX}/messages/delta").status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert person.get(f"{INBOX}/messages").status_code == 200
    assert person.admin.faults()[0]["fired"] == 2


def test_a_share_of_requests_fails_the_same_way_for_the_same_seed(person: Person) -> None:
    runs = []
    for _ in range(2):
        fault(person, "unavailable", share=0.5, times=None, seed=7)
        runs.append([person.get(INBOX).status_code for _ in range(20)])
        person.admin.clear_faults()
    assert runs[0] == runs[1]
    assert 3 < runs[0].count(503) < 17


def test_the_sign_in_service_fails_on_demand_too(simulator: RunningSimulator) -> None:
    simulator.admin.fault("unavailable", path="openid-configuration")
    with httpx.Client(base_url=simulator.authority, verify=simulator.admin.tls, trust_env=False) as http:
        assert http.get("/v2.0/.well-known/openid-configuration").status_code == 503
        assert http.get("/v2.0/.well-known/openid-configuration").status_code == 200


def test_an_admin_body_with_a_typing_error_is_refused_by_name(simulator: RunningSimulator) -> None:
    with pytest.raises(httpx.HTTPStatusError) as failed:
        simulator.admin.fault("throttled", tims=3)
    assert "tims" in failed.value.__notes__[0]
