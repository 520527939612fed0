"""One subscription per account, whatever happened: made, renewed, adopted, moved, ended."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from azure.storage.queue import TextBase64DecodePolicy
from psycopg import AsyncConnection
from pydantic import SecretStr

from dev.graph_simulator.fixture import RunningSimulator
from dev.graph_simulator.sign_in import sign_in
from shared.identity import AppIdentity
from shared.job_queues import JobQueues, create_queue
from shared.models.accounts import ConnectedAccount
from shared.models.api import AccountState
from shared.models.jobs import ANY_JOB, AnyJob, EnsureSubscription, RemoveAccount, SyncChanges
from shared.models.mail import ProviderProfile
from shared.providers.aiohttp_transport import AiohttpTransport
from shared.providers.notification_certificates import NotificationCertificates
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.storage.accounts import connect_mailbox
from shared.storage.azure import open_queues
from shared.storage.database import Pool, user_transaction
from shared.sync.engine import Engine
from shared.sync.removal import disconnect, remove_account
from shared.sync.subscriptions import ensure_subscription, notification_url_from, request_renewals
from tests.provider.conftest import Outlook
from tests.simulator.receiver import Receiver, running_receiver
from tests.unit.rich_content import CertificateHolder

Row = tuple[Any, ...]


@pytest.fixture
def webhooks() -> Iterator[Receiver]:
    """Answers handshakes at every path."""
    with running_receiver() as running:
        yield running


@dataclass
class System:
    """An account, what looks after its subscription, and what became of it."""

    engine: Engine
    account: ConnectedAccount
    outlook: Outlook
    owner: AsyncConnection[Row]

    async def ensure(self, *, renew_now: bool = False, engine: Engine | None = None) -> None:
        job = EnsureSubscription(account_id=self.account.id, renew_now=renew_now)
        await ensure_subscription(engine or self.engine, self.account, job)

    def has_synced(self) -> None:
        self.account = replace(self.account, state=AccountState.LIVE)

    def live(self) -> list[dict[str, Any]]:
        """The mailbox's subscriptions as the provider has them."""
        user = self.outlook.admin.create_user(self.outlook.address)
        return [one for one in self.outlook.admin.subscriptions() if one["creatorId"] == user["id"]]

    def only(self) -> dict[str, Any]:
        live = self.live()
        assert len(live) == 1, live
        return live[0]

    async def row(self) -> Row | None:
        sql = "SELECT provider_subscription_id, expires_at, renew_at FROM subscription"
        return await (await self.owner.execute(sql)).fetchone()

    async def make_due(self) -> None:
        await self.owner.execute("UPDATE subscription SET renew_at = '-infinity'")

    async def problem(self) -> Row:
        sql = """SELECT subscription_problem,
                        CASE WHEN isfinite(subscribe_not_before) THEN subscribe_not_before - now() END, state::text
                   FROM account"""
        found = await (await self.owner.execute(sql)).fetchone()
        assert found is not None
        return found

    async def sent(self, queue: str) -> list[AnyJob]:
        """Take what was sent for the account."""
        async with open_queues(self.engine.settings, AppIdentity(self.engine.settings)) as service:
            client = service.get_queue_client(queue, message_decode_policy=TextBase64DecodePolicy())
            await create_queue(client)
            taken = [message async for message in client.receive_messages(messages_per_page=32, visibility_timeout=1)]
        jobs = [ANY_JOB.validate_json(message.content) for message in taken]
        return [job for job in jobs if job.account_id == self.account.id]


async def nobody_listens(_: UUID, __: int) -> None:
    """Nobody has a page open."""


@pytest.fixture
async def system(
    settings: Settings, pool: Pool, owner: AsyncConnection[Row], outlook: Outlook, webhooks: Receiver
) -> AsyncIterator[System]:
    parts = urlsplit(webhooks.url)
    settings = settings.model_copy(update={"public_base_url": f"{parts.scheme}://{parts.netloc}"})
    user_id = uuid4()
    sql = "INSERT INTO app_user (id, email, password_hash, name) VALUES (%s, 'owner@contoso.example', 'x', '')"
    await owner.execute(sql, [user_id])
    profile = ProviderProfile("tenant", "object", outlook.address, "Owner")
    async with user_transaction(pool, user_id) as conn:
        account = await connect_mailbox(conn, user_id, "outlook", profile)
    jobs = JobQueues(open_queues(settings, AppIdentity(settings)))
    yield System(
        Engine(settings, SecretSource(settings, None), pool, jobs, lambda _, __: outlook.mail, nobody_listens),
        account,
        outlook,
        owner,
    )
    outlook.admin.clear_faults()
    await jobs.close()


def elsewhere(system: System, **changes: object) -> Engine:
    """The same deployment with other settings."""
    settings = system.engine.settings.model_copy(update=changes)
    return replace(system.engine, settings=settings, secrets=SecretSource(settings, None))


async def subscribe_by_hand(system: System, simulator: RunningSimulator, url: str, kind: str) -> str:
    body = {
        "changeType": kind,
        "notificationUrl": url,
        "resource": "/me/messages",
        "expirationDateTime": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    token = sign_in(simulator, system.outlook.address).access_token
    async with httpx.AsyncClient(transport=AiohttpTransport(simulator.admin.tls)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await client.post(f"{simulator.graph_base_url}/subscriptions", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ends(subscription: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(subscription["expirationDateTime"])


async def test_a_subscription_lasts_as_long_as_permitted_and_is_due_at_about_half_of_it(system: System) -> None:
    await system.ensure()
    made, row = system.only(), await system.row()
    assert row is not None
    assert (made["id"], made["notificationUrl"]) == (
        row[0],
        notification_url_from(system.engine.settings, system.engine.secrets.current, system.account.id),
    )
    life = row[1] - datetime.now(UTC)
    assert timedelta(minutes=10_050) < life < timedelta(minutes=10_070)
    assert 0.44 < (row[2] - datetime.now(UTC)) / life < 0.56


async def test_a_subscription_in_the_first_half_of_its_life_is_left_alone(system: System) -> None:
    await system.ensure()
    asked = system.outlook.mail.requests_made
    await system.ensure()
    assert system.outlook.mail.requests_made == asked


@pytest.mark.parametrize("renew_now", [True, False])
async def test_a_renewal_prolongs_the_same_subscription(system: System, *, renew_now: bool) -> None:
    await system.ensure()
    made = system.only()
    system.outlook.admin.expire_subscription(made["id"], 600)
    if not renew_now:
        await system.make_due()
    await system.ensure(renew_now=renew_now)
    assert system.only()["id"] == made["id"]
    assert ends(system.only()) - datetime.now(UTC) > timedelta(days=6)
    row = await system.row()
    assert row is not None
    assert row[2] > datetime.now(UTC)


async def test_what_the_provider_forgot_is_made_anew_and_the_gap_is_followed_thoroughly(system: System) -> None:
    system.has_synced()
    await system.ensure()
    await system.sent("mail-changes")
    lost = system.only()["id"]
    system.outlook.admin.remove_subscription(lost)
    await system.make_due()
    await system.ensure()
    row = await system.row()
    assert row is not None
    assert row[0] == system.only()["id"] != lost
    following = await system.sent("mail-changes")
    assert [job.is_thorough for job in following if isinstance(job, SyncChanges)][-1:] == [True]


@pytest.mark.parametrize("status", [400, 403, 404])
async def test_one_that_cannot_be_renewed_is_replaced(system: System, status: int) -> None:
    await system.ensure()
    first = system.only()["id"]
    await system.make_due()
    system.outlook.admin.fault(
        "error", path="subscriptions/", method="PATCH", status=status, code="ExtensionError", times=None
    )
    await system.ensure()
    row = await system.row()
    assert row is not None
    assert row[0] == system.only()["id"] != first


async def test_catching_up_waits_while_a_first_sync_lists_the_mailbox(system: System) -> None:
    await system.ensure()
    assert not await system.sent("mail-changes")
    async with open_queues(system.engine.settings, AppIdentity(system.engine.settings)) as service:
        kept = await service.get_queue_client("mail-changes").get_queue_properties()
    assert kept.approximate_message_count


async def test_a_crash_before_the_row_is_saved_leaves_one_that_is_adopted(system: System) -> None:
    system.has_synced()
    await system.ensure()
    await system.sent("mail-changes")
    made = system.only()["id"]
    await system.owner.execute("DELETE FROM subscription")
    await system.ensure()
    row = await system.row()
    assert row is not None
    assert row[0] == system.only()["id"] == made
    assert await system.sent("mail-changes")  # nobody knows whether the crash came before


async def test_jobs_at_once_leave_one_subscription_which_the_row_names(system: System) -> None:
    await asyncio.gather(*(system.ensure() for _ in range(4)))
    row = await system.row()
    assert row is not None
    assert row[0] == system.only()["id"]


@pytest.mark.parametrize("change", ["webhook_key", "public_base_url"])
async def test_another_key_or_address_moves_the_subscription_within_a_round(
    system: System, webhooks: Receiver, change: str
) -> None:
    await system.ensure()
    assert webhooks.handshakes
    port = urlsplit(webhooks.url).port
    value = {"webhook_key": SecretStr("k" * 40), "public_base_url": f"http://localhost:{port}"}[change]
    moved = elsewhere(system, **{change: value})
    await request_renewals(moved)
    assert EnsureSubscription in {type(job) for job in await system.sent("mail-upkeep")}
    await system.ensure(engine=moved)
    assert system.only()["notificationUrl"] == notification_url_from(
        moved.settings, moved.secrets.current, system.account.id
    )


async def test_leftovers_that_call_us_are_ended_and_others_left_alone(
    system: System, simulator: RunningSimulator
) -> None:
    base = f"{system.engine.settings.public_base_url}/api/webhooks/graph"
    leftover = await subscribe_by_hand(system, simulator, f"{base}?for=0123456789abcdef", "created")
    other = await subscribe_by_hand(system, simulator, base.replace("127.0.0.1", "localhost"), "updated")
    await system.ensure()
    row = await system.row()
    assert row is not None
    assert {one["id"] for one in system.live()} == {row[0], other}
    assert leftover != other


@pytest.mark.parametrize("is_named", [True, False])
async def test_one_of_another_deployment_that_is_in_the_way_is_replaced(
    system: System,
    simulator: RunningSimulator,
    is_named: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    url = "http://localhost:" + str(urlsplit(system.engine.settings.public_base_url).port)
    theirs = await subscribe_by_hand(system, simulator, url, "created,updated,deleted")
    if not is_named:
        system.outlook.admin.fault(
            "error", path="subscriptions", method="POST", status=409, code="", message="Exists.", times=1
        )
    await system.ensure()
    row = await system.row()
    assert row is not None
    assert row[0] == system.only()["id"] != theirs


async def test_an_endpoint_that_cannot_be_reached_is_shown_retried_ever_later_and_forgotten(
    system: System, webhooks: Receiver
) -> None:
    webhooks.echo = lambda _: (403, "text/plain", "no")
    await system.ensure()
    problem, wait, state = await system.problem()
    assert (problem, state) == ("subscription_refused", AccountState.CONNECTING)
    assert timedelta(minutes=4) < wait <= timedelta(minutes=5)
    for _ in range(5):
        await system.ensure()
    assert timedelta(minutes=59) < (await system.problem())[1] <= timedelta(hours=1)
    await request_renewals(system.engine)
    assert await system.sent("mail-upkeep") == []
    webhooks.echo = lambda token: (200, "text/plain", token)
    await system.ensure()
    assert (await system.problem())[0] is None


async def test_a_mailbox_full_of_subscriptions_stays_an_account_that_delta_carries(system: System) -> None:
    system.outlook.admin.fault("error", path="subscriptions", method="POST", status=403, code="ExtensionError")
    await system.ensure()
    assert (await system.problem())[::2] == ("subscription_limit", AccountState.CONNECTING)


@pytest.mark.parametrize("ahead_seconds", [600, -600])
async def test_ten_minutes_of_clock_skew_break_nothing(system: System, ahead_seconds: float) -> None:
    system.outlook.admin.advance_clock(ahead_seconds)
    try:
        await system.ensure()
        first = system.only()
        assert ends(first) - datetime.now(UTC) > timedelta(days=6)
        await system.ensure(renew_now=True)
        assert system.only()["id"] == first["id"]
        assert (await system.problem())[0] is None
    finally:
        system.outlook.admin.advance_clock(-ahead_seconds)


async def test_a_short_life_is_believed(system: System) -> None:
    system.outlook.admin.fault("error", path="subscriptions", method="POST", status=400, code="ExtensionError", times=1)
    await system.ensure()
    row = await system.row()
    assert row is not None
    assert timedelta(hours=9) < row[2] - datetime.now(UTC) < timedelta(hours=14)


async def test_a_round_claims_each_account_once_and_again_after_a_lost_job(system: System) -> None:
    await asyncio.gather(request_renewals(system.engine), request_renewals(system.engine))
    assert len(await system.sent("mail-upkeep")) == 1
    await system.owner.execute("UPDATE account SET subscribe_not_before = now() - interval '1 second'")
    await request_renewals(system.engine)
    assert (await system.problem())[1] > timedelta(minutes=9)
    await system.ensure()
    await system.owner.execute("UPDATE account SET subscribe_not_before = now() - interval '1 second'")
    await request_renewals(system.engine)
    assert (await system.problem())[1] < timedelta(0)  # nobody claimed what is not due


async def test_an_account_disconnected_while_it_subscribes_keeps_no_subscription(system: System) -> None:
    await system.owner.execute("UPDATE account SET state = 'disconnected'")
    await system.ensure()
    assert system.live() == []
    assert await system.row() is None


async def test_removing_an_account_ends_its_subscription_even_without_a_row(system: System) -> None:
    await system.ensure()
    await system.owner.execute("DELETE FROM subscription")
    await disconnect(system.engine.pool, system.engine.jobs, system.account.user_id, system.account.id)
    gone = replace(system.account, state=AccountState.DISCONNECTED)
    await remove_account(system.engine, gone, RemoveAccount(account_id=system.account.id))
    assert system.live() == []


def with_content(system: System, **holders: CertificateHolder) -> Engine:
    """The same deployment, whose notifications are to bring what changed, encrypted for the first holder."""
    ring = NotificationCertificates({name: holder.pem for name, holder in holders.items()})
    return replace(system.engine, certificates=ring)


async def test_a_subscription_with_content_has_our_certificate_and_lasts_a_day(system: System) -> None:
    rich = with_content(system, first=CertificateHolder())
    await system.ensure(engine=rich)
    made = system.only()
    assert (made["includeResourceData"], made["encryptionCertificateId"]) == (True, "first")
    assert timedelta(hours=23) < ends(made) - datetime.now(UTC) < timedelta(hours=24)
    await system.make_due()
    await system.ensure(engine=rich)
    assert system.only()["id"] == made["id"]


async def test_a_new_certificate_reaches_the_same_subscription_within_a_round(system: System) -> None:
    older, newer = CertificateHolder(), CertificateHolder()
    await system.ensure(engine=with_content(system, older=older))
    made = system.only()
    rotated = with_content(system, newer=newer, older=older)
    await request_renewals(rotated)
    assert EnsureSubscription in {type(job) for job in await system.sent("mail-upkeep")}
    await system.ensure(engine=rotated)
    assert (system.only()["id"], system.only()["encryptionCertificateId"]) == (made["id"], "newer")


async def test_content_is_begun_and_ended_by_another_subscription(system: System) -> None:
    await system.ensure()
    plain = system.only()["id"]
    rich = with_content(system, first=CertificateHolder())
    await request_renewals(rich)
    assert EnsureSubscription in {type(job) for job in await system.sent("mail-upkeep")}
    await system.ensure(engine=rich)
    assert system.only()["includeResourceData"] is True
    assert system.only()["id"] != plain
    await system.ensure()
    assert not system.only()["includeResourceData"]
    row = await system.row()
    assert row is not None
    assert row[0] == system.only()["id"]
