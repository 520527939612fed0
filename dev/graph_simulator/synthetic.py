"""Made-up messages in any number, with the odd ones that break mail programs mixed in."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dev.demo_mailbox.mail import Address, Attachment, Mail
from dev.graph_simulator.composing import Composed, compose
from dev.graph_simulator.letters import Letters
from dev.graph_simulator.mailbox import Mailbox

_WORDS = [
    "report",
    "meeting",
    "budget",
    "launch",
    "review",
    "customer",
    "invoice",
    "travel",
    "schedule",
    "contract",
    "draft",
    "signature",
    "question",
    "answer",
    "tomorrow",
    "between",
    "office",
    "supplier",
    "delivery",
    "project",
    "roadmap",
    "summary",
    "estimate",
    "approval",
    "warehouse",
    "quarterly",
    "figures",
]
HUGE_BYTES = 5 * 1024 * 1024
MANY_RECIPIENTS = 600


@dataclass(slots=True)
class Recipe:
    """
    How many messages to make, and of what kind.

    `body_bytes` is the size of the HTML body, or with `as_letters` the mean of sizes as real mail has them; of every
    hundred messages `odd_percent` are odd, in turn from `odd`. Dates received spread evenly from `start` to `end`;
    every `same_second_every`th shares the one before it.
    """

    count: int
    body_bytes: int = 2000
    as_letters: bool = False
    seed: int = 0
    odd_percent: float = 0.0
    odd: Sequence[str] = ()
    start: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    end: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    same_second_every: int = 50


@dataclass(slots=True)
class _Making:
    """A message being made: the mail, and message properties that it cannot express."""

    mail: Mail
    dice: random.Random
    overrides: dict[str, Any] = field(default_factory=dict)


def synthetic_messages(recipe: Recipe, mailbox: Mailbox) -> Iterator[Composed]:
    """Yield the same messages for the same recipe."""
    dice = random.Random(recipe.seed)  # noqa: S311 - a reproducible choice is wanted
    step = (recipe.end - recipe.start) / max(recipe.count, 1)
    odd_names = tuple(recipe.odd) or tuple(ODD)
    letters = Letters(dice, recipe.body_bytes) if recipe.as_letters else None
    received, odd_count = recipe.start, 0
    for position in range(recipe.count):
        if not (recipe.same_second_every and position % recipe.same_second_every == 1):
            received = recipe.start + position * step
        making = _Making(_ordinary(position, recipe, dice, received, mailbox), dice)
        if letters:
            making.mail.html = letters.html(position, f"Message {recipe.seed}.{position}")
        if dice.random() * 100 < recipe.odd_percent:
            ODD[odd_names[odd_count % len(odd_names)]](making)
            odd_count += 1
        thread = mailbox.ids.conversation(f"{recipe.seed}:{position // 3}")
        making.overrides = {"isRead": dice.random() < 0.6} | making.overrides  # noqa: PLR2004 - a lived-in share
        yield compose(making.mail, received, thread, making.overrides)


def _ordinary(position: int, recipe: Recipe, dice: random.Random, received: datetime, mailbox: Mailbox) -> Mail:
    subject = " ".join(dice.choices(_WORDS, k=4)).capitalize()
    sender = Address(f"Sender {position % 97}", f"sender{position % 97}@fabrikam.example")
    message_id = f"<{recipe.seed}.{position}@fabrikam.example>"
    return Mail(
        subject=subject,
        from_=sender,
        sender=sender,
        to=[Address(mailbox.address, mailbox.address)],
        sent_at=received - timedelta(seconds=dice.randrange(60)),
        message_id=message_id,
        html=f"<html><body><p>{_prose(dice, recipe.body_bytes)}</p></body></html>",
        headers=[
            ("From", f"{sender.name} <{sender.address}>"),
            ("To", mailbox.address),
            ("Subject", subject),
            ("Message-ID", message_id),
        ],
    )


def _prose(dice: random.Random, size: int) -> str:
    block = " ".join(dice.choices(_WORDS, k=60)) + ".<br>\n"
    return (block * (size // len(block) + 1))[:size]


def _with_nul(making: _Making) -> None:
    making.mail.subject = "A NUL \0 in the subject"
    making.mail.html = "<p>and one \0 in the body</p>"
    making.mail.headers.append(("X-Nul", "one \0 here"))


def _with_surrogates(making: _Making) -> None:
    making.mail.subject = "A lone surrogate \ud83d in the subject"
    making.mail.html = "<p>and one \udc00 in the body</p>"
    making.mail.headers.append(("X-Surrogate", "one \ud83d here"))


def _without_from(making: _Making) -> None:
    making.mail.from_ = making.mail.sender = None


def _without_subject(making: _Making) -> None:
    making.mail.subject = None


def _without_message_id(making: _Making) -> None:
    making.mail.message_id = None


def _without_body(making: _Making) -> None:
    making.mail.html, making.mail.text = None, ""


def _huge(making: _Making) -> None:
    making.mail.html = f"<html><body>{_prose(making.dice, HUGE_BYTES)}</body></html>"


def _with_many_recipients(making: _Making) -> None:
    making.mail.to = [Address(f"Person {n}", f"person{n}@contoso.example") for n in range(MANY_RECIPIENTS)]


def _with_zero_date(making: _Making) -> None:
    making.overrides |= {"sentDateTime": "0001-01-01T00:00:00Z", "createdDateTime": "0001-01-01T00:00:00Z"}


def _received_never(making: _Making) -> None:
    making.overrides["receivedDateTime"] = "0001-01-01T00:00:00Z"


def _sent_in_the_far_future(making: _Making) -> None:
    making.mail.sent_at = datetime(2098, 1, 1, tzinfo=UTC)


def _meeting(making: _Making) -> None:
    kind, meeting = making.dice.choice(
        (
            ("eventMessageRequest", "meetingRequest"),
            ("eventMessageResponse", "meetingTenativelyAccepted"),
            ("eventMessage", "meetingCancelled"),
        )
    )
    making.overrides |= {"@odata.type": f"#microsoft.graph.{kind}", "meetingMessageType": meeting}


def _plain_text(making: _Making) -> None:
    making.mail.html, making.mail.text = None, "Plain text & <angle brackets>\r\nin two lines"


def _with_files(making: _Making) -> None:
    making.mail.attachments = [
        Attachment("Übersicht 2025.pdf", "application/pdf", b"%PDF-1.4 " + bytes(range(256))),
        Attachment("empty.bin", None, b""),
    ]


def _with_inline_image(making: _Making) -> None:
    making.mail.html = '<html><body><img src="cid:logo@contoso">Hello</body></html>'
    image = Attachment("logo.png", "image/png", b"\x89PNG\r\n", is_inline=True, content_id="logo@contoso")
    making.mail.attachments = [image]


def _with_item(making: _Making) -> None:
    inner = b"Subject: Inner\r\nFrom: inner@contoso.example\r\n\r\nText\r\n"
    making.mail.attachments = [
        Attachment("Inner", None, inner, kind="item"),
        Attachment("Shared file", "text/plain", b"https://contoso.example/file", kind="reference"),
    ]


def _with_odd_addresses(making: _Making) -> None:
    making.overrides |= {
        "toRecipients": [
            {"emailAddress": {"name": "Old system", "address": "/O=CONTOSO/OU=EXCHANGE/CN=RECIPIENTS/CN=OLD"}},
            {"emailAddress": {"name": "No address"}},
            {"emailAddress": {"name": None, "address": "nameless@contoso.example"}},
        ]
    }


def _with_script(making: _Making) -> None:
    making.mail.html = '<html><body onload="alert(1)"><script>alert(2)</script><p>Harmless</p></body></html>'


def _without_read_state(making: _Making) -> None:
    making.overrides["isRead"] = None


ODD: dict[str, Callable[[_Making], None]] = {
    "nul": _with_nul,
    "surrogate": _with_surrogates,
    "no-from": _without_from,
    "no-subject": _without_subject,
    "no-message-id": _without_message_id,
    "no-body": _without_body,
    "huge": _huge,
    "many-recipients": _with_many_recipients,
    "zero-date": _with_zero_date,
    "zero-received": _received_never,
    "future-date": _sent_in_the_far_future,
    "meeting": _meeting,
    "plain-text": _plain_text,
    "files": _with_files,
    "inline-image": _with_inline_image,
    "item": _with_item,
    "odd-addresses": _with_odd_addresses,
    "script": _with_script,
    "no-read-state": _without_read_state,
}
