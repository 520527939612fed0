"""Live jobs that came in one queue message: each runs, and fails, for itself."""

from typing import Any

from shared.jobs import LIVE_QUEUE
from shared.models.accounts import ConnectedAccount, Urgency
from shared.models.jobs import FetchMessage, JobBatch
from shared.sync.dispatch import record_poison, run_job
from shared.sync.engine import Engine
from tests.integration.mirrored.mirror import Mirror


def deliver(mail: Mirror, count: int) -> JobBatch:
    arrived = [mail.admin.deliver(mail.address, folder="inbox")["immutableId"] for _ in range(count)]
    return JobBatch(
        jobs=tuple(
            FetchMessage(account_id=mail.account.id, provider_message_id=one, change="created") for one in arrived
        )
    )


def body_of(batch: JobBatch) -> bytes:
    return batch.model_dump_json(exclude_none=True).encode()


def with_one_failure(engine: Engine) -> Engine:
    """The engine, with a provider that breaks the first time."""
    asked: list[Urgency] = []

    def provider_for(account: ConnectedAccount, urgency: Urgency) -> Any:  # noqa: ANN401 - a provider
        asked.append(urgency)
        if len(asked) == 1:
            raise RuntimeError("a fault of ours")
        return engine.provider_for(account, urgency)

    return Engine(engine.settings, engine.secrets, engine.pool, engine.jobs, provider_for, engine.announce)


async def test_every_job_of_a_batch_is_done(mail: Mirror) -> None:
    batch = deliver(mail, 16)
    for _ in range(2):  # a batch may be delivered twice, too
        await run_job(mail.engine, body_of(batch))
        assert mail.prove().holds
    assert mail.jobs.apart == []


async def test_a_job_that_fails_is_sent_again_alone_and_the_others_are_done(mail: Mirror) -> None:
    batch = deliver(mail, 5)
    await run_job(with_one_failure(mail.engine), body_of(batch))
    (failed,) = mail.jobs.apart
    assert failed in batch.jobs
    stored = await mail.query(
        "SELECT 1 FROM message WHERE provider_message_id = ANY(%s)", [job.provider_message_id for job in batch.jobs]
    )
    assert len(stored) == len(batch.jobs) - 1
    await mail.run(failed)
    assert mail.prove().holds


async def test_a_batch_whose_process_died_each_time_is_taken_apart(mail: Mirror) -> None:
    batch = deliver(mail, 3)
    await record_poison(mail.engine, LIVE_QUEUE, body_of(batch))
    assert tuple(mail.jobs.apart) == batch.jobs
    assert await mail.query("SELECT 1 FROM failed_job") == []
