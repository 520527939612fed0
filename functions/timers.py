"""Timers. Each asks the database what is due and puts jobs into queues; none of them works on a mailbox itself."""

import azure.functions as func

from shared.operators.accounts import observe
from shared.runtime import runtime
from shared.sync.audits import forget_audits, request_audits
from shared.sync.changes import request_changes
from shared.sync.revival import request_visits
from shared.sync.subscriptions import request_renewals
from shared.sync.token_keys import request_resealing
from shared.sync.upkeep import purge, sweep

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="%DELTA_SCHEDULE%")
async def follow_changes(timer: func.TimerRequest) -> None:
    await request_changes((await runtime()).engine)


@bp.timer_trigger(arg_name="timer", schedule="%RENEWAL_SCHEDULE%")
async def renew_subscriptions(timer: func.TimerRequest) -> None:
    await request_renewals((await runtime()).engine)


@bp.timer_trigger(arg_name="timer", schedule="%AUDIT_SCHEDULE%")
async def audit_mailboxes(timer: func.TimerRequest) -> None:
    await request_audits((await runtime()).engine)


@bp.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
async def sweep_unfinished(timer: func.TimerRequest) -> None:
    opened = await runtime()
    await sweep(opened.engine)
    await request_visits(opened.engine)
    await observe(opened.pool, opened.settings, opened.jobs)
    await request_resealing(opened.engine)


@bp.timer_trigger(arg_name="timer", schedule="%PURGE_SCHEDULE%")
async def purge_expired(timer: func.TimerRequest) -> None:
    from shared.mail.attachments import forget_contents  # noqa: PLC0415 - clients are heavy, this rare
    from shared.storage.oauth_flows import delete_expired_flows  # noqa: PLC0415 - as above

    opened = await runtime()
    await purge(opened.engine)
    await forget_audits(opened.engine)
    await delete_expired_flows(opened.tables)
    await forget_contents(opened.pool, opened.blobs)
