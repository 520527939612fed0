"""Jobs that failed for good, of all users and of nobody: looked at, tried again, dropped."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from shared.errors import InvalidRequest, NotFound
from shared.models.operators import FailedJobQuery, FailedMessage, FailedMessageDetail, FailedMessages
from shared.storage import failed_jobs as stored
from shared.storage.database import Pool, system_transaction

if TYPE_CHECKING:
    from shared.job_queues import JobQueues

HIDDEN: Final = ("provider_", "change_key", "data")  # how the names of such fields begin


async def read_failed_jobs(pool: Pool, wanted: FailedJobQuery) -> FailedMessages:
    """List jobs, newest first. Raises InvalidRequest for a cursor that is not ours."""
    before = _place_from(wanted.cursor) if wanted.cursor else None
    async with system_transaction(pool) as conn:
        found = await stored.list_failed_jobs(conn, wanted.limit + 1, before)
    page = found[: wanted.limit]
    return FailedMessages(
        items=[FailedMessage.model_validate(_facts_of(each)) for each in page],
        next_cursor=f"{page[-1].failed_at.isoformat()}~{page[-1].id}" if len(found) > len(page) else None,
    )


def _place_from(cursor: str) -> tuple[datetime, UUID]:
    at, _, job_id = cursor.partition("~")
    try:
        return datetime.fromisoformat(at).astimezone(UTC), UUID(job_id)
    except (ValueError, OverflowError) as exc:
        errors = ({"field": "cursor", "message": "take next_cursor as it was answered"},)
        raise InvalidRequest("malformed cursor", errors=errors) from exc


async def read_failed_job(pool: Pool, job_id: UUID) -> FailedMessageDetail:
    """
    Show a job without the provider's ids and what it said of mail; what nobody understood as it came.

    Raises NotFound when it is not there.
    """
    async with system_transaction(pool) as conn:
        found = await stored.get_failed_job(conn, job_id)
    return FailedMessageDetail.model_validate({**_facts_of(found), "job": _shown(found.job)})


def _shown(job: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in job.items() if not name.startswith(HIDDEN)}


async def retry_failed_job(pool: Pool, jobs: "JobQueues", job_id: UUID) -> None:
    """
    Have a job tried again, then forget that it failed. Raises NotFound.

    In this order, because a job may run twice and must not be lost.
    """
    async with system_transaction(pool) as conn:
        failed = await stored.get_failed_job(conn, job_id)
    await jobs.send_again(failed.queue, failed.body)
    async with system_transaction(pool) as conn:
        await stored.drop_failed_job(conn, job_id)


async def drop_failed_job(pool: Pool, job_id: UUID) -> None:
    """Forget a job. Raises NotFound."""
    async with system_transaction(pool) as conn:
        if not await stored.drop_failed_job(conn, job_id):
            raise NotFound(f"failed job {job_id}")


def _facts_of(failed: stored.FailedMessage) -> dict[str, object]:
    kind = failed.job.get("kind") if failed.account_id else None
    return {
        "id": failed.id,
        "account_id": failed.account_id,
        "queue": failed.queue,
        "kind": kind,
        "failed_at": failed.failed_at,
    }
