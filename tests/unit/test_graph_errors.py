"""What Graph's refusals mean."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from shared.errors import (
    AdminConsentRequired,
    CursorExpired,
    MailboxUnavailable,
    ProviderError,
    ProviderItemNotFound,
    ProviderRejected,
    ProviderUnavailable,
    ReauthenticationRequired,
    Throttled,
)
from shared.providers.graph.errors import AlreadyExists, IdMalformed, TimedOut, error_from
from shared.providers.retry_after import retry_after_seconds
from tests.unit.graph_json import graph_error


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "ErrorInvalidIdMalformed", IdMalformed),
        (400, "ErrorInvalidUrlQuery", ProviderRejected),
        (400, "InefficientFilter", ProviderRejected),
        (401, "InvalidAuthenticationToken", ReauthenticationRequired),
        (403, "ErrorAccessDenied", MailboxUnavailable),
        (403, "Authorization_RequestDenied", AdminConsentRequired),
        (403, "", MailboxUnavailable),
        (404, "ErrorItemNotFound", ProviderItemNotFound),
        (404, "ErrorSyncFolderNotFound", ProviderItemNotFound),
        (404, "SomethingNew", ProviderItemNotFound),
        (404, "MailboxNotEnabledForRESTAPI", MailboxUnavailable),
        (404, "ResourceNotFound", MailboxUnavailable),
        (409, "ObjectIdentifierInUse", AlreadyExists),
        (409, "", AlreadyExists),
        (410, "SyncStateNotFound", CursorExpired),
        (410, "syncStateNotFound", CursorExpired),
        (410, "resyncRequired", CursorExpired),
        (410, "", CursorExpired),
        (400, "SyncStateInvalid", CursorExpired),
        (429, "ApplicationThrottled", Throttled),
        (429, "TooManyRequests", Throttled),
        (429, "", Throttled),
        (500, "ErrorServerBusy", Throttled),
        (500, "", ProviderUnavailable),
        (503, "serviceNotAvailable", ProviderUnavailable),
        (404, "ErrorMailboxStoreUnavailable", ProviderUnavailable),
        (400, "UnknownError", ProviderUnavailable),
        (504, "", TimedOut),
        (504, "UnknownError", TimedOut),
        (302, "", ProviderUnavailable),
        (418, "SomethingNew", ProviderRejected),
    ],
)
def test_the_code_decides_and_then_the_status(status: int, code: str, error: type[ProviderError]) -> None:
    assert type(error_from(status, {}, graph_error(code))) is error


@pytest.mark.parametrize("document", [None, {}, {"error": "text"}, {"error": {"code": None}}, ["x"], "x"])
def test_a_refusal_without_an_error_is_told_by_its_status(document: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    assert type(error_from(503, {}, document)) is ProviderUnavailable
    assert type(error_from(429, {}, document)) is Throttled


@pytest.mark.parametrize("status", [400, 404, 410, 500, 502])
def test_a_page_of_html_is_a_gateway_in_trouble_whatever_its_status(status: int) -> None:
    assert type(error_from(status, {}, None)) is ProviderUnavailable


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1", 1), ("2.128", 2.128), ("10", 10), ("-5", 0), (None, None), ("soon", None), ("nan", None)],
)
def test_the_wait_asked_for_is_kept(header: str | None, seconds: float | None) -> None:
    headers = {} if header is None else {"Retry-After": header}
    error = error_from(429, headers, graph_error("TooManyRequests"))
    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == seconds


def test_the_wait_may_be_a_date() -> None:
    seconds = retry_after_seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert seconds is not None
    assert 85 < seconds <= 90
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize("skew_minutes", [-10, 0, 10])
def test_a_date_is_read_by_the_clock_that_wrote_it(skew_minutes: int) -> None:
    theirs = datetime.now(UTC) + timedelta(minutes=skew_minutes)
    headers = {
        "Date": format_datetime(theirs, usegmt=True),
        "Retry-After": format_datetime(theirs + timedelta(seconds=90), usegmt=True),
    }
    error = error_from(429, headers, graph_error("TooManyRequests"))
    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == 90


@pytest.mark.parametrize(("value", "seconds"), [("-5", 0), ("1e300", 3600), ("inf", 3600), ("Infinity", 3600)])
def test_an_absurd_wait_is_cut_to_an_hour_or_none(value: str, seconds: float) -> None:
    assert retry_after_seconds(value) == seconds


@pytest.mark.parametrize("value", ["", "nan", "soon", "Wed, 99 Foo 2015", "Fri, 31 Dec 99999 00:00:00 GMT"])
def test_a_wait_that_cannot_be_read_is_no_wait(value: str) -> None:
    assert retry_after_seconds(value) is None


def test_a_busy_service_that_names_a_wait_holds_the_mailbox_back() -> None:
    error = error_from(503, {"Retry-After": "7"}, None)
    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == 7


def test_the_message_keeps_code_wording_and_request_id_and_no_address() -> None:
    document = graph_error("ErrorItemNotFound", "Mailbox ada@contoso.example is busy.", **{"request-id": "r-1"})
    assert str(error_from(404, {}, document)) == ("404 ErrorItemNotFound: Mailbox <address> is busy. (request-id r-1)")
    assert "(request-id r-2)" in str(error_from(404, {"Request-Id": "r-2"}, document))
