"""Nothing is acknowledged before it is durable: what a dead queue, and a provider that fails halfway, must not lose."""

from collections.abc import Iterator

import pytest

from dev.trial import ADDRESS, Trial

NEVER = "0 0 0 1 1 *"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A live mailbox that nothing but notifications keeps up to date."""
    with Trial(
        tmp_path_factory.mktemp("quiet"), settings={"DELTA_SCHEDULE": NEVER, "RENEWAL_SCHEDULE": NEVER}
    ) as trial:
        trial.simulator.admin.make_synthetic(ADDRESS, 20, folders=["inbox"], seed=3)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        trial.until("the subscription exists", lambda: bool(trial.simulator.admin.subscriptions()))
        yield trial


def test_a_notification_whose_queue_is_down_is_refused_and_comes_again(quiet: Trial) -> None:
    admin = quiet.simulator.admin
    quiet.azurite.kill()
    delivered = admin.deliver(ADDRESS, {"subject": "While the queue is down"})
    quiet.until("the delivery is refused", lambda: admin.stats()["notifications"]["failed_posts"] > 0)
    quiet.start_azurite()
    stored = "SELECT 1 FROM message WHERE provider_message_id = %s"
    quiet.until("it is stored", lambda: bool(quiet.query(stored, delivered["immutableId"])))


def test_a_delivery_is_answered_with_an_error_while_its_queue_is_down(quiet: Trial) -> None:
    (subscription,) = quiet.simulator.admin.subscriptions()
    item = {"clientState": subscription["clientState"], "changeType": "created", "resourceData": {"id": "AAMk"}}
    quiet.azurite.kill()
    try:
        answer = quiet.api.post("/webhooks/graph", json={"value": [item]}, timeout=120)
    finally:
        quiet.start_azurite()
    assert answer.is_server_error


def test_a_cursor_stays_before_what_could_not_be_fetched(quiet: Trial) -> None:
    """Delta names a message once. If its fetch fails, delta must name it again."""
    admin = quiet.simulator.admin
    admin.delivery(drop_next=1_000)
    admin.fault("failed", path=r"(?i)/messages/(?!delta)[^/?]+\?", mailbox=ADDRESS, times=2)
    delivered = admin.deliver(ADDRESS, {"subject": "Named by delta, and not to be had"})
    stored = "SELECT count(*) FROM message WHERE provider_message_id = %s"
    for subscription in admin.subscriptions():
        admin.lifecycle(subscription["id"], "missed")
    quiet.until("its fetch failed", lambda: sum(rule["fired"] for rule in admin.faults()) > 0)
    assert quiet.query(stored, delivered["immutableId"]) == [(0,)]
    quiet.until("it is stored", lambda: quiet.query(stored, delivered["immutableId"]) == [(1,)])
    admin.clear_faults()
    admin.reset_delivery()
