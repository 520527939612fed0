"""Several GETs in one request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from shared.errors import (
    MailboxUnavailable,
    ProviderError,
    ProviderItemNotFound,
    ProviderUnavailable,
    ReauthenticationRequired,
    Throttled,
)
from shared.providers.graph.client import IMMUTABLE_IDS, Answer, GraphClient, Question
from shared.providers.graph.errors import IdMalformed, error_from
from shared.telemetry import THROTTLED_SECONDS, record

MOST_PATHS: Final = 19  # of the 20 that Graph takes, one is the anchor
OK: Final = 200
FAILED_DEPENDENCY: Final = 424
_ANCHOR: Final = "0"
_ANCHOR_PATH: Final = "me/mailFolders/msgfolderroot?$select=id"


@dataclass(frozen=True, slots=True)
class Part:
    """The answer to one path."""

    status: int
    headers: Mapping[str, str]
    document: dict[str, Any] | None  # None when it is not a JSON object


def found_in(part: Part) -> dict[str, Any] | None:
    """Take the item out of a part; None when it is not there. Raises what else the part says."""
    if part.status == OK:
        if part.document is None:
            raise ProviderUnavailable("a part of a batch that is not a JSON object")
        return part.document
    error = _error_of(part)
    if isinstance(error, ProviderItemNotFound | IdMalformed):
        return None
    raise error


async def get_together(client: GraphClient, paths: Sequence[str]) -> tuple[datetime, dict[str, Part]]:
    """
    Ask for at most `MOST_PATHS` paths; return when, and the answers by path. Some may be missing: ask again.

    All of them depend on the anchor, a GET that every mailbox can answer. Without dependencies Graph works on four at a
    time, each of which counts; those that depend on one request run one after the other, so that a batch takes one of
    the mailbox's places, not four. In a chain the first failure would fail all after it.

    Raises Throttled with the longest wait when any part was throttled, and the anchor's error when it failed.
    """
    by_id = {str(number): path for number, path in enumerate(paths, start=1)}
    requests = [_request(_ANCHOR, _ANCHOR_PATH), *(_request(number, path, _ANCHOR) for number, path in by_id.items())]
    question = Question("POST", "$batch", (IMMUTABLE_IDS,), {"requests": requests})
    answer = await client.ask(question, check=partial(_raise_refusals, frozenset(by_id)))
    parts = _parts_from(answer)
    return answer.asked_at, {path: parts[number] for number, path in by_id.items() if number in parts}


def _request(number: str, path: str, *depends_on: str) -> dict[str, Any]:
    request: dict[str, Any] = {
        "id": number,
        "method": "GET",
        "url": f"/{path}",
        "headers": {"Prefer": IMMUTABLE_IDS},
    }
    return request | {"dependsOn": list(depends_on)} if depends_on else request


def _parts_from(answer: Answer) -> dict[str, Part]:
    """Read the parts by id, leaving out those that are no answer and those that were never asked."""
    responses = answer.document.get("responses")
    if not isinstance(responses, list):
        raise ProviderUnavailable("a batch's answer without responses")
    date = {"Date": answer.date} if answer.date else {}  # which parts lack, and their Retry-After may need
    parts = {str(told.get("id")): _part(told, date) for told in responses if isinstance(told, dict)}
    return {number: part for number, part in parts.items() if part.status != FAILED_DEPENDENCY}


def _part(told: Mapping[str, Any], date: Mapping[str, str]) -> Part:
    told_headers, document, status = told.get("headers"), told.get("body"), told.get("status")
    headers = told_headers if isinstance(told_headers, dict) else {}
    return Part(
        status=status if isinstance(status, int) else int(str(status)) if str(status).isdigit() else 0,
        headers={**date, **{str(name): str(value) for name, value in headers.items()}},
        document=document if isinstance(document, dict) else None,
    )


def _error_of(part: Part) -> ProviderError:
    """Tell what a part says. A token that was good for the batch and is refused within it is for the next request."""
    error = error_from(part.status, part.headers, part.document)
    if isinstance(error, ReauthenticationRequired):
        return ProviderUnavailable(f"within a batch: {error}")
    return error


def _raise_refusals(expected: frozenset[str], answer: Answer) -> None:
    parts = _parts_from(answer)
    errors = [_error_of(part) for part in parts.values() if part.status != OK]
    throttled = [error for error in errors if isinstance(error, Throttled)]
    if throttled:
        longest = max(throttled, key=lambda error: error.retry_after_seconds or 0)
        record(THROTTLED_SECONDS, longest.retry_after_seconds or 0)
        raise longest
    anchor = parts.get(_ANCHOR)
    if anchor and anchor.status != OK:
        error = _error_of(anchor)
        if isinstance(error, ProviderItemNotFound):  # a mailbox without a root is no place to look for messages
            raise MailboxUnavailable(str(error)) from error
        raise error
    if not expected & parts.keys():
        raise ProviderUnavailable("a batch in which nothing was answered")
