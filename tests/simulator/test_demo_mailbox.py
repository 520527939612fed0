"""The demo mailbox: real mail, all of it, whatever state it is in."""

import mailbox
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dev.demo_mailbox.layout import placed_mails
from dev.demo_mailbox.mail import Address, Mail, PlacedMail
from dev.demo_mailbox.parsing import mail_from
from dev.demo_mailbox.sources import CORPUS, SPAM_ASSASSIN, RawMail, raw_mails
from dev.demo_mailbox.threads import conversations, normal_subject
from dev.graph_simulator.client import SimulatorAdmin
from dev.graph_simulator.fixture import start_simulator

END = datetime(2026, 11, 1, tzinfo=UTC)
OWNER = Address("Demo", "demo@contoso.example")
CORPUS_SIZE = 6046


def _silent(done: int, total: int) -> None:
    pass


@cache
def corpus() -> Sequence[PlacedMail]:
    return placed_mails(raw_mails(SPAM_ASSASSIN), SPAM_ASSASSIN, END, OWNER, _silent)


def test_every_message_of_the_corpus_has_a_place() -> None:
    assert len(corpus()) == CORPUS_SIZE == len(list(CORPUS.glob("*/*.txt")))
    assert all(placed.mail.text is not None or placed.mail.html is not None for placed in corpus())
    assert all(placed.mail.headers for placed in corpus())


def test_the_mailbox_looks_lived_in() -> None:
    folders = Counter(placed.folder for placed in corpus())
    assert {("inbox",), ("archive",), ("junkemail",), ("sentitems",), ("deleteditems",)} <= set(folders)
    assert sum(len(folder) > 2 for folder in folders) > 5
    assert folders["junkemail",] > 1000
    received = [placed.received_at for placed in corpus()]
    assert max(received) <= END
    assert END - timedelta(days=731) < min(received) < END - timedelta(days=725)
    assert len(set(received)) < CORPUS_SIZE  # some arrive in the same second
    assert 0.5 < sum(placed.is_read for placed in corpus()) / CORPUS_SIZE < 0.9
    assert {placed.flag_status for placed in corpus()} == {"notFlagged", "flagged", "complete"}
    assert any(placed.categories for placed in corpus())


def test_the_same_source_and_end_give_the_same_mailbox() -> None:
    some = raw_mails(SPAM_ASSASSIN)[::20]
    one, other = (placed_mails(some, SPAM_ASSASSIN, END, OWNER, _silent) for _ in range(2))
    assert one == other


def test_replies_share_a_conversation_and_come_after_what_they_answer() -> None:
    by_id = {placed.mail.message_id: placed for placed in corpus() if placed.mail.message_id}
    pairs = [
        (by_id[reference], placed)
        for placed in corpus()
        for reference in placed.mail.references[-1:]
        if reference in by_id and placed.mail.message_id != reference
    ]
    assert len(pairs) > 500
    assert all(original.conversation == reply.conversation for original, reply in pairs)
    in_order = sum(original.received_at <= reply.received_at for original, reply in pairs)
    assert in_order / len(pairs) > 0.9  # clocks of senders are not always right


def test_conversations_join_by_reference_and_by_the_subject_of_a_reply() -> None:
    mails = [
        Mail(subject="Plan", message_id="<1>"),
        Mail(subject="Something else", message_id="<2>", references=["<1>"]),
        Mail(subject="RE: [list] plan"),
        Mail(subject="Plan"),
    ]
    keys = conversations(mails)
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert normal_subject("Re: Fwd: [list] AW:  A  b") == ("a b", True)


@pytest.mark.parametrize(
    "charset", ["x-unknown", "undefined", "unicode_escape", "idna", "hex", "utf-7", "base64", '"', "\N{SNOWMAN}", ""]
)
def test_a_hostile_character_set_gives_text_all_the_same(charset: str) -> None:
    head = f"Subject: =?{charset}?q?caf=E9?=\nContent-Type: text/plain; charset={charset}\n\n".encode()
    mail = mail_from(head + b"caf\xe9 \\ud800 \\N{x}\n")
    assert "caf" in (mail.subject or "")
    assert "caf" in (mail.text or "")
    (mail.text or "").encode()


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=400))
def test_any_bytes_make_a_mail(data: bytes) -> None:
    mail_from(data)


_HEADER = st.sampled_from(
    [b"From", b"To", b"Date", b"Subject", b"Content-Type", b"Content-Transfer-Encoding", b"References"]
)
_VALUE = st.one_of(
    st.binary(max_size=60).map(lambda data: data.replace(b"\n", b"")),
    st.sampled_from(
        [
            b"multipart/mixed; boundary=b",
            b"text/html; charset=utf-16",
            b"message/rfc822",
            b"base64",
            b"x-uuencode",
            b"=?utf-8?b?////?= <a@b>",
            b"Mon, 99 Foo 99999 25:61:61 +9999",
            b'a@b, "unclosed <c@d',
        ]
    ),
)


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(st.tuples(_HEADER, _VALUE), max_size=6),
    st.lists(st.sampled_from([b"--b", b"--b--", b"x", b"", b"=\xff"]), max_size=8),
)
def test_any_headers_and_parts_make_a_mail(headers: list[tuple[bytes, bytes]], lines: list[bytes]) -> None:
    raw = b"\n".join([*(name + b": " + value for name, value in headers), b"", *lines])
    mail = mail_from(raw)
    assert len(mail.headers) <= len(headers)


def test_a_mail_with_everything_is_taken_apart() -> None:
    raw = b"""From: "Smith, Anna" <anna@contoso.example>\r
Sender: list@contoso.example\r
To: a@contoso.example\r
Cc: b@contoso.example, c@contoso.example\r
Subject: =?iso-8859-1?q?Gr=FC=DFe?= =?utf-8?q?_und_mehr?=\r
Date: Tue, 3 Mar 2026 10:00:00 +0100\r
Message-ID: <1@contoso.example>\r
References: <0@contoso.example>\r
Importance: high\r
Content-Type: multipart/mixed; boundary=outer\r
\r
--outer\r
Content-Type: multipart/alternative; boundary=inner\r
\r
--inner\r
Content-Type: text/plain; charset=iso-8859-1\r
Content-Transfer-Encoding: quoted-printable\r
\r
Gr=FC=DFe\r
--inner\r
Content-Type: text/html; charset=utf-8\r
\r
<p>Hello</p>\r
--inner--\r
--outer\r
Content-Type: application/pdf; name="=?utf-8?q?=C3=9Cbersicht.pdf?="\r
Content-Disposition: attachment\r
Content-Transfer-Encoding: base64\r
\r
JVBERg==\r
--outer\r
Content-Type: image/png\r
Content-ID: <logo@contoso>\r
Content-Disposition: inline; filename=logo.png\r
\r
png\r
--outer\r
Content-Type: message/rfc822\r
\r
Subject: Inner\r
\r
Inside\r
--outer--\r
"""
    mail = mail_from(raw)
    assert mail.from_ == Address("Smith, Anna", "anna@contoso.example")
    assert mail.sender == Address("list@contoso.example", "list@contoso.example")
    assert (len(mail.to), len(mail.cc)) == (1, 2)
    assert mail.subject == "Grüße und mehr"
    assert mail.sent_at == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert (mail.message_id, mail.references, mail.importance) == (
        "<1@contoso.example>",
        ["<0@contoso.example>"],
        "high",
    )
    assert (mail.text, mail.html) == ("Grüße", "<p>Hello</p>")
    pdf, logo, inner = mail.attachments
    assert (pdf.name, pdf.data, pdf.is_inline) == ("Übersicht.pdf", b"%PDF", False)
    assert (logo.name, logo.content_id, logo.is_inline) == ("logo.png", "logo@contoso", True)
    assert (inner.kind, inner.name, b"Inside" in inner.data) == ("item", "Inner", True)
    assert mail.raw == raw


@pytest.fixture
def letters() -> list[bytes]:
    return [
        f"From: a@b.example\nSubject: {number}\nDate: Tue, 3 Mar 2026 10:00:0{number} +0000\n\nText {number}\n".encode()
        for number in range(3)
    ]


def test_mail_comes_from_a_folder_of_files_with_its_subfolders(tmp_path: Path, letters: list[bytes]) -> None:
    for position, letter in enumerate(letters):
        folder = tmp_path / ("2026/March" if position else ".")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{position}.eml").write_bytes(letter)
    assert sorted(one.folder for one in raw_mails(str(tmp_path))) == [(), ("2026", "March"), ("2026", "March")]
    assert raw_mails(str(tmp_path / "0.eml")) == [RawMail(letters[0])]


def test_mail_comes_from_a_maildir_with_its_flags_and_folders(tmp_path: Path, letters: list[bytes]) -> None:
    box = mailbox.Maildir(tmp_path / "mail", create=True)
    seen = mailbox.MaildirMessage(letters[0])
    seen.set_subdir("cur")
    seen.set_flags("FS")
    box.add(seen)
    box.add_folder("Work.Plans").add(mailbox.MaildirMessage(letters[1]))
    found = raw_mails(str(tmp_path / "mail"))
    assert [(one.folder, one.is_read, one.is_flagged) for one in found] == [
        ((), True, True),
        (("Work", "Plans"), False, False),
    ]


def test_mail_comes_from_an_mbox_and_is_served(tmp_path: Path, letters: list[bytes]) -> None:
    box = mailbox.mbox(tmp_path / "mail.mbox")
    for letter in letters:
        message = mailbox.mboxMessage(letter)
        message.set_flags("R" if b"Subject: 1" in letter else "")
        box.add(message)
    box.close()
    with start_simulator(mailbox=str(tmp_path / "mail.mbox")) as running:
        served = {one["subject"]: one for one in messages_of(running.admin, "demo@contoso.example")}
    assert {subject: one["isRead"] for subject, one in served.items()} == {"0": False, "1": True, "2": False}
    assert served["2"]["receivedDateTime"] == "2026-03-03T10:00:02Z"


def test_the_whole_corpus_is_served_and_there_at_once_the_second_time(tmp_path: Path) -> None:
    dates = ["--mailbox-end", "2026-11-01T00:00:00Z"]
    with start_simulator(mailbox=SPAM_ASSASSIN, state=tmp_path, arguments=dates) as running:
        messages = running.admin.messages("demo@contoso.example")
        assert sum(line["kind"] == "message" for line in running.admin.dump("demo@contoso.example")) == CORPUS_SIZE
        assert "mailbox: 6046/6046\n" in running.output
    assert len(messages) == CORPUS_SIZE
    assert len({message["immutableId"] for message in messages}) == CORPUS_SIZE
    with start_simulator(mailbox=SPAM_ASSASSIN, state=tmp_path) as running:
        assert running.admin.messages("demo@contoso.example") == messages
        assert "mailbox: 500/6046\n" not in running.output


def messages_of(admin: SimulatorAdmin, address: str) -> list[dict[str, object]]:
    return admin.messages(address)
