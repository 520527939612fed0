"""Graph's change notifications, turned into jobs."""

import json
import logging
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from uuid import UUID

from pydantic import ValidationError

from shared.errors import InvalidRequest
from shared.jobs import Later
from shared.models.jobs import AnyJob, ApplyNotification, EnsureSubscription, FetchMessage, SyncChanges
from shared.secrets import Secrets
from shared.settings import Settings
from shared.sync.subscriptions import account_id_from

if TYPE_CHECKING:
    from shared.providers.entra.validation_tokens import ValidationTokens

log = logging.getLogger(__name__)
CHANGES: Final = ("created", "updated", "deleted")
LONGEST_ID: Final = 1024
LONGEST_CHANGE_KEY: Final = 512
Change = Literal["created", "updated", "deleted"]
OfMessage = FetchMessage | ApplyNotification


async def read_delivery(settings: Settings, secrets: Secrets, senders: "ValidationTokens", body: bytes) -> list[Later]:
    """
    Read a delivery into jobs, one for each message that it names; what does not prove to be ours is passed over.

    Content is taken along, still encrypted, when all of the delivery's senders prove to be Microsoft; else it only
    names messages. The delivery may be acknowledged once these jobs are in their queues. Raises InvalidRequest when
    the body is no delivery.
    """
    delivery = _delivery_from(body)
    tokens = delivery.get("validationTokens")
    is_rich = settings.rich_notifications and isinstance(tokens, list)
    if not is_rich or not any(_account_id_of(secrets, item) for item in delivery["value"]):
        return jobs_from(secrets, delivery["value"])
    return jobs_from(secrets, delivery["value"], tenants=await senders.tenants(cast(list[object], tokens)))


def jobs_from(secrets: Secrets, items: Iterable[Any], *, tenants: Collection[str] = ()) -> list[Later]:
    """Read a delivery's items into jobs, with the content of those from `tenants`."""
    found = [job for item in items for job in _jobs_of(secrets, item, tenants)]
    return [Later(job) for job in collapse(found)]


def collapse(jobs: Iterable[AnyJob]) -> list[AnyJob]:
    """
    Leave one job of those that would do the same, for one account or one of its messages.

    An arrival is told as created and then updated, and anything may be told twice. What is deleted stays a job of its
    own, because it alone does not wait for a message that is not there.
    """
    kept: dict[object, AnyJob] = {}
    for job in jobs:
        if isinstance(job, FetchMessage | ApplyNotification):
            what = (job.account_id, job.provider_message_id, _change_of(job) == "deleted")
            known = kept.get(what)
            kept[what] = _both(known, job) if isinstance(known, FetchMessage | ApplyNotification) else job
        else:
            kept[job] = job
    return list(kept.values())


def _both(one: OfMessage, other: OfMessage) -> OfMessage:
    """Join two jobs of a message. Which of two change keys is the newer one is not told, so neither spares the GET."""
    if one == other:
        return one
    return FetchMessage(
        account_id=one.account_id,
        provider_message_id=one.provider_message_id,
        change="created" if "created" in (_change_of(one), _change_of(other)) else _change_of(one),
        change_key=one.change_key if one.change_key == other.change_key else None,
    )


def _change_of(job: OfMessage) -> Change:
    return job.change if isinstance(job, FetchMessage) else "updated"


def _delivery_from(body: bytes) -> dict[str, Any]:
    try:
        delivery = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest("The body is not JSON.") from exc
    if not isinstance(delivery, dict) or not isinstance(delivery.get("value"), list):
        raise InvalidRequest('The body has no list "value".')
    return delivery


def _account_id_of(secrets: Secrets, item: Any) -> UUID | None:  # noqa: ANN401 - whatever JSON holds
    client_state = item.get("clientState") if isinstance(item, dict) else None
    return account_id_from(secrets, client_state) if isinstance(client_state, str) else None


def _jobs_of(secrets: Secrets, item: Any, tenants: Collection[str]) -> Iterator[AnyJob]:  # noqa: ANN401 - as above
    account_id = _account_id_of(secrets, item)
    if account_id is None:
        log.warning("notification without a valid clientState passed over")
    elif "lifecycleEvent" in item:
        yield from _after_lifecycle_event(account_id, item["lifecycleEvent"])
    else:
        job = _after_change(account_id, item)
        yield _with_content(job, item) if str(item.get("tenantId")).lower() in tenants else job


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
        change=cast(Change, change),
        change_key=_change_key_from(data),
    )


def _with_content(job: AnyJob, item: dict[str, Any]) -> AnyJob:
    """Take the content of an update along. New messages are fetched for their bodies, deleted ones have none."""
    content = item.get("encryptedContent")
    if not isinstance(job, FetchMessage) or job.change != "updated" or not isinstance(content, dict):
        return job
    taken_along = {
        **job.model_dump(include={"account_id", "provider_message_id", "change_key"}),
        "certificate_id": content.get("encryptionCertificateId"),
        "data": content.get("data"),
        "data_key": content.get("dataKey"),
        "data_signature": content.get("dataSignature"),
    }
    try:
        return ApplyNotification.model_validate(taken_along)
    except ValidationError:  # too large for a queue message, or not what we know
        return job


def _text(value: object, longest: int) -> str | None:
    """Take what a job can carry and the database compare: no control characters, no lone surrogates."""
    is_usable = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
    return value if isinstance(value, str) and is_usable else None


def _change_key_from(data: dict[str, Any]) -> str | None:
    """Take the change key out of an etag such as W/"CQAAABYA"."""
    etag = data.get("@odata.etag")
    return _text(etag.removeprefix("W/").strip('"'), LONGEST_CHANGE_KEY) if isinstance(etag, str) else None
