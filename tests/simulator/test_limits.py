"""Limits: four at a time, so many in ten minutes, and what a refusal looks like."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.simulator.people import Person


@pytest.fixture(autouse=True)
def plain_limits(other_person: Person) -> Iterator[None]:
    yield
    other_person.admin.limits(concurrency=4, window_requests=10_000, window_seconds=600, retry_after="integer")
    other_person.admin.latency(0)
    other_person.admin.clear_faults()


async def at_once(person: Person, count: int) -> list[httpx.Response]:
    async with httpx.AsyncClient(
        base_url=person.http.base_url, headers=person.http.headers, verify=person.admin.tls, trust_env=False
    ) as http:
        return await asyncio.gather(*(http.get("/me/mailFolders/inbox") for _ in range(count)))


async def test_four_requests_at_a_time_pass(other_person: Person) -> None:
    other_person.admin.latency(1000)
    answers = await at_once(other_person, 4)
    assert {answer.status_code for answer in answers} == {200}
    usage = other_person.admin.usage(other_person.address)
    assert (usage["peakConcurrency"], usage["throttled"]) == (4, {})


async def test_the_fifth_request_at_a_time_is_refused_as_exchange_does(other_person: Person) -> None:
    other_person.admin.latency(1000)
    answers = await at_once(other_person, 6)
    assert Counter(answer.status_code for answer in answers) == {200: 4, 429: 2}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json() == {
        "error": {
            "code": "ApplicationThrottled",
            "message": "Application is over its MailboxConcurrency limit.",
        }
    }
    assert refused.headers["Retry-After"] == "1"
    usage = other_person.admin.usage(other_person.address)
    assert usage["throttled"] == {"concurrency": 2}
    assert usage["peakConcurrency"] >= 5


async def test_a_client_that_goes_away_is_no_longer_in_flight(other_person: Person) -> None:
    other_person.admin.latency(60_000)
    for _ in range(4):
        with pytest.raises(httpx.ReadTimeout):
            other_person.http.get("/me/mailFolders/inbox", timeout=0.2)
    other_person.admin.latency(0)
    assert other_person.get("/me/mailFolders/inbox").status_code == 200


def test_too_many_requests_in_the_window_are_refused_until_it_has_passed(other_person: Person) -> None:
    other_person.admin.limits(window_requests=5)
    statuses = [other_person.get("/me/mailFolders/inbox").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    refused = other_person.get("/me/mailFolders/inbox")
    error = refused.json()["error"]
    assert error["code"] == "TooManyRequests"
    assert error["innerError"]["status"] == "429"
    assert 590 <= int(refused.headers["Retry-After"]) <= 600
    assert other_person.admin.usage(other_person.address)["throttled"] == {"window": 2}
    other_person.admin.advance_clock(601)
    assert other_person.get("/me/mailFolders/inbox").status_code == 200


@pytest.mark.parametrize("form", ["integer", "fraction", "date", "absent"])
def test_retry_after_comes_in_every_form_that_was_seen(other_person: Person, form: str) -> None:
    other_person.admin.limits(window_requests=1, window_seconds=60, retry_after=form)
    _, answer = (other_person.get("/me/mailFolders/inbox") for _ in range(2))
    text = answer.headers.get("Retry-After")
    if form == "absent":
        assert text is None
    elif form == "date":
        assert parsedate_to_datetime(text) > parsedate_to_datetime(answer.headers["Date"])
    else:
        assert ("." in text) == (form == "fraction")
        assert 55 < float(text) <= 60


def test_mailboxes_do_not_share_their_limits(other_person: Person, person: Person) -> None:
    other_person.admin.throttle(other_person.address, 30)
    refused = other_person.get("/me/mailFolders/inbox")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert person.get("/me/mailFolders/inbox").status_code == 200


def test_every_answer_carries_the_service_s_headers(person: Person) -> None:
    mine = "11111111-2222-3333-4444-555555555555"
    for path, status in (("/me", 200), ("/me/nothing", 501)):
        answer = person.get(path, **{"client-request-id": mine})
        assert answer.status_code == status
        assert answer.headers["client-request-id"] == mine
        assert len(answer.headers["request-id"]) == 36
        assert answer.headers["x-ms-ags-diagnostic"].startswith("{")
        assert answer.headers["cache-control"] == "private"
        assert answer.headers["date"]
