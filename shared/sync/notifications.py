"""Graph's change notifications, turned into jobs."""

import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, cast
from uuid import UUID

from shared.errors import InvalidRequest
from shared.jobs import Later
from shared.models.jobs import AnyJob, EnsureSubscription, FetchMessage, SyncChanges
from shared.settings import Settings
from shared.sync.subscriptions import account_id_from

log = logging.getLogger(__name__)
CHANGES: Final = ("created", "updated", "deleted")
LONGEST_ID: Final = 1024
LONGEST_CHANGE_KEY: Final = 512


def jobs_from(settings: Settings, delivery: bytes) -> list[Later]:
    """
    Read a delivery into jobs, one for each message that it names; what does not prove to be ours is passed over.

    The delivery may be acknowledged once these are in their queues. Raises InvalidRequest when the body is no delivery.
    """
    found = [job for item in _items_from(delivery) for job in _jobs_of(settings, item)]
    return [Later(job) for job in collapse(found)]


def collapse(jobs: Iterable[AnyJob]) -> list[AnyJob]:
    """
    Leave one job of those that would do the same, for one account or one of its messages.

    An arrival is told as created and then updated, and anything may be told twice. What is deleted stays a job of its
    own, because it alone does not wait for a message that is not there.
    """
    kept: dict[tuple[object, ...], AnyJob] = {}
    for job in jobs:
        if not isinstance(job, FetchMessage):
            kept[job.kind, job] = job
            continue
        what = (job.kind, job.account_id, job.provider_message_id, job.change == "deleted")
        known = kept.get(what)
        kept[what] = _both(known, job) if isinstance(known, FetchMessage) else job
    return list(kept.values())


def _both(one: FetchMessage, other: FetchMessage) -> FetchMessage:
    """Join two jobs of a message. Which of two change keys is the newer one is not told, so neither spares the GET."""
    key = one.change_key if one.change_key == other.change_key else None
    stronger = one if one.change == "created" else other
    return stronger.model_copy(update={"change_key": key})


def _items_from(body: bytes) -> list[Any]:
    try:
        delivery = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest("The body is not JSON.") from exc
    items = delivery.get("value") if isinstance(delivery, dict) else None
    if not isinstance(items, list):
        raise InvalidRequest('The body has no list "value".')
    return items


def _jobs_of(settings: Settings, item: Any) -> Iterator[AnyJob]:  # noqa: ANN401 - whatever JSON holds
    client_state = item.get("clientState") if isinstance(item, dict) else None
    account_id = account_id_from(settings, client_state) if isinstance(client_state, str) else None
    if account_id is None:
        log.warning("notification without a valid clientState passed over")
    elif "lifecycleEvent" in item:
        yield from _after_lifecycle_event(account_id, item["lifecycleEvent"])
    else:
        yield _after_change(account_id, item)


def _after_lifecycle_event(account_id: UUID, event: object) -> Iterator[AnyJob]:
    """Do all that any event asks for when it is one that we do not know."""
    if event != "missed":
        yield EnsureSubscription(account_id=account_id, renew_now=True)
    if event != "reauthorizationRequired":
        yield SyncChanges(account_id=account_id, is_thorough=True)


def _after_change(account_id: UUID, item: dict[str, Any]) -> AnyJob:
    """Fetch the message; where it is not told which, have delta look everywhere."""
    told = item.get("resourceData")
    data: dict[str, Any] = told if isinstance(told, dict) else {}
    message_id = _text(data.get("id"), LONGEST_ID)
    change = str(item.get("changeType")).lower()
    if message_id is None or change not in CHANGES:
        return SyncChanges(account_id=account_id, is_thorough=True)
    return FetchMessage(
        account_id=account_id,
        provider_message_id=message_id,
        change=cast(Literal["created", "updated", "deleted"], change),
        change_key=_change_key_from(data),
    )


def _text(value: object, longest: int) -> str | None:
    """Take what a job can carry and the database compare: no control characters, no lone surrogates."""
    is_usable = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
    return value if isinstance(value, str) and is_usable else None


def _change_key_from(data: dict[str, Any]) -> str | None:
    """Take the change key out of an etag such as W/"CQAAABYA"."""
    etag = data.get("@odata.etag")
    return _text(etag.removeprefix("W/").strip('"'), LONGEST_CHANGE_KEY) if isinstance(etag, str) else None
