"""Every kind of message that breaks mail programs: stored, marked where it had to change, and in nobody's way."""

from dev.trial import ADDRESS, Trial

ODD = 60


def test_every_odd_message_is_stored_and_no_page_fails(trial: Trial) -> None:
    trial.simulator.admin.make_synthetic(ADDRESS, ODD, folders=["inbox"], seed=5, odd_percent=100)
    trial.connect()
    trial.until_synced()
    proof = trial.prove()
    assert proof.holds, proof
    assert proof.expected == ODD
    assert trial.query("SELECT count(*) FROM sync_page WHERE state <> 'done'") == [(0,)]


def test_what_had_to_be_replaced_is_marked(trial: Trial) -> None:
    rows = trial.query("SELECT subject, altered FROM message WHERE altered <> '{}'")
    assert rows
    assert all("\ufffd" in subject for subject, altered in rows if "subject" in altered)


def test_odd_messages_were_really_there(trial: Trial) -> None:
    (largest, recipients) = trial.query(
        """SELECT max(length(html)), max(jsonb_array_length(to_recipients) + jsonb_array_length(cc_recipients)
                                         + jsonb_array_length(bcc_recipients))
             FROM message JOIN message_body ON message_id = message.id"""
    )[0]
    assert largest > 5_000_000
    assert recipients >= 600
    kinds = {kind for (kind,) in trial.query("SELECT DISTINCT kind::text FROM message")}
    assert "message" in kinds
    assert kinds & {"meeting_request", "meeting_response", "meeting_cancellation"}
    assert trial.query("SELECT count(*) FROM message WHERE received_at < '1000-01-01'")[0][0] > 0
    assert trial.query("SELECT count(*) FROM message WHERE from_address IS NULL")[0][0] > 0
    twins = "SELECT count(*) FROM (SELECT lower(provider_message_id) FROM message GROUP BY 1 HAVING count(*) > 1) AS t"
    assert trial.query(twins)[0][0] > 0


def test_they_can_all_be_listed_and_read(trial: Trial) -> None:
    listed = trial.api.get("/messages", params={"limit": 200}).raise_for_status().json()["items"]
    assert len(listed) == ODD
    for item in listed:
        assert trial.api.get(f"/messages/{item['id']}").raise_for_status().json()["id"] == item["id"]


def test_a_mailbox_goes_on_after_odd_live_mail(trial: Trial) -> None:
    admin = trial.simulator.admin
    admin.make_synthetic(ADDRESS, 20, folders=["inbox"], seed=6, odd_percent=100)
    proof = trial.until_proved()
    assert proof.holds, proof
