"""What outlives the process: after a kill the same ids, links, subscriptions and tokens are good."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from dev.graph_simulator.__main__ import DEMO_ADDRESS
from dev.graph_simulator.certificates import server_context
from dev.graph_simulator.fixture import RunningSimulator, SimulatorFailed, start_simulator
from dev.graph_simulator.sign_in import sign_in
from tests.simulator.delta_client import Mirror
from tests.simulator.people import Person, in_path, new_person
from tests.simulator.receiver import Receiver
from tests.simulator.test_subscriptions import subscribed


def test_after_a_kill_everything_is_as_it_was(tmp_path: Path, receiver: Receiver) -> None:
    state, ca_dir = tmp_path / "state", tmp_path / "ca"
    with start_simulator(state=state, ca_dir=ca_dir) as running:
        port = running.port
        person = new_person(running)
        person.admin.make_synthetic(
            person.address,
            60,
            odd_percent=30,
            odd=["nul", "surrogate", "files", "zero-date"],
            folders=["inbox", "inbox/Sub"],
        )
        mirror = Mirror(person, page_size=7)
        mirror.round()
        midway = Mirror(person, page_size=7)
        next_link = midway.step(midway.start())
        subscription = subscribed(person, receiver)
        refresh_token = sign_in(running, person.address).refresh_token
        victim = person.admin.messages(person.address, "inbox")[0]
        person.admin.move(person.address, victim["immutableId"], "archive")
        before = list(person.admin.dump(person.address))
        person.http.close()
        running.kill()

    with start_simulator(state=state, ca_dir=ca_dir, port=port) as running:
        again = known_person(running, person.address, refresh_token)
        assert list(again.admin.dump(person.address)) == before
        assert again.get(f"/subscriptions/{subscription['id']}").json()["expirationDateTime"]
        mirror.person = midway.person = again
        assert [item["id"] for item in mirror.round() if "@removed" in item] == [victim["immutableId"]]
        while next_link:
            next_link = midway.step(next_link)
        receiver.posts.clear()
        message = again.deliver()
        assert receiver.wait(1)[0]["resourceData"]["id"] == message["immutableId"]
        assert message["immutableId"] not in {line.get("immutableId") for line in before}
        again.http.close()


def known_person(running: RunningSimulator, address: str, refresh_token: str) -> Person:
    form = {
        "client_id": running.client_id,
        "client_secret": running.client_secret,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    with httpx.Client(verify=running.admin.tls, trust_env=False) as http:
        document: dict[str, Any] = http.post(f"{running.authority}/oauth2/v2.0/token", data=form).json()
    headers = {"Authorization": f"Bearer {document['access_token']}"}
    client = httpx.Client(base_url=running.graph_base_url, verify=running.admin.tls, trust_env=False, headers=headers)
    return Person(running, address, {}, client)


def test_what_was_answered_is_durable(tmp_path: Path) -> None:
    with start_simulator(state=tmp_path) as running:
        person = new_person(running)
        message = person.deliver()
        path = f"/me/messages/{in_path(message['regularId'])}"
        changed = person.http.patch(path, json={"isRead": True}).json()
        person.http.close()
        running.kill()
    with start_simulator(state=tmp_path) as running:
        found = running.admin.messages(person.address)
        assert [(one["changeKey"], one["isRead"]) for one in found] == [(changed["changeKey"], True)]
        last = running.admin.deliver(person.address, {"subject": "last"})
        running.kill()
    with start_simulator(state=tmp_path) as running:
        assert last["immutableId"] in [one["immutableId"] for one in running.admin.messages(person.address)]


def test_the_certificate_is_used_again_and_a_host_certificate_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    with start_simulator(ca_dir=tmp_path):
        first = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(first) == {"ca.pem", "ca.key", "localhost.pem"}
    assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0
    (tmp_path / "localhost.pem").unlink()
    with start_simulator(ca_dir=tmp_path) as running:
        assert running.admin.health()["status"] == "ready"
    assert (tmp_path / "ca.pem").read_bytes() == first["ca.pem"]
    assert (tmp_path / "localhost.pem").read_bytes() != first["localhost.pem"]


def test_a_host_certificate_that_is_about_to_expire_is_renewed_by_the_same_authority(tmp_path: Path) -> None:
    server_context(tmp_path)
    authority = (tmp_path / "ca.pem").read_bytes()
    old = trustme.CA.from_pem(authority, (tmp_path / "ca.key").read_bytes()).issue_cert(
        "localhost", not_after=datetime.now(UTC) + timedelta(days=1)
    )
    (tmp_path / "localhost.pem").write_bytes(old.private_key_and_cert_chain_pem.bytes())
    server_context(tmp_path)
    renewed = (tmp_path / "localhost.pem").read_bytes()
    assert renewed != old.private_key_and_cert_chain_pem.bytes()
    assert (tmp_path / "ca.pem").read_bytes() == authority


def test_a_mailbox_that_gets_its_mail_later_notifies_who_subscribed_before(tmp_path: Path, receiver: Receiver) -> None:
    state, letters = tmp_path / "state", tmp_path / "letters"
    letters.mkdir()
    (letters / "one.eml").write_bytes(b"Subject: one\n\nText\n")
    with start_simulator(state=state) as running:
        person = known_person(running, DEMO_ADDRESS, sign_in(running, DEMO_ADDRESS).refresh_token)
        subscribed(person, receiver)
        person.http.close()
    with start_simulator(state=state, mailbox=str(letters)):
        assert receiver.wait(1)[0]["changeType"] == "created"


def test_a_start_that_cannot_work_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(SimulatorFailed, match="neither an mbox file, nor a Maildir"),
        start_simulator(mailbox=str(tmp_path)),
    ):
        pass
