"""What happens in the mailbox after the first sync, seen in the database and the change log."""

from typing import Any

import pytest

from dev.trial import ADDRESS, Trial

MESSAGES = 60
TOKEN_LIFE_SECONDS = 90 * 60


@pytest.fixture(scope="module")
def live(trial: Trial) -> Trial:
    """A mailbox whose first sync is complete and whose subscription exists."""
    trial.simulator.admin.make_synthetic(ADDRESS, MESSAGES, folders=["inbox", "archive"], seed=3)
    trial.connect()
    trial.until_synced()
    trial.until("the subscription exists", lambda: trial.query("SELECT count(*) FROM subscription") == [(1,)])
    return trial


def inbox(trial: Trial) -> list[dict[str, Any]]:
    return trial.simulator.admin.messages(ADDRESS, "inbox")


def stored(trial: Trial, immutable_id: str) -> list[tuple[Any, ...]]:
    return trial.query(
        """SELECT well_known_name, is_read, flag::text
             FROM message LEFT JOIN folder ON folder.id = folder_id
            WHERE provider_message_id = %s AND deleted_at IS NULL""",
        immutable_id,
    )


def test_a_new_message_arrives_by_notification_and_is_searchable(live: Trial) -> None:
    delivered = live.simulator.admin.deliver(ADDRESS, {"subject": "Quetzalcoatlus sighted"})
    live.until("it is stored", lambda: bool(stored(live, delivered["immutableId"])), 10)

    def found() -> bool:
        items = live.api.get("/messages", params={"q": "quetzalcoatlus"}).json()["items"]
        return [item["subject"] for item in items] == ["Quetzalcoatlus sighted"]

    live.until("it is found", found, 10)


def test_reading_flagging_moving_and_deleting_reach_the_database(live: Trial) -> None:
    admin = live.simulator.admin
    read, flagged, moved, deleted = (message["immutableId"] for message in inbox(live)[:4])
    admin.update(ADDRESS, read, isRead=True)
    admin.update(ADDRESS, flagged, flag={"flagStatus": "flagged"})
    admin.move(ADDRESS, moved, "archive")
    admin.delete(ADDRESS, deleted, permanent=True)
    live.until("it is read", lambda: stored(live, read)[0][1] is True, 10)
    live.until("it is flagged", lambda: stored(live, flagged)[0][2] == "flagged", 10)
    live.until("it has moved", lambda: stored(live, moved)[0][0] == "archive", 10)
    live.until("it is gone", lambda: stored(live, deleted) == [], 10)


def test_the_change_log_names_a_change_once(live: Trial) -> None:
    position = live.query("SELECT event_position FROM app_user")[0][0]
    delivered = live.simulator.admin.deliver(ADDRESS, {"subject": "Once"})
    live.until("it is stored", lambda: bool(stored(live, delivered["immutableId"])), 10)
    changes = live.api.get("/changes", params={"after": position, "wait_seconds": 5}).raise_for_status().json()
    assert [item["kind"] for item in changes["items"]].count("message.created") == 1


def test_mail_in_a_new_folder_brings_the_folder(live: Trial) -> None:
    admin = live.simulator.admin
    admin.create_folder(ADDRESS, "Projects", "inbox")
    delivered = admin.deliver(ADDRESS, {"subject": "In a new folder"}, folder="inbox/Projects")
    live.until("it is stored", lambda: bool(stored(live, delivered["immutableId"])), 20)
    proof = live.until_proved()
    assert proof.holds, proof


def test_lost_notifications_are_made_good_by_delta(live: Trial) -> None:
    admin = live.simulator.admin
    admin.delivery(drop_next=1_000)
    try:
        delivered = admin.deliver(ADDRESS, {"subject": "Nobody told us"})
        admin.delete(ADDRESS, inbox(live)[0]["immutableId"], permanent=True)
        live.until("delta brings it", lambda: bool(stored(live, delivered["immutableId"])), 30)
        proof = live.until_proved(30)
        assert proof.holds, proof
    finally:
        admin.reset_delivery()


def test_notifications_that_wait_for_a_fresh_token_come_when_the_subscription_is_reauthorized(live: Trial) -> None:
    admin = live.simulator.admin
    admin.delivery(is_reauthorization_asked=False)
    admin.advance_clock(TOKEN_LIFE_SECONDS)
    try:
        delivered = admin.deliver(ADDRESS, {"subject": "Nobody may be told yet"})
        live.until("its notification waits", lambda: admin.stats()["notifications"]["held_items"] > 0, 10)
        admin.delivery(is_reauthorization_asked=True)
        live.until("nothing waits", lambda: admin.stats()["notifications"]["held_items"] == 0, 20)
        live.until("it is stored", lambda: bool(stored(live, delivered["immutableId"])), 20)
    finally:
        admin.reset_delivery()
        admin.advance_clock(-TOKEN_LIFE_SECONDS)


def test_a_forgotten_cursor_lists_the_folder_again_and_repeats_no_event(live: Trial) -> None:
    admin = live.simulator.admin
    proof = live.until_proved()
    assert proof.holds, proof
    created = "SELECT count(*) FROM event WHERE kind = 'message.created'"
    before = live.query(created)
    runs = live.query("SELECT count(*) FROM sync_run")[0][0]
    admin.expire_sync_state(ADDRESS)
    live.until("a run lists again", lambda: live.query("SELECT count(*) FROM sync_run")[0][0] > runs, 30)
    live.until_synced()
    proof = live.until_proved()
    assert proof.holds, proof
    assert live.query(created) == before


def test_a_deleted_folder_takes_its_messages_along(live: Trial) -> None:
    live.simulator.admin.delete_folder(ADDRESS, "inbox/Projects", permanent=True)
    proof = live.until_proved(30)
    assert proof.holds, proof
    assert live.query("SELECT count(*) FROM folder WHERE display_name = 'Projects'") == [(0,)]


def test_disconnecting_removes_everything_and_ends_the_subscription(live: Trial) -> None:
    live.api.delete(f"/accounts/{live.account_id}").raise_for_status()
    live.until("the account is gone", lambda: live.query("SELECT count(*) FROM account") == [(0,)], 30)
    for table in ("message", "message_body", "attachment", "message_search", "folder", "account_token", "sync_page"):
        assert live.query(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608 - the names above
    assert live.simulator.admin.subscriptions() == []
