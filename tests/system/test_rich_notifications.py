"""Notifications that bring what changed: a flag reaches its row without a request, and nobody is believed who lies."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dev.trial import ADDRESS, Trial

NEVER = "0 0 0 1 1 *"


def certificate() -> str:
    """A private key and its certificate, as PEM."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "notifications")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    return pem.decode()


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A live mailbox that nothing but notifications keeps up to date."""
    settings = {
        "DELTA_SCHEDULE": NEVER,
        "RENEWAL_SCHEDULE": NEVER,
        "RICH_NOTIFICATIONS": "true",
        "NOTIFICATION_CERTIFICATES": json.dumps({"first": certificate()}),
    }
    with Trial(tmp_path_factory.mktemp("rich"), settings=settings) as trial:
        trial.simulator.admin.make_synthetic(ADDRESS, 30, folders=["inbox"], seed=3)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        trial.until("the subscription exists", lambda: bool(trial.query("SELECT 1 FROM subscription")))
        until_quiet(trial)
        yield trial


def until_quiet(trial: Trial) -> int:
    """Wait until no requests come any more; return how many there were."""
    counts = [-2, -1]
    while counts[-1] != counts[-2]:
        time.sleep(1.5)  # the quiet is what is waited for
        counts.append(int(trial.simulator.admin.usage(ADDRESS)["requests"]))
    return counts[-1]


def ids(trial: Trial) -> list[str]:
    return [message["immutableId"] for message in trial.simulator.admin.messages(ADDRESS, "inbox")]


def row(trial: Trial, message_id: str) -> tuple[Any, ...]:
    sql = "SELECT is_read, flag::text, categories FROM message WHERE provider_message_id = %s AND deleted_at IS NULL"
    return trial.query(sql, message_id)[0]


def test_a_header_change_reaches_its_row_and_the_change_log_without_a_request(rich: Trial) -> None:
    admin, message = rich.simulator.admin, ids(rich)[0]
    assert admin.subscriptions()[0]["includeResourceData"] is True
    position = rich.query("SELECT event_position FROM app_user")[0][0]
    before = admin.usage(ADDRESS)["requests"]
    wanted = (not row(rich, message)[0], "flagged", ["Red category", "Grün"])
    admin.update(
        ADDRESS, message, isRead=wanted[0], flag={"flagStatus": wanted[1]}, categories=wanted[2], importance="high"
    )
    rich.until("it is in the row", lambda: row(rich, message) == wanted, 10)
    changes = rich.api.get("/changes", params={"after": position, "wait_seconds": 5}).raise_for_status().json()
    assert [item["kind"] for item in changes["items"]] == ["message.updated"]
    assert until_quiet(rich) == before
    assert rich.prove().holds


def test_what_the_header_does_not_explain_is_fetched(rich: Trial) -> None:
    admin, message = rich.simulator.admin, ids(rich)[1]
    before = admin.usage(ADDRESS)["requests"]
    admin.update(ADDRESS, message, subject="Another subject")
    sql = "SELECT subject FROM message WHERE provider_message_id = %s"
    rich.until("it is in the row", lambda: rich.query(sql, message) == [("Another subject",)], 10)
    assert until_quiet(rich) > before


@pytest.mark.parametrize(
    "fault", ["signature", "audience", "application", "issuer", "expired", "no-token", "data", "certificate"]
)
def test_content_that_does_not_prove_itself_is_left_aside_and_the_message_fetched(rich: Trial, fault: str) -> None:
    admin, message = rich.simulator.admin, ids(rich)[2]
    before, wanted = admin.usage(ADDRESS)["requests"], not row(rich, message)[0]
    admin.delivery(rich_fault=fault)
    admin.update(ADDRESS, message, isRead=wanted)
    rich.until("it is in the row", lambda: row(rich, message)[0] is wanted, 10)
    admin.reset_delivery()
    assert admin.usage(ADDRESS)["requests"] > before


def test_new_moved_and_deleted_messages_arrive_as_ever(rich: Trial) -> None:
    admin = rich.simulator.admin
    _, _, _, moved, deleted, *_ = ids(rich)
    admin.deliver(ADDRESS, {"subject": "New"})
    admin.move(ADDRESS, moved, "archive")
    admin.delete(ADDRESS, deleted, permanent=True)
    proof = rich.until_proved(20)
    assert proof.holds, proof
