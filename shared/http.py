"""
Requests in, replies out, errors to problem+json.

An endpoint is declared once, and from that come its route, its checks and its place in the OpenAPI document.
"""

import json
import logging
import math
import re
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import getdoc
from time import perf_counter
from typing import Any, Final, Literal, TypeVar
from uuid import UUID, uuid4

import azure.functions as func
import psycopg
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import (
    AdminConsentRequired,
    ChangesExpired,
    Conflict,
    Forbidden,
    InvalidRequest,
    JobInvalid,
    MailboxUnavailable,
    MailError,
    NotFound,
    PayloadTooLarge,
    ProviderError,
    ProviderItemNotFound,
    ProviderUnavailable,
    ReauthenticationRequired,
    ServiceUnavailable,
    StorageFailed,
    Unauthenticated,
    UnsupportedMediaType,
    is_outage,
)
from shared.telemetry import request_span

log = logging.getLogger(__name__)

BODY_MAX_BYTES: Final = 1024 * 1024
PROBLEM_TYPE: Final = "application/problem+json"
PATH_PARAMETER: Final = re.compile(r"{(?P<name>\w+)(?::(?P<constraint>\w+))?}")

STATUS_BY_ERROR: Final[Mapping[type[MailError], int]] = {
    InvalidRequest: 400,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    ChangesExpired: 410,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    ServiceUnavailable: 503,
    JobInvalid: 500,
    StorageFailed: 500,
    ProviderError: 502,
    ProviderUnavailable: 503,
    ReauthenticationRequired: 409,
    AdminConsentRequired: 409,
    MailboxUnavailable: 409,
    ProviderItemNotFound: 404,
}

Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]
SecurityScheme = Literal["accessToken", "operatorKey"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Model = TypeVar("Model", bound=BaseModel)


class FieldError(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)

    field: str  # dotted path into the body or query; empty when the whole is meant
    message: str


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    type: str
    title: str
    status: int
    errors: list[FieldError] = []
    request_id: str


@dataclass(frozen=True, slots=True)
class Content:
    """A reply that is not JSON."""

    media_type: str
    description: str


Reply = type[BaseModel] | Content | None


@dataclass(frozen=True, slots=True)
class Operation:
    """What an endpoint takes, answers and refuses."""

    name: str
    method: Method
    route: str  # an ASP.NET template below the prefix
    summary: str
    description: str
    tag: str
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    replies: Mapping[int, Reply]
    raises: Sequence[type[MailError]]
    public: bool
    scheme: SecurityScheme = "accessToken"  # what proves who asks, unless it is public


OPERATIONS: Final[list[Operation]] = []
"""Every endpoint that this process has declared, in the order of declaration."""


def endpoint(  # noqa: PLR0913 - the facts of an operation, named at each declaration
    bp: func.Blueprint,
    method: Method,
    route: str,
    *,
    summary: str,
    tag: str,
    replies: Mapping[int, Reply],
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    raises: Sequence[type[MailError]] = (),
    public: bool = False,
    scheme: SecurityScheme = "accessToken",
) -> Callable[[Handler], Handler]:
    """
    Declare an HTTP endpoint; the function's name becomes the host's name for it.

    The host takes the first matching route in the order of those names, so every path parameter carries a constraint.
    `raises` lists what callers should expect beyond a bad or unsigned request.
    """

    def declare(handler: Handler) -> Handler:
        name, description = handler.__name__, getdoc(handler) or ""
        operation = Operation(
            *(name, method, route, summary, description, tag), query, body, replies, raises, public, scheme
        )
        OPERATIONS.append(operation)
        answer = _answering(operation, handler)
        bp.route(route=route, methods=[method], auth_level=func.AuthLevel.ANONYMOUS)(answer)
        return answer

    return declare


def _answering(operation: Operation, handler: Handler) -> Handler:
    @wraps(handler)
    async def answer(req: func.HttpRequest) -> func.HttpResponse:
        request_id, started = uuid4().hex, perf_counter()
        facts = {"http.request.method": operation.method, "http.route": f"/api/{operation.route}"}
        with request_span(operation.name, facts, theirs=req.headers.get("traceparent")) as answering:
            try:
                response = await handler(req)
            except Exception as exc:  # noqa: BLE001 - the last chance to answer in our own words
                response = _refusal(exc, request_id, operation.name)
            answering.note({"http.response.status_code": response.status_code, "mail.request_id": request_id})
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Request-Id"] = request_id
        milliseconds = round((perf_counter() - started) * 1000)
        told = {"operation": operation.name, "request_id": request_id, "status": response.status_code}
        log.info("request answered", extra={**told, "milliseconds": milliseconds})
        return response

    return answer


def _refusal(exc: Exception, request_id: str, operation: str) -> func.HttpResponse:
    facts = {"operation": operation, "request_id": request_id}
    if isinstance(exc, psycopg.OperationalError | PoolTimeout) or (
        isinstance(exc, psycopg.Error) and exc.sqlstate and is_outage(exc.sqlstate)
    ):
        log.warning("the database is not answering", extra={**facts, "error": type(exc).__name__})
        return problem(ServiceUnavailable("the database is not answering"), request_id)
    if not isinstance(exc, MailError):
        # Without the message: it may quote mail.
        stack = "".join(traceback.format_tb(exc.__traceback__))
        log.error("request failed", extra={**facts, "error": type(exc).__name__, "stack": stack})
        return problem(MailError("unexpected"), request_id)
    level = logging.WARNING if status_of(type(exc)) >= 500 else logging.INFO  # noqa: PLR2004 - HTTP's server errors
    log.log(level, "request refused", extra={**facts, "error_code": exc.code})
    return problem(exc, request_id)


def status_of(error: type[MailError]) -> int:
    return next((STATUS_BY_ERROR[base] for base in error.__mro__ if base in STATUS_BY_ERROR), 500)


def problem(error: MailError, request_id: str) -> func.HttpResponse:
    """Tell what may be told: the message, which may quote a provider, stays in the log."""
    status = status_of(type(error))
    errors = [FieldError(**each) for each in error.errors] if isinstance(error, InvalidRequest) else []
    body = Problem(
        type=f"/problems/{error.code}", title=error.title, status=status, errors=errors, request_id=request_id
    )
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, ProviderUnavailable | ServiceUnavailable):
        headers["Retry-After"] = str(math.ceil(error.retry_after_seconds or 1))
    return func.HttpResponse(body.model_dump_json(), status_code=status, mimetype=PROBLEM_TYPE, headers=headers)


# Requests in


def parsed_query(req: func.HttpRequest, model: type[Model]) -> Model:
    """Read the query string. The host drops keys without a value and joins repeated ones with a comma."""
    try:
        return model.model_validate(dict(req.params))
    except ValidationError as exc:
        raise _invalid(exc) from exc


def parsed_body(req: func.HttpRequest, model: type[Model]) -> Model:
    """Read a JSON body of at most 1 MiB."""
    media_type = req.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("send the body as application/json")
    body = req.get_body()
    if len(body) > BODY_MAX_BYTES:
        raise PayloadTooLarge(f"send at most {BODY_MAX_BYTES} bytes")
    try:
        return model.model_validate_json(body)
    except ValidationError as exc:
        raise _invalid(exc) from exc


def _invalid(exc: ValidationError) -> InvalidRequest:
    found = exc.errors(include_url=False, include_context=False, include_input=False)
    errors = [
        {"field": ".".join(map(str, each["loc"])), "message": each["msg"].removeprefix("Value error, ")}
        for each in found
    ]
    return InvalidRequest(f"{len(errors)} errors", errors=tuple(errors))


def uuid_param(req: func.HttpRequest, name: str) -> UUID:
    """Read a path parameter. The host's own `guid` allows spellings that are no UUID to us: nothing is there."""
    text = req.route_params.get(name) or ""
    try:
        return UUID(text)
    except ValueError as exc:
        raise NotFound(f"{name} is not a UUID") from exc


def bearer_token(req: func.HttpRequest) -> str:
    scheme, _, token = str(req.headers.get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("no bearer token")
    return token.strip()


# Replies out


def reply(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    text = body.model_dump_json(by_alias=True)
    return func.HttpResponse(text, status_code=status, mimetype="application/json", headers=dict(headers or {}))


def accepted(body: BaseModel) -> func.HttpResponse:
    return reply(body, 202)


def no_content(headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(status_code=204, headers=dict(headers or {}))


def redirect(url: str, headers: Mapping[str, str] | None = None) -> func.HttpResponse:
    return func.HttpResponse(status_code=302, headers={**(headers or {}), "Location": url})


def json_document(document: Mapping[str, Any]) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(document), mimetype="application/json")
