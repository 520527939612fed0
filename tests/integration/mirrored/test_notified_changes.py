"""Changes that notifications bring: written when they are news of the header, and never over anything newer."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.models.accounts import Urgency
from shared.models.jobs import ApplyNotification, EnsureSubscription, FetchMessage
from shared.providers.notification_certificates import NotificationCertificates, VaultCertificates
from shared.storage.database import user_transaction
from shared.storage.messages import save_messages
from tests.integration.key_vault import running_vault
from tests.integration.mirrored.mirror import Mirror
from tests.unit.rich_content import CertificateHolder

HOLDER = CertificateHolder()
Document = dict[str, Any]


@pytest.fixture
def rich(mail: Mirror) -> Mirror:
    """A synced mailbox whose notifications bring what changed."""
    mail.engine = replace(mail.engine, certificates=NotificationCertificates({"first": HOLDER.pem}))
    return mail


async def content(rich: Mirror, message_id: str, **changes: object) -> Document:
    """The header that a notification would bring now; the request for it is not counted."""
    provider = rich.engine.provider_for(rich.account, Urgency.LIVE)
    message = (await provider.messages([message_id])).messages[0]
    rich.doorstep.reset()
    return {
        "id": message_id,
        "changeKey": message.change_key,
        "parentFolderId": message.provider_folder_id,
        "subject": message.subject,
        "bodyPreview": message.preview,
        "categories": list(message.categories),
        "importance": message.importance.value,
        "flag": {"flagStatus": {"not_flagged": "notFlagged"}.get(message.flag, message.flag)},
        "isRead": message.is_read,
        "isDraft": message.is_draft,
        "lastModifiedDateTime": message.last_modified_at.isoformat() if message.last_modified_at else None,
        "hasAttachments": message.has_attachments,
        "inferenceClassification": message.inference_classification,
        **changes,
    }


def notified(rich: Mirror, document: Document, **changes: object) -> ApplyNotification:
    sealed = HOLDER.sealed(document)
    job = ApplyNotification(
        account_id=rich.account.id,
        provider_message_id=document["id"],
        change_key=document["changeKey"],
        certificate_id="first",
        data=sealed.data,
        data_key=sealed.data_key,
        data_signature=sealed.data_signature,
    )
    return job.model_copy(update=changes)


async def change(rich: Mirror, message_id: str, **properties: object) -> Document:
    """Change a message in the mailbox, seconds after the change before; return what its notification brings."""
    rich.admin.advance_clock(5)
    rich.admin.update(rich.address, message_id, **properties)
    return await content(rich, message_id)


async def row(rich: Mirror, message_id: str) -> tuple[Any, ...]:
    sql = "SELECT is_read, flag::text, change_key FROM message WHERE provider_message_id = %s AND deleted_at IS NULL"
    rows = await rich.query(sql, message_id)
    return rows[0] if rows else ()


async def kinds_since(rich: Mirror, position: int) -> list[str]:
    return [kind for (kind,) in await rich.query("SELECT kind FROM event WHERE position > %s", position)]


async def newest_position(rich: Mirror) -> int:
    return int((await rich.query("SELECT event_position FROM app_user"))[0][0])


async def test_a_header_change_is_written_without_a_request_and_told_once(rich: Mirror) -> None:
    message_id, position = rich.ids()[0], await newest_position(rich)
    told = await change(rich, message_id, isRead=True, flag={"flagStatus": "flagged"}, categories=["Red", "Grün"])
    for _ in range(3):
        await rich.run(notified(rich, told))
    assert await row(rich, message_id) == (True, "flagged", told["changeKey"])
    assert rich.doorstep.requests == 0
    assert await kinds_since(rich, position) == ["message.updated"]
    assert rich.prove().holds


async def test_an_old_notification_sent_again_does_not_undo_a_newer_state(rich: Mirror) -> None:
    message_id = rich.ids()[0]
    older = await change(rich, message_id, isRead=True)
    newer = await change(rich, message_id, isRead=False, flag={"flagStatus": "flagged"})
    for told in (older, newer, older):
        await rich.run(notified(rich, told))
        if told is newer:
            assert rich.doorstep.requests == 0
    assert await row(rich, message_id) == (False, "flagged", newer["changeKey"])
    assert rich.prove().holds


async def test_notifications_in_the_wrong_order_leave_the_newer_state(rich: Mirror) -> None:
    message_id = rich.ids()[0]
    older = await change(rich, message_id, isRead=True)
    newer = await change(rich, message_id, isRead=False, flag={"flagStatus": "flagged"})
    position = await newest_position(rich)
    await rich.run(notified(rich, newer))
    await rich.run(notified(rich, older))
    assert await row(rich, message_id) == (False, "flagged", newer["changeKey"])
    assert await kinds_since(rich, position) == ["message.updated"]


async def test_an_answer_that_was_on_its_way_meanwhile_is_contested(rich: Mirror) -> None:
    message_id = rich.ids()[0]
    await change(rich, message_id, isRead=True)
    on_its_way = await rich.engine.provider_for(rich.account, Urgency.LIVE).messages([message_id])
    newer = await change(rich, message_id, isRead=False, flag={"flagStatus": "flagged"})
    await rich.run(notified(rich, newer))
    async with user_transaction(rich.engine.pool, rich.account.user_id) as conn:
        saved = await save_messages(conn, rich.account, on_its_way)
    assert saved.contested == (message_id,)
    assert await row(rich, message_id) == (False, "flagged", newer["changeKey"])


@pytest.mark.parametrize(
    "claimed",
    [
        {"subject": "Another subject"},
        {"bodyPreview": "Another text"},
        {"hasAttachments": "the other"},
        {"parentFolderId": "elsewhere"},
        {"isDraft": True},
        {"id": "another"},
        {"lastModifiedDateTime": "2020-01-01T00:00:00Z"},
    ],
)
async def test_what_a_header_change_does_not_explain_is_fetched(rich: Mirror, claimed: dict[str, object]) -> None:
    message_id = rich.ids()[0]
    told = await change(rich, message_id, isRead=True)
    if "hasAttachments" in claimed:
        claimed = {"hasAttachments": not told["hasAttachments"]}
    document = told | {"flag": {"flagStatus": "complete"}} | claimed
    await rich.run(notified(rich, document, provider_message_id=message_id))
    assert rich.doorstep.requests == 1
    assert await row(rich, message_id) == (True, "not_flagged", told["changeKey"])


async def test_a_second_change_within_one_second_is_fetched(rich: Mirror) -> None:
    message_id = rich.ids()[0]
    first = await change(rich, message_id, isRead=True)
    await rich.run(notified(rich, first))
    rich.admin.update(rich.address, message_id, flag={"flagStatus": "flagged"})
    second = await content(rich, message_id, lastModifiedDateTime=first["lastModifiedDateTime"])
    await rich.run(notified(rich, second))
    assert rich.doorstep.requests == 1
    assert await row(rich, message_id) == (True, "flagged", second["changeKey"])


async def test_a_new_change_key_without_a_change_that_the_header_shows_is_fetched(rich: Mirror) -> None:
    message_id = rich.ids()[0]
    told = await change(rich, message_id, conversationIndex="AQHV")
    await rich.run(notified(rich, told))
    assert rich.doorstep.requests == 1
    assert rich.prove().holds


async def test_content_brings_no_deleted_message_back(rich: Mirror) -> None:
    message_id = rich.ids()[0]
    told = await change(rich, message_id, isRead=True)
    rich.admin.delete(rich.address, message_id, permanent=True)
    await rich.run(FetchMessage(account_id=rich.account.id, provider_message_id=message_id, change="deleted"))
    await rich.run(notified(rich, told))
    assert await row(rich, message_id) == ()


@pytest.mark.parametrize("changes", [{"certificate_id": "gone"}, {"data_signature": "AAAA"}, {"data": "AAAA"}])
async def test_content_that_cannot_be_opened_has_its_message_fetched(rich: Mirror, changes: dict[str, object]) -> None:
    told = await change(rich, rich.ids()[0], isRead=True)
    await rich.run(notified(rich, told, **changes))
    assert rich.doorstep.requests == 1
    assert rich.prove().holds


@pytest.fixture
async def locked_out(rich: Mirror, tmp_path: Path) -> AsyncIterator[Mirror]:
    """The same, whose certificates are in a vault that cannot be reached."""
    with running_vault(tmp_path) as gone:
        vault = gone.vault()
    rich.engine = replace(rich.engine, certificates=VaultCertificates(vault, "notifications"))
    yield rich
    await vault.close()


async def test_content_whose_key_cannot_be_had_has_its_message_fetched(locked_out: Mirror) -> None:
    told = await change(locked_out, locked_out.ids()[0], isRead=True)
    await locked_out.run(notified(locked_out, told))
    assert locked_out.doorstep.requests == 1
    assert locked_out.prove().holds


async def test_a_subscription_whose_certificate_cannot_be_had_is_for_later(locked_out: Mirror) -> None:
    job = EnsureSubscription(account_id=locked_out.account.id)
    await locked_out.run(job)
    (later,) = locked_out.jobs.take()
    assert (later.job, later.reason) == (job, None)
    assert later.delay_seconds > 1


async def test_a_deployment_that_wants_no_content_any_more_fetches(rich: Mirror) -> None:
    told = await change(rich, rich.ids()[0], isRead=True)
    rich.engine = replace(rich.engine, certificates=None)
    await rich.run(notified(rich, told))
    assert rich.doorstep.requests == 1
    assert rich.prove().holds


async def test_a_version_that_is_stored_is_not_fetched_whatever_the_change_is_called(rich: Mirror) -> None:
    message_id = rich.ids()[0]
    stored = (await row(rich, message_id))[2]
    for named, requests in (("created", 0), ("updated", 0), ("deleted", 1)):
        job = FetchMessage(
            account_id=rich.account.id, provider_message_id=message_id, change="created", change_key=stored
        )
        await rich.run(job.model_copy(update={"change": named}))
        assert rich.doorstep.requests == requests
