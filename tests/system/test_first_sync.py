"""The first sync through the real host, queues and database, from a mailbox with everything odd in it."""

from pathlib import Path

from dev.trial import ADDRESS, Trial

MESSAGES = 2_000
FOLDERS = ["inbox", "archive", "sentitems", "junkemail"]
MEMORY_LIMIT_BYTES = 300 * 1024 * 1024


def test_every_message_arrives_and_the_host_stays_small(trial: Trial) -> None:
    trial.simulator.admin.make_synthetic(ADDRESS, MESSAGES, folders=FOLDERS, body_bytes=20_000, seed=7, odd_percent=3)
    trial.connect()
    largest = 0

    def synced() -> bool:
        nonlocal largest
        largest = max(largest, trial.host_memory_bytes())
        return bool(trial.progress()["state"] == "completed")

    trial.until("the sync is complete", synced, 180)
    proof = trial.prove()
    assert str(proof) == f"{MESSAGES} of {MESSAGES} messages in PostgreSQL · 0 missing · 0 different · 0 extra", proof
    assert largest < MEMORY_LIMIT_BYTES
    usage = trial.simulator.admin.usage(ADDRESS)
    assert usage["peakConcurrency"] <= 4
    assert usage["throttled"] == {}


def test_completion_is_told_once(trial: Trial) -> None:
    assert trial.query("SELECT count(*) FROM event WHERE kind = 'sync.completed'") == [(1,)]
    assert trial.query("SELECT count(*) FROM sync_page WHERE state <> 'done'") == [(0,)]


def test_progress_ends_at_the_total(trial: Trial) -> None:
    progress = trial.progress()
    assert progress["total_is_exact"]
    assert progress["messages_done"] == progress["messages_total"] == MESSAGES
    assert sum(folder["messages_done"] for folder in progress["folders"]) == MESSAGES


def test_search_finds_words_once_the_vectors_are_written(trial: Trial) -> None:
    trial.until("the backlog is empty", lambda: trial.query("SELECT count(*) FROM search_backlog") == [(0,)])
    found = trial.api.get("/messages", params={"q": "roadmap", "limit": 5}).raise_for_status().json()
    assert len(found["items"]) == 5


def test_a_second_sync_of_an_unchanged_mailbox_fetches_nothing(trial: Trial) -> None:
    trial.api.post(f"/accounts/{trial.account_id}/sync").raise_for_status()
    trial.until_synced()
    (run,) = trial.query("SELECT id FROM sync_run ORDER BY requested_at DESC LIMIT 1")
    assert trial.query("SELECT count(*) FROM sync_page WHERE run_id = %s", *run) == [(0,)]
    assert trial.prove().holds


def test_two_hosts_share_the_work_and_the_limit(tmp_path: Path) -> None:
    with Trial(tmp_path, hosts=2, latency_ms=30) as trial:
        trial.simulator.admin.make_synthetic(ADDRESS, 1_000, folders=FOLDERS, seed=8, odd_percent=1)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        proof = trial.until_proved()
        assert proof.holds, proof
        usage = trial.simulator.admin.usage(ADDRESS)
        assert 1 < usage["peakConcurrency"] <= 4  # a busy machine does not always come to four
        assert usage["throttled"] == {}
