"""Graph's change notifications, turned into jobs."""

import json
import logging
from collections.abc import Iterator
from typing import Any, Final, Literal, cast

from shared.errors import InvalidRequest
from shared.jobs import Later
from shared.models.jobs import AnyJob, EnsureSubscription, FetchMessage, SyncChanges
from shared.settings import Settings
from shared.sync.subscriptions import account_id_from

log = logging.getLogger(__name__)
CHANGES: Final = ("created", "updated", "deleted")
LONGEST_ID: Final = 1024


def jobs_from(settings: Settings, delivery: bytes) -> list[Later]:
    """
    Read a delivery into jobs, one for each message that it names; what does not prove to be ours is passed over.

    The delivery may be acknowledged once these are in their queues. Raises InvalidRequest when the body is no delivery.
    """
    wanted = dict.fromkeys(job for item in _items_from(delivery) for job in _jobs_of(settings, item))
    return [Later(job) for job in wanted]


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
        return
    if "lifecycleEvent" in item:
        yield EnsureSubscription(account_id=account_id, renew_now=True)
        if item["lifecycleEvent"] != "reauthorizationRequired":  # subscriptionRemoved, missed, or what comes later
            yield SyncChanges(account_id=account_id)
        return
    told = item.get("resourceData")
    data: dict[str, Any] = told if isinstance(told, dict) else {}
    message_id = data.get("id")
    change = str(item.get("changeType")).lower()
    if not isinstance(message_id, str) or not 0 < len(message_id) <= LONGEST_ID or change not in CHANGES:
        yield SyncChanges(account_id=account_id)
        return
    yield FetchMessage(
        account_id=account_id,
        provider_message_id=message_id,
        change=cast(Literal["created", "updated", "deleted"], change),
        change_key=_change_key_from(data),
    )


def _change_key_from(data: dict[str, Any]) -> str | None:
    """Take the change key out of an etag such as W/"CQAAABYA"."""
    etag = data.get("@odata.etag")
    return etag.removeprefix("W/").strip('"')[:512] if isinstance(etag, str) else None
