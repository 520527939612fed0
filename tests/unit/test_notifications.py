"""What Graph's deliveries become, and whom we believe."""

import json
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.models.jobs import EnsureSubscription, FetchMessage, SyncChanges
from shared.settings import Settings
from shared.sync.notifications import jobs_from
from shared.sync.subscriptions import account_id_from, client_state_from

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)


def notification(settings: Settings, account_id: UUID, **changes: object) -> dict[str, object]:
    return {
        "subscriptionId": str(uuid4()),
        "subscriptionExpirationDateTime": "2026-12-01T03:12:18.2257768+05:30",
        "changeType": "created",
        "clientState": client_state_from(settings, account_id),
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
    state = client_state_from(settings, account_id)
    assert len(state) <= 128
    assert account_id_from(settings, state) == account_id
    forged = client_state_from(settings, other).partition(".")[0] + "." + state.partition(".")[2]
    assert account_id_from(settings, forged) is None


@given(st.text(max_size=130))
def test_no_text_passes_for_a_client_state(settings: Settings, text: str) -> None:
    assert account_id_from(settings, text) is None


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


@pytest.mark.parametrize("broken", [{"resourceData": None}, {"resourceData": {}}, {"changeType": "exploded"}])
def test_a_notification_that_does_not_say_which_message_asks_for_delta(
    settings: Settings, broken: dict[str, object]
) -> None:
    account_id = uuid4()
    body = json.dumps({"value": [notification(settings, account_id, **broken)]}).encode()
    assert [later.job for later in jobs_from(settings, body)] == [SyncChanges(account_id=account_id)]


@pytest.mark.parametrize(
    ("event", "asks_for_delta"), [("reauthorizationRequired", False), ("missed", True), ("subscriptionRemoved", True)]
)
def test_lifecycle_events_renew_and_where_mail_was_missed_follow_delta(
    settings: Settings, event: str, *, asks_for_delta: bool
) -> None:
    account_id = uuid4()
    item = {"lifecycleEvent": event, "clientState": client_state_from(settings, account_id)}
    jobs = [later.job for later in jobs_from(settings, json.dumps({"value": [item]}).encode())]
    assert EnsureSubscription(account_id=account_id, renew_now=True) in jobs
    assert (SyncChanges(account_id=account_id) in jobs) is asks_for_delta


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"[]", b'{"value": 1}', b"\xff"])
def test_a_body_that_is_no_delivery_is_refused(settings: Settings, body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        jobs_from(settings, body)


@given(st.lists(JSON, max_size=4))
def test_whatever_a_delivery_holds_only_ours_becomes_a_job(settings: Settings, items: list[object]) -> None:
    assert jobs_from(settings, json.dumps({"value": items}).encode()) == []
