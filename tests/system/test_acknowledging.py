"""Nothing is acknowledged before it is durable: what a dead queue, and a provider that fails halfway, must not lose."""

from collections.abc import Iterator

import pytest

from dev.trial import ADDRESS, Trial


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A small live mailbox."""
    with Trial(tmp_path_factory.mktemp("live")) as trial:
        trial.simulator.admin.make_synthetic(ADDRESS, 20, folders=["inbox"], seed=3)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        trial.until("the subscription exists", lambda: bool(trial.simulator.admin.subscriptions()))
        yield trial


def test_a_notification_whose_queue_is_down_is_refused_and_comes_again(live: Trial) -> None:
    admin = live.simulator.admin
    live.azurite.kill()
    delivered = admin.deliver(ADDRESS, {"subject": "While the queue is down"})
    live.until("the delivery is refused", lambda: admin.stats()["notifications"]["failed_posts"] > 0)
    live.start_azurite()
    stored = "SELECT 1 FROM message WHERE provider_message_id = %s"
    live.until("it is stored", lambda: bool(live.query(stored, delivered["immutableId"])))


def test_a_delivery_is_answered_with_an_error_while_its_queue_is_down(live: Trial) -> None:
    (subscription,) = live.simulator.admin.subscriptions()
    item = {"clientState": subscription["clientState"], "changeType": "created", "resourceData": {"id": "AAMk"}}
    live.azurite.kill()
    try:
        answer = live.api.post("/webhooks/graph", json={"value": [item]}, timeout=120)
    finally:
        live.start_azurite()
    assert answer.is_server_error


def test_a_cursor_stays_before_what_could_not_be_fetched(live: Trial) -> None:
    """Delta names a change once, and a count does not tell of one: if its fetch fails, delta must name it again."""
    admin = live.simulator.admin
    message = next(one for one in admin.messages(ADDRESS, "inbox"))
    admin.delivery(drop_next=1_000)
    admin.fault("failed", path=r"(?i)/messages/(?!delta)[^/?]+\?", mailbox=ADDRESS, times=2)
    admin.update(ADDRESS, message["immutableId"], isRead=not message["isRead"])
    live.until("its fetch failed", lambda: sum(rule["fired"] for rule in admin.faults()) > 0)
    stored = "SELECT is_read FROM message WHERE provider_message_id = %s"
    live.until("it is stored", lambda: live.query(stored, message["immutableId"]) == [(not message["isRead"],)])
    admin.clear_faults()
    admin.reset_delivery()
