"""Changes that a notification brought along, carried into the row without asking the provider."""

import logging

from shared.errors import ProviderMisconfigured, ProviderRejected, ServiceUnavailable
from shared.jobs import Later
from shared.models.accounts import ConnectedAccount
from shared.models.api import ChangeKind
from shared.models.jobs import ApplyNotification, FetchMessage
from shared.models.mail import MailMessage
from shared.providers.graph.notification_content import message_from_content
from shared.storage.events import Event
from shared.storage.header_changes import apply_header_change
from shared.sync.engine import Engine, recorded_transaction
from shared.sync.live import fetch_message
from shared.telemetry import record_lag

log = logging.getLogger(__name__)


async def apply_notification(engine: Engine, account: ConnectedAccount, job: ApplyNotification) -> list[Later]:
    """
    Write a change of a message's header as the notification brought it; fetch the message in every other case.

    What is late, repeated or replayed never overwrites a newer row: the change must be later than the row's.
    """
    if message := await _content(engine, job):
        async with recorded_transaction(engine, account) as (conn, events):
            message_id = await apply_header_change(conn, account, message)
            if message_id:
                events.append(Event(ChangeKind.MESSAGE_UPDATED, account.id, message_id=message_id))
        if message_id:
            record_lag(job.noticed_at, message.last_modified_at)
            return []
    return await fetch_message(engine, account, _fetch(job))


async def _content(engine: Engine, job: ApplyNotification) -> MailMessage | None:
    if engine.certificates is None:
        return None
    try:
        return message_from_content(
            await engine.certificates.private_key(job.certificate_id),
            data=job.data,
            data_key=job.data_key,
            data_signature=job.data_signature,
            provider_message_id=job.provider_message_id,
        )
    except (ProviderRejected, ProviderMisconfigured, ServiceUnavailable) as exc:
        log.warning(
            "a notification's content left aside", extra={"account_id": str(job.account_id), "reason": str(exc)}
        )
        return None


def _fetch(job: ApplyNotification) -> FetchMessage:
    return FetchMessage(
        account_id=job.account_id,
        provider_message_id=job.provider_message_id,
        change="updated",
        change_key=job.change_key,
        noticed_at=job.noticed_at,
        failures=job.failures,
    )
