"""What audits find, repair and count, and what their reports say."""

from dev.verify_audit import verified_report
from shared.models.api import AuditKey, AuditKeys, AuditState
from shared.models.jobs import SyncChanges
from shared.report_signatures import public_keys
from tests.integration.mirrored.mirror import Mirror, damage, with_settings

TREE_REQUESTS = 3  # the well-known names in a batch, the top of the tree, and what is below one of its folders


def published(mail: Mirror) -> AuditKeys:
    keys = public_keys(mail.engine.secrets.current.audit_signing_keys)
    return AuditKeys(keys=[AuditKey(kid=kid, x=x) for kid, x in keys.items()])


async def test_a_clean_mailbox_is_proved_in_one_request_per_thousand_messages(mirror: Mirror) -> None:
    mirror.engine = with_settings(mirror.engine, audit_window_messages=950)
    mirror.admin.make_synthetic(mirror.address, 3_000, folders=["inbox", "archive"], seed=7, body_bytes=200)
    await mirror.sync()
    mirror.doorstep.reset()
    audit = await mirror.audit()
    assert (audit.state, audit.compared) == (AuditState.COMPLETED, 3_000)
    assert (audit.missing, audit.different, audit.extra, audit.recent, audit.repaired) == (0, 0, 0, 0, 0)
    assert audit.requests == mirror.doorstep.requests == TREE_REQUESTS + 4


async def test_what_differs_is_found_repaired_and_counted_once(mail: Mirror) -> None:
    await damage(mail)
    audit = await mail.audit()
    assert (audit.missing, audit.different, audit.extra) == (3, 5, 2)
    assert audit.repaired == 10
    assert audit.compared == 60
    proof = mail.prove()
    assert proof.holds, proof
    again = await mail.audit()
    assert (again.missing, again.different, again.extra, again.repaired) == (0, 0, 0, 0)


async def test_a_mailbox_that_changes_while_it_is_audited_comes_out_equal(mail: Mirror) -> None:
    """Changes between two windows, which nobody notified us of: in windows to come, and in those gone by."""
    ids = mail.ids()

    async def change() -> None:
        mail.admin.update(mail.address, ids[58], isRead=True, categories=["Seen"])
        mail.admin.move(mail.address, ids[57], "archive")
        mail.admin.move(mail.address, ids[56], "inbox")
        mail.admin.delete(mail.address, ids[55], permanent=True)
        mail.admin.deliver(mail.address, {"subject": "Just now"})

    mail.doorstep.before[TREE_REQUESTS + 2] = change
    first = await mail.audit()
    second = await mail.audit()
    assert first.state == second.state == AuditState.COMPLETED
    differences = [audit.missing + audit.different + audit.extra for audit in (first, second)]
    assert sum(differences) >= 4
    proof = mail.prove()
    assert proof.holds, proof
    third = await mail.audit()
    assert (third.missing, third.different, third.extra) == (0, 0, 0)


async def test_a_change_of_the_last_minutes_is_recent(mail: Mirror) -> None:
    mail.admin.deliver(mail.address, {"subject": "On its way"})
    audit = await mail.audit()
    assert (audit.missing, audit.recent, audit.repaired) == (1, 1, 1)


async def test_what_delta_missed_is_healed(mail: Mirror) -> None:
    """With immutable ids, delta may not tell of a message that was moved out and back: here it changed meanwhile."""
    mail.admin.delta(mail.address, miss_returned=True)
    changed = mail.ids("inbox")[3]
    mail.admin.move(mail.address, changed, "archive")
    mail.admin.update(mail.address, changed, isRead=True, categories=["Elsewhere"])
    mail.admin.move(mail.address, changed, "inbox")
    await mail.run(SyncChanges(account_id=mail.account.id))
    mail.jobs.take()
    assert not mail.prove().holds
    audit = await mail.audit()
    assert (audit.different, audit.repaired) == (1, 1)
    proof = mail.prove()
    assert proof.holds, proof


async def test_messages_of_hidden_folders_are_not_ours_unless_a_row_says_so(mail: Mirror) -> None:
    mail.admin.create_folder(mail.address, "Hidden", is_hidden=True)
    hidden_folder = "msgfolderroot/Hidden"
    hidden, *_ = mail.ids("inbox")
    mail.admin.deliver(mail.address, {"subject": "Unseen"}, folder=hidden_folder)
    mail.admin.move(mail.address, hidden, hidden_folder)
    audit = await mail.audit()
    assert (audit.compared, audit.missing, audit.different, audit.extra) == (59, 0, 0, 1)
    assert mail.prove().holds


async def test_more_than_an_answer_holds_is_compared_all_the_same(mail: Mirror) -> None:
    """Rows that we lack leave our windows too wide; one second may hold more than an answer."""
    mail.admin.fault("timeout", path="me/messages\\?.*top=(1000|500|250|125|62|31)&?", times=None)
    second = "2026-01-15T12:00:00Z"
    for number in range(40):
        mail.admin.deliver(mail.address, {"subject": f"{number}", "receivedDateTime": second})
    audit = await mail.audit()
    assert (audit.compared, audit.missing, audit.repaired) == (100, 40, 40)
    assert mail.prove().holds


async def test_a_report_is_signed_and_says_what_was_found(mail: Mirror) -> None:
    await damage(mail)
    audit = await mail.audit()
    keys = published(mail)
    report = verified_report(await mail.report(audit.id), keys)
    assert (report.audit_id, report.account_id) == (audit.id, mail.account.id)
    assert (report.compared, report.missing, report.different, report.extra, report.repaired) == (60, 3, 5, 2, 10)
    assert report.requests == audit.requests
    assert {folder.well_known_name: folder.stored_count for folder in report.folders}["inbox"] == 30
    assert all(folder.compared == folder.stored_count for folder in report.folders)
    assert len(report.windows) >= 3
    assert mail.address not in report.model_dump_json()
    assert await mail.query("SELECT count(*) FROM audit_window") == [(0,)]


async def test_a_mailbox_has_one_digest(mail: Mirror) -> None:
    """However it is cut, and whatever was wrong here: windows have the borders of our rows, lines are the mailbox's."""
    mail.engine = with_settings(mail.engine, audit_window_messages=1_000)
    keys = published(mail)
    digests = []
    for _ in range(2):
        audit = await mail.audit()
        digests.append(verified_report(await mail.report(audit.id), keys).digest)
        await damage(mail)
    assert digests[0] == digests[1]
