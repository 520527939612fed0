"""Errors become problems, and requests become models or clear refusals."""

import json
from collections.abc import Iterator
from uuid import uuid4

import azure.functions as func
import pytest
from pydantic import ValidationError

from shared.errors import (
    InvalidRequest,
    MailError,
    NotFound,
    PayloadTooLarge,
    ProviderUnavailable,
    Unauthenticated,
    UnsupportedMediaType,
)
from shared.http import (
    BODY_MAX_BYTES,
    STATUS_BY_ERROR,
    bearer_token,
    parsed_body,
    parsed_query,
    problem,
    status_of,
    uuid_param,
)
from shared.models.api import ChangeQuery, MessageQuery, SignUp

HEADERS = {"content-type": "application/json"}


def descendants(error: type[MailError]) -> Iterator[type[MailError]]:
    for child in error.__subclasses__():
        yield child
        yield from descendants(child)


def request(body: bytes = b"", **parts: dict[str, str]) -> func.HttpRequest:
    return func.HttpRequest("POST", "https://api.contoso.example/api/x", body=body, **parts)


@pytest.mark.parametrize("error", list(descendants(MailError)), ids=lambda error: error.__name__)
def test_every_error_has_a_status_of_its_own_or_its_parents(error: type[MailError]) -> None:
    assert any(base in STATUS_BY_ERROR for base in error.__mro__)
    assert 400 <= status_of(error) <= 503


def test_codes_name_one_error_each() -> None:
    codes = [error.code for error in descendants(MailError) if "code" in vars(error)]
    assert len(set(codes)) == len(codes)


def test_a_problem_tells_title_and_code_but_never_the_message() -> None:
    response = problem(NotFound("folder 17 of ada@contoso.example"), "request-1")
    body = json.loads(response.get_body())
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    assert body == {
        "type": "/problems/not_found",
        "title": NotFound.title,
        "status": 404,
        "errors": [],
        "request_id": "request-1",
    }


def test_the_providers_wish_becomes_retry_after_in_whole_seconds() -> None:
    response = problem(ProviderUnavailable("busy", retry_after_seconds=2.1), "request-1")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "3")


def test_a_missing_sign_in_says_how_to_sign_in() -> None:
    assert problem(Unauthenticated(""), "r").headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "bearer"])
def test_only_a_bearer_token_is_one(header: str) -> None:
    with pytest.raises(Unauthenticated):
        bearer_token(request(headers={"authorization": header}))


def test_the_scheme_is_read_without_case() -> None:
    assert bearer_token(request(headers={"authorization": "bEARER abc"})) == "abc"


@pytest.mark.parametrize("text", ["", "x", "{not a guid}", "(0b8f6d2e-7c1a-5f0e-9a57-3d1c0a4f7e21)"])
def test_what_is_no_uuid_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        uuid_param(request(route_params={"id": text}), "id")


def test_a_uuid_is_read_in_the_spellings_that_the_host_lets_through() -> None:
    wanted = uuid4()
    for text in (str(wanted), str(wanted).upper(), wanted.hex, f"{{{wanted}}}"):
        assert uuid_param(request(route_params={"id": text}), "id") == wanted


def refused(body: bytes, headers: dict[str, str] = HEADERS) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parsed_body(request(body, headers=headers), SignUp)
    return caught.value


@pytest.mark.parametrize("media_type", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonx"])
def test_a_body_must_say_that_it_is_json(media_type: str) -> None:
    assert isinstance(refused(b"{}", {"content-type": media_type}), UnsupportedMediaType)


def test_a_charset_beside_the_type_is_fine() -> None:
    body = b'{"email": "ada@contoso.example", "password": "long enough"}'
    read = parsed_body(request(body, headers={"content-type": "Application/JSON; charset=utf-8"}), SignUp)
    assert read.email == "ada@contoso.example"


def test_a_body_over_the_limit_is_refused() -> None:
    assert isinstance(refused(b" " * (BODY_MAX_BYTES + 1)), PayloadTooLarge)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"a":' * 1000, b'{"password": "\\ud800aaaaaaaaaaa"}']
)
def test_a_body_that_is_not_such_an_object_is_refused(body: bytes) -> None:
    assert refused(body).errors


def test_each_field_in_error_is_named() -> None:
    errors = refused(b'{"email": "nobody", "password": "short", "admin": true}').errors
    assert {error["field"] for error in errors} == {"email", "password", "admin"}
    assert all(error["message"] for error in errors)


def test_nul_is_refused_with_its_field() -> None:
    errors = refused(b'{"email": "ada@contoso.example", "password": "long enough", "name": "a\\u0000b"}').errors
    assert errors == ({"field": "name", "message": "must not contain U+0000 or unpaired surrogates"},)


def test_what_was_sent_is_not_sent_back() -> None:
    error = refused(b'{"email": "x", "password": "hunter2"}')
    assert "hunter2" not in json.dumps(error.errors)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"after": "2026-01-01T00:00:00"}, "after"),
        ({"folder_id": "inbox"}, "folder_id"),
        ({"unread": "perhaps"}, "unread"),
        ({"q": "a\x00"}, "q"),
        ({"q": "a\ud800"}, "q"),
        ({"colour": "red"}, "colour"),
        ({"from_": "ada"}, "from_"),
    ],
)
def test_a_bad_query_names_its_key(params: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed_query(request(params=params), MessageQuery)
    assert [error["field"] for error in caught.value.errors] == [field]


@pytest.mark.parametrize("wait", ["nan", "inf", "-1", "26"])
def test_a_wait_has_an_end(wait: str) -> None:
    with pytest.raises(InvalidRequest):
        parsed_query(request(params={"wait_seconds": wait}), ChangeQuery)


def test_a_position_fits_the_database() -> None:
    with pytest.raises(ValidationError):
        ChangeQuery(after=2**63)
