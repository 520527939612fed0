"""What Graph's deliveries become, and whom we believe."""

import asyncio
import json
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.jobs import Later
from shared.models.jobs import ANY_JOB, AnyJob, EnsureSubscription, FetchMessage, SyncChanges
from shared.providers.entra.validation_tokens import ValidationTokens
from shared.settings import Settings
from shared.sync.notifications import read_delivery
from shared.sync.subscriptions import account_id_from, client_state_from
from tests.unit.conftest import secrets_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)


NOBODY = ValidationTokens(httpx.AsyncClient(), "https://login.test/common", "client")


def jobs_from(settings: Settings, body: bytes) -> list[Later]:
    return asyncio.run(read_delivery(settings, secrets_of(settings), NOBODY, body))


def notification(settings: Settings, account_id: UUID, **changes: object) -> dict[str, object]:
    return {
        "subscriptionId": str(uuid4()),
        "subscriptionExpirationDateTime": "2026-12-01T03:12:18.2257768+05:30",
        "changeType": "created",
        "clientState": client_state_from(secrets_of(settings), account_id),
        "resource": "Users/x/Messages/AAMkAGU=",
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Message",
            "@odata.etag": 'W/"CQAAABYA"',
            "id": "AAMkAGU=",
        },
        **changes,
    }


def test_a_client_state_names_its_account_and_nobody_elses(settings: Settings) -> None:
    account_id, other = uuid4(), uuid4()
    state = client_state_from(secrets_of(settings), account_id)
    assert len(state) <= 128
    assert account_id_from(secrets_of(settings), state) == account_id
    forged = client_state_from(secrets_of(settings), other).partition(".")[0] + "." + state.partition(".")[2]
    assert account_id_from(secrets_of(settings), forged) is None
    lone_surrogate = state.partition(".")[0] + ".\ud800"  # JSON may hold what UTF-8 cannot
    assert account_id_from(secrets_of(settings), lone_surrogate) is None


@given(st.text(max_size=130))
def test_no_text_passes_for_a_client_state(settings: Settings, text: str) -> None:
    assert account_id_from(secrets_of(settings), text) is None


def test_a_delivery_becomes_one_job_for_each_message(settings: Settings) -> None:
    account_id = uuid4()
    item = notification(settings, account_id)
    body = json.dumps({"value": [item, item, notification(settings, account_id, changeType="deleted")]}).encode()
    assert [later.job for later in jobs_from(settings, body)] == [
        FetchMessage(account_id=account_id, provider_message_id="AAMkAGU=", change="created", change_key="CQAAABYA"),
        FetchMessage(account_id=account_id, provider_message_id="AAMkAGU=", change="deleted", change_key="CQAAABYA"),
    ]


def test_a_notification_that_is_not_ours_is_passed_over_and_the_others_are_not(settings: Settings) -> None:
    account_id = uuid4()
    stranger = notification(settings, account_id, clientState="secret")
    body = json.dumps({"value": [stranger, None, 7, {}, notification(settings, account_id)]}).encode()
    assert len(jobs_from(settings, body)) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"resourceData": None},
        {"resourceData": {}},
        {"resourceData": {"id": ""}},
        {"resourceData": {"id": 7}},
        {"resourceData": {"id": "x" * 1025}},
        {"resourceData": {"id": "AAMk\x00"}},
        {"resourceData": {"id": "AAMk\ud800"}},
        {"changeType": "exploded"},
        {"changeType": None},
    ],
)
def test_a_notification_that_does_not_say_which_message_asks_for_delta(
    settings: Settings, broken: dict[str, object]
) -> None:
    account_id = uuid4()
    body = json.dumps({"value": [notification(settings, account_id, **broken)]}).encode()
    assert [later.job for later in jobs_from(settings, body)] == [SyncChanges(account_id=account_id, is_thorough=True)]


@pytest.mark.parametrize(
    ("event", "renews", "asks_for_delta"),
    [
        ("reauthorizationRequired", True, False),
        ("missed", False, True),
        ("subscriptionRemoved", True, True),
        ("whatComesLater", True, True),
        (None, True, True),
    ],
)
def test_each_lifecycle_event_has_its_jobs_and_an_unknown_one_has_all(
    settings: Settings, event: str | None, *, renews: bool, asks_for_delta: bool
) -> None:
    account_id = uuid4()
    item = {"lifecycleEvent": event, "clientState": client_state_from(secrets_of(settings), account_id)}
    body = json.dumps({"value": [item, item]}).encode()
    wanted: list[AnyJob] = []
    if renews:
        wanted.append(EnsureSubscription(account_id=account_id, renew_now=True))
    if asks_for_delta:
        wanted.append(SyncChanges(account_id=account_id, is_thorough=True))
    assert [later.job for later in jobs_from(settings, body)] == wanted


def test_one_delivery_may_hold_several_mailboxes_tenants_and_kinds_of_event(settings: Settings) -> None:
    one, other = uuid4(), uuid4()
    missed = {
        "lifecycleEvent": "missed",
        "clientState": client_state_from(secrets_of(settings), other),
        "tenantId": str(uuid4()),
    }
    items = [notification(settings, one), missed, notification(settings, other, tenantId=str(uuid4()))]
    jobs = [later.job for later in jobs_from(settings, json.dumps({"value": items}).encode())]
    assert [(job.kind, job.account_id) for job in jobs] == [
        ("fetch_message.v1", one),
        ("sync_changes.v1", other),
        ("fetch_message.v1", other),
    ]


@pytest.mark.parametrize("path", ["Users/x/Messages/y", "users/x@t/messages/y", "Users('x')/messages('y')", None])
def test_the_path_of_a_message_does_not_matter(settings: Settings, path: str | None) -> None:
    account_id = uuid4()
    body = json.dumps({"value": [notification(settings, account_id, resource=path)]}).encode()
    assert [later.job for later in jobs_from(settings, body)] == [
        FetchMessage(account_id=account_id, provider_message_id="AAMkAGU=", change="created", change_key="CQAAABYA")
    ]


def change(settings: Settings, account_id: UUID, kind: str, etag: str | None) -> dict[str, object]:
    data = {"id": "AAMkAGU=", **({"@odata.etag": etag} if etag else {})}
    return notification(settings, account_id, changeType=kind, resourceData=data)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ([("updated", "A"), ("created", "A"), ("updated", "A")], [("created", "A")]),
        ([("updated", "B"), ("updated", "A")], [("updated", None)]),
        ([("created", "A"), ("updated", None)], [("created", None)]),
        ([("deleted", "A"), ("created", "B")], [("deleted", "A"), ("created", "B")]),
        ([("Updated", 'W/"A"')], [("updated", "A")]),
        ([("updated", "A" * 600)], [("updated", None)]),
        ([("updated", "A\ud800")], [("updated", None)]),
    ],
)
def test_what_is_told_of_one_message_is_one_job_that_believes_no_key_but_a_common_one(
    settings: Settings, told: list[tuple[str, str | None]], wanted: list[tuple[str, str | None]]
) -> None:
    account_id = uuid4()
    items = [change(settings, account_id, kind, etag) for kind, etag in told]
    jobs = [later.job for later in jobs_from(settings, json.dumps({"value": items}).encode())]
    assert [(job.change, job.change_key) for job in jobs if isinstance(job, FetchMessage)] == wanted
    assert len(jobs) == len(wanted)


@given(st.text(max_size=5), st.text(max_size=5))
def test_whatever_ids_a_delivery_holds_its_jobs_can_be_written(settings: Settings, message_id: str, etag: str) -> None:
    data = {"id": message_id, "@odata.etag": etag}
    body = json.dumps({"value": [notification(settings, uuid4(), resourceData=data)]}).encode()
    assert [ANY_JOB.validate_json(later.job.model_dump_json()) for later in jobs_from(settings, body)]


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"[]", b'{"value": 1}', b"\xff"])
def test_a_body_that_is_no_delivery_is_refused(settings: Settings, body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        jobs_from(settings, body)


@given(st.lists(JSON, max_size=4))
def test_whatever_a_delivery_holds_only_ours_becomes_a_job(settings: Settings, items: list[object]) -> None:
    assert jobs_from(settings, json.dumps({"value": items}).encode()) == []
