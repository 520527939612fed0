"""Following delta in a mirrored mailbox."""

from typing import Any

from shared.models.jobs import StartSync, SyncChanges, SyncLane
from shared.storage.database import user_transaction
from shared.storage.subscriptions import save_subscription
from tests.integration.mirrored.mirror import Mirror


async def follow(mail: Mirror, *, is_thorough: bool = False) -> None:
    await mail.run(SyncChanges(account_id=mail.account.id, is_thorough=is_thorough))


async def finish_run(mail: Mirror) -> None:
    """Carry out the run that a visit asked for."""
    for later in mail.jobs.take(StartSync)[:1]:
        await mail.run(later.job)
    while jobs := mail.jobs.take(SyncLane):
        await mail.run(jobs[0].job)


async def events_since(mail: Mirror, position: int) -> list[tuple[str, Any]]:
    return await mail.query("SELECT kind, message_id FROM event WHERE position > %s ORDER BY position", position)


async def newest_position(mail: Mirror) -> int:
    return int((await mail.query("SELECT max(position) FROM event"))[0][0])


async def subscribe(mail: Mirror) -> None:
    """As if notifications had been promised long ago."""
    async with user_transaction(mail.engine.pool, mail.account.user_id) as conn:
        await save_subscription(
            conn,
            mail.account.user_id,
            mail.account.id,
            provider_subscription_id="subscription",
            expires_at=(await mail.query("SELECT now() + interval '7 days'"))[0][0],
            terms="terms",
            share=0.5,
        )
    await mail.query("UPDATE subscription SET made_at = now() - interval '1 day'")
