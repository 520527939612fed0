"""Queue triggers: one per queue, so that each scales by itself, and one per poison queue."""

import azure.functions as func

from shared.jobs import CHANGES_QUEUE, LIVE_QUEUE, SYNC_QUEUE, UPKEEP_QUEUE
from shared.runtime import runtime
from shared.sync.dispatch import record_poison, run_job

STORAGE = "AzureWebJobsStorage"
bp = func.Blueprint()


@bp.queue_trigger(arg_name="message", queue_name=LIVE_QUEUE, connection=STORAGE)
async def run_live_job(message: func.QueueMessage) -> None:
    await run_job((await runtime()).engine, message.get_body())


@bp.queue_trigger(arg_name="message", queue_name=SYNC_QUEUE, connection=STORAGE)
async def run_sync_job(message: func.QueueMessage) -> None:
    await run_job((await runtime()).engine, message.get_body())


@bp.queue_trigger(arg_name="message", queue_name=CHANGES_QUEUE, connection=STORAGE)
async def run_changes_job(message: func.QueueMessage) -> None:
    await run_job((await runtime()).engine, message.get_body())


@bp.queue_trigger(arg_name="message", queue_name=UPKEEP_QUEUE, connection=STORAGE)
async def run_upkeep_job(message: func.QueueMessage) -> None:
    await run_job((await runtime()).engine, message.get_body())


@bp.queue_trigger(arg_name="message", queue_name=f"{LIVE_QUEUE}-poison", connection=STORAGE)
async def record_poison_live_job(message: func.QueueMessage) -> None:
    await record_poison((await runtime()).engine, LIVE_QUEUE, message.get_body())


@bp.queue_trigger(arg_name="message", queue_name=f"{SYNC_QUEUE}-poison", connection=STORAGE)
async def record_poison_sync_job(message: func.QueueMessage) -> None:
    await record_poison((await runtime()).engine, SYNC_QUEUE, message.get_body())


@bp.queue_trigger(arg_name="message", queue_name=f"{CHANGES_QUEUE}-poison", connection=STORAGE)
async def record_poison_changes_job(message: func.QueueMessage) -> None:
    await record_poison((await runtime()).engine, CHANGES_QUEUE, message.get_body())


@bp.queue_trigger(arg_name="message", queue_name=f"{UPKEEP_QUEUE}-poison", connection=STORAGE)
async def record_poison_upkeep_job(message: func.QueueMessage) -> None:
    await record_poison((await runtime()).engine, UPKEEP_QUEUE, message.get_body())
