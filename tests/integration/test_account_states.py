"""What becomes of an account and its jobs when its provider or the database says no, and how it comes back."""

import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection, sql

from shared.errors import (
    AdminConsentRequired,
    MailboxUnavailable,
    NotFound,
    ProviderError,
    ProviderMisconfigured,
    ProviderUnavailable,
    ReauthenticationRequired,
    StorageFailed,
    Throttled,
)
from shared.job_queues import JobQueues
from shared.jobs import UPKEEP_QUEUE, Later
from shared.models.accounts import ConnectedAccount
from shared.models.api import Account, AccountState
from shared.models.jobs import EnsureSubscription, FetchMessage, ReviveAccount, StartSync, SyncChanges
from shared.models.mail import ProviderFolder, ProviderProfile
from shared.operators.failed_jobs import retry_failed_job
from shared.providers.protocol import MailProvider
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.storage.account_lists import read_account
from shared.storage.accounts import LEADING_TO, change_account_state, connect_mailbox, get_account
from shared.storage.database import Pool, system_transaction, user_transaction
from shared.storage.failed_jobs import drop_failed_job, get_failed_job, list_failed_jobs
from shared.sync.dispatch import record_poison, run_job
from shared.sync.engine import Engine
from shared.sync.revival import request_visits
from tests.deployment import settings_of
from tests.integration.mail import INBOX

Owner = AsyncConnection[Any]


class KeptJobs(JobQueues):
    def __init__(self) -> None:
        self.waiting: list[Later] = []
        self.bodies: list[tuple[str, bytes]] = []

    async def send(self, jobs: Any) -> None:  # noqa: ANN401 - as its base
        self.waiting += jobs

    async def send_again(self, queue: str, body: bytes) -> None:
        self.bodies.append((queue, body))

    def take(self) -> list[Later]:
        taken, self.waiting = self.waiting, []
        return taken


class Refusing:
    """A provider that answers every question with `error`, or lists its one folder when there is none."""

    def __init__(self) -> None:
        self.error: ProviderError | None = None
        self.before: Callable[[], Awaitable[None]] | None = None
        self.requests_made = 0

    async def list_folders(self, *, in_haste: bool = False) -> list[ProviderFolder]:  # noqa: ARG002 - the provider's
        self.requests_made += 1
        if self.before:
            await self.before()
        if self.error:
            raise self.error
        return [INBOX]


class Bench:
    """An account, what its provider says, and the jobs that were sent."""

    def __init__(self, pool: Pool, account: ConnectedAccount, owner: Owner, settings: Settings) -> None:
        self.pool, self.account, self.owner = pool, account, owner
        self.provider, self.jobs = Refusing(), KeptJobs()

        async def announce(*_: object) -> None: ...

        self.engine = Engine(
            settings,
            SecretSource(settings, None),
            pool,
            self.jobs,
            lambda *_: cast("MailProvider", self.provider),
            announce,
        )

    async def run(self, job: Any) -> list[Later]:  # noqa: ANN401 - any job
        """Run a job whose time has come, and return what follows."""
        await self.owner.execute("UPDATE account SET changes_leased_until = '-infinity'")
        await run_job(self.engine, job.model_dump_json().encode())
        return self.jobs.take()

    async def meet(self, error: ProviderError | None) -> list[Later]:
        """Run a job while the provider says that."""
        self.provider.error = error
        return await self.run(SyncChanges(account_id=self.account.id))

    async def seen(self) -> Account:
        async with user_transaction(self.pool, self.account.user_id) as conn:
            return await read_account(conn, self.account.user_id, self.account.id)

    async def events(self) -> int:
        rows = await (await self.owner.execute("SELECT count(*) FROM event WHERE kind = 'account.changed'")).fetchall()
        return int(rows[0][0])

    async def set_state(self, state: str) -> None:
        await self.owner.execute("UPDATE account SET state = %s::account_state", [state])


@pytest.fixture
async def bench(pool: Pool, account: ConnectedAccount, owner: Owner) -> Bench:
    made = Bench(pool, account, owner, settings_of())
    await made.set_state("live")
    await owner.execute("UPDATE sync_run SET state = 'completed', finished_at = now()")
    return made


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ReauthenticationRequired("invalid_grant"), AccountState.NEEDS_SIGN_IN),
        (AdminConsentRequired("consent_required"), AccountState.NEEDS_ADMIN),
        (MailboxUnavailable("closed"), AccountState.SUSPENDED),
    ],
)
async def test_a_refusal_stops_the_account_and_its_jobs_until_its_owner_signs_in_again(
    bench: Bench, error: ProviderError, state: AccountState
) -> None:
    assert await bench.meet(error) == []
    seen = await bench.seen()
    assert (seen.state, seen.state_reason) == (state, error.code)
    assert await bench.events() == 1
    asked = bench.provider.requests_made
    assert await bench.meet(error) == []
    assert (bench.provider.requests_made, await bench.events()) == (asked, 1)

    profile = ProviderProfile("tenant", "object", "owner@contoso.example", "Owner")
    async with user_transaction(bench.pool, bench.account.user_id) as conn:
        again = await connect_mailbox(conn, bench.account.user_id, "outlook", profile)
    assert (again.id, again.state) == (bench.account.id, AccountState.SYNCING)
    assert (await bench.seen()).state_reason is None


async def test_an_account_whose_provider_asks_for_patience_is_delayed_until_a_job_gets_through(bench: Bench) -> None:
    (later,) = await bench.meet(Throttled("429", retry_after_seconds=120))
    seen = await bench.seen()
    assert (seen.state, seen.state_reason) == (AccountState.DELAYED, "throttled")
    assert seen.delayed_until is not None
    assert 120 < later.delay_seconds < 160
    for _ in range(3):
        await bench.meet(Throttled("429", retry_after_seconds=120))
    assert await bench.events() == 1  # it was told once

    await bench.meet(None)
    seen = await bench.seen()
    assert (seen.state, seen.state_reason, seen.delayed_until) == (AccountState.LIVE, None, None)
    assert await bench.events() == 2


async def test_a_moment_of_patience_is_not_worth_telling_and_the_second_in_a_row_is(bench: Bench) -> None:
    (later,) = await bench.meet(ProviderUnavailable("503"))
    assert (await bench.seen()).state is AccountState.LIVE
    assert later.delay_seconds < 10
    (again,) = await bench.run(later.job)
    assert (await bench.seen()).state_reason == "provider_unavailable"
    assert again.job.failures == 2


async def test_attempts_in_a_row_grow_apart_and_start_anew_after_a_success(bench: Bench) -> None:
    bench.provider.error = ProviderUnavailable("503")
    job: Any = SyncChanges(account_id=bench.account.id)
    delays = []
    for _ in range(8):
        (later,) = await bench.run(job)
        delays.append(later.delay_seconds)
        job = later.job
    assert all(delay > 1.3 * before for before, delay in itertools.pairwise(delays[:5]))
    assert max(delays) <= 60 * 1.25 + 1

    async def want_again() -> None:
        await bench.owner.execute("UPDATE account SET changes_wanted = true")

    bench.provider.error, bench.provider.before = None, want_again
    following = [later.job for later in await bench.run(job)]
    assert SyncChanges(account_id=bench.account.id) in following


async def test_a_wrong_registration_delays_accounts_and_disconnects_nobody(bench: Bench) -> None:
    (later,) = await bench.meet(ProviderMisconfigured("invalid_client"))
    seen = await bench.seen()
    assert (seen.state, seen.state_reason) == (AccountState.DELAYED, "provider_misconfigured")
    assert later.delay_seconds >= 60


async def test_only_the_listed_transitions_are_made(bench: Bench) -> None:
    """Each state against each: what LEADING_TO lists moves, and nothing else."""
    stored = [state for state in AccountState if state is not AccountState.DELAYED]
    for before in stored:
        for to in LEADING_TO:
            await bench.set_state(before.value)
            async with user_transaction(bench.pool, bench.account.user_id) as conn:
                moved = await change_account_state(conn, bench.account, to)
                after = (await get_account(conn, bench.account.user_id, bench.account.id)).state
            assert moved == (before in LEADING_TO[to]), (before, to)
            assert after == (to if moved else before)


@pytest.mark.parametrize("error", [AdminConsentRequired("90094"), MailboxUnavailable("closed")])
async def test_an_account_that_needs_an_administrator_is_visited_and_comes_back_by_itself(
    bench: Bench, error: ProviderError
) -> None:
    await bench.meet(error)
    await request_visits(bench.engine)
    assert bench.jobs.take() == []  # the first visit is an hour away
    waits = []
    for _ in range(7):
        await bench.owner.execute("UPDATE account SET visit_at = clock_timestamp()")
        await request_visits(bench.engine)
        (visit,) = bench.jobs.take()
        assert visit.job == ReviveAccount(account_id=bench.account.id)
        assert await bench.run(visit.job) == []
        rows = await (
            await bench.owner.execute("SELECT extract(epoch FROM visit_at - clock_timestamp())::float8 FROM account")
        ).fetchall()
        waits.append(round(rows[0][0] / 3600))
    assert waits == [2, 4, 8, 16, 24, 24, 24]

    bench.provider.error = None
    following = [later.job for later in await bench.run(ReviveAccount(account_id=bench.account.id))]
    assert (await bench.seen()).state is AccountState.SYNCING
    assert EnsureSubscription(account_id=bench.account.id, renew_now=True) in following
    assert any(isinstance(job, StartSync) for job in following)
    assert await bench.run(ReviveAccount(account_id=bench.account.id)) == []  # a second one finds nothing to do


async def test_a_visit_that_finds_the_tokens_refused_asks_the_owner(bench: Bench) -> None:
    await bench.meet(MailboxUnavailable("closed"))
    bench.provider.error = ReauthenticationRequired("invalid_grant")
    await bench.run(ReviveAccount(account_id=bench.account.id))
    assert (await bench.seen()).state is AccountState.NEEDS_SIGN_IN


@pytest.mark.parametrize("sqlstate", ["53100", "53200", "40P01", "57P01", "25006", "08006", "58030"])
async def test_a_database_that_cannot_write_puts_the_job_off(bench: Bench, sqlstate: str) -> None:
    fail = sql.SQL(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'no' USING ERRCODE = {}; END $$"
    )
    await bench.owner.execute(fail.format(sql.Literal(sqlstate)))
    await bench.owner.execute(
        "CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON folder FOR EACH ROW EXECUTE FUNCTION fail()"
    )
    job = SyncChanges(account_id=bench.account.id, is_thorough=True)
    (later,) = await bench.run(job)
    assert later.job == job
    assert later.delay_seconds > 1
    await bench.owner.execute("DROP TRIGGER fail ON folder")
    await bench.run(job)
    assert (await bench.seen()).changes_checked_at is not None


async def test_what_the_database_refuses_for_itself_is_left_to_the_host(bench: Bench) -> None:
    await bench.owner.execute("ALTER TABLE account ADD CONSTRAINT no CHECK (changes_checked_at IS NULL)")
    with pytest.raises(StorageFailed, match="23514"):
        await bench.meet(None)


async def test_a_job_of_an_older_version_runs(bench: Bench) -> None:
    body = json.dumps({"kind": "sync_changes.v1", "account_id": str(bench.account.id)}).encode()
    await run_job(bench.engine, body)
    assert (await bench.seen()).changes_checked_at is not None


@pytest.mark.parametrize(
    "body", [b'{"kind": "sync_changes.v9", "account_id": "x"}', b"no job", b"\xff\xfe", b"nul \0", b""]
)
async def test_a_job_that_nobody_understands_is_kept_and_tried_again_as_it_was(bench: Bench, body: bytes) -> None:
    for _ in range(2):
        await record_poison(bench.engine, UPKEEP_QUEUE, body)
    async with system_transaction(bench.pool) as conn:
        (kept,) = await list_failed_jobs(conn, 10)
    assert (kept.account_id, kept.queue, kept.body) == (None, UPKEEP_QUEUE, body)
    await retry_failed_job(bench.pool, bench.jobs, kept.id)
    assert bench.jobs.bodies == [(UPKEEP_QUEUE, body)]
    async with system_transaction(bench.pool) as conn:
        with pytest.raises(NotFound):
            await get_failed_job(conn, kept.id)
        assert not await drop_failed_job(conn, kept.id)


async def test_failed_jobs_of_all_are_listed_newest_first_page_by_page(bench: Bench) -> None:
    jobs = [
        FetchMessage(account_id=bench.account.id, provider_message_id=str(number), change="created")
        for number in range(5)
    ]
    for job in jobs:
        await record_poison(bench.engine, "mail-live", job.model_dump_json().encode())
    seen: list[UUID] = []
    before = None
    async with system_transaction(bench.pool) as conn:
        while page := await list_failed_jobs(conn, 2, before):
            seen += [kept.id for kept in page]
            before = (page[-1].failed_at, page[-1].id)
        newest = await get_failed_job(conn, seen[0])
    assert len(set(seen)) == len(seen) == 5
    assert FetchMessage.model_validate_json(newest.body) == jobs[-1]


async def test_a_poison_job_of_an_account_that_is_gone_is_dropped(bench: Bench) -> None:
    await record_poison(bench.engine, "mail-sync", SyncChanges(account_id=uuid4()).model_dump_json().encode())
    async with system_transaction(bench.pool) as conn:
        assert await list_failed_jobs(conn, 10) == []
