"""Content of rich notifications: read only as it was sealed for us, and only whole."""

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ProviderMisconfigured, ProviderRejected
from shared.models.mail import FlagStatus, Importance, MailMessage
from shared.providers.graph.notification_content import RICH_SELECT, message_from_content
from shared.providers.notification_certificates import NotificationCertificates
from tests.unit.rich_content import HEADER, CertificateHolder, Sealed

HOLDER = CertificateHolder()


def opened(sealed: Sealed, message_id: str = "AAMkAGU=") -> MailMessage:
    return message_from_content(
        HOLDER.key,
        data=sealed.data,
        data_key=sealed.data_key,
        data_signature=sealed.data_signature,
        provider_message_id=message_id,
    )


def test_content_is_read_as_it_was_sealed() -> None:
    message = opened(HOLDER.sealed(HEADER))
    assert (message.change_key, message.provider_folder_id, message.subject) == ("CQAAABYB", "inbox-id", "Minutes")
    assert (message.is_read, message.flag, message.importance) == (True, FlagStatus.FLAGGED, Importance.HIGH)
    assert (message.categories, message.preview) == (["Red category"], "Dear all")
    assert message.last_modified_at == datetime(2026, 11, 20, 10, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("part", ["data", "data_key", "data_signature"])
@pytest.mark.parametrize("place", [0, 20, -1])
def test_content_that_was_tampered_with_anywhere_is_refused(part: str, place: int) -> None:
    sealed = HOLDER.sealed(HEADER)
    tampered = bytearray(base64.b64decode(getattr(sealed, part)))
    tampered[place] ^= 1
    with pytest.raises(ProviderRejected):
        opened(replace(sealed, **{part: base64.b64encode(tampered).decode()}))


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_whatever_stands_in_for_content_is_refused(data: str, data_key: str, data_signature: str) -> None:
    with pytest.raises(ProviderRejected):
        opened(Sealed(data, data_key, data_signature))


@settings(max_examples=30)
@given(st.binary(max_size=60))
def test_whatever_was_sealed_is_refused_if_it_is_no_header(clear: bytes) -> None:
    with pytest.raises(ProviderRejected):
        opened(HOLDER.sealed(clear))


@pytest.mark.parametrize("name", RICH_SELECT)
def test_content_without_a_property_is_refused(name: str) -> None:
    with pytest.raises(ProviderRejected):
        opened(HOLDER.sealed({key: value for key, value in HEADER.items() if key != name}))


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "AAMkAGV="},
        {"id": None},
        {"changeKey": ""},
        {"changeKey": 7},
        {"lastModifiedDateTime": "yesterday"},
        {"categories": "Red"},
        {"isRead": "perhaps"},
        {"subject": "Min\x00utes"},
        {"flag": "flagged"},
    ],
)
def test_content_that_is_of_another_message_or_cannot_be_read_is_refused(odd: dict[str, object]) -> None:
    with pytest.raises(ProviderRejected):
        opened(HOLDER.sealed(HEADER | odd))


def test_content_for_another_certificate_or_with_a_short_key_is_refused() -> None:
    for sealed in (CertificateHolder().sealed(HEADER), HOLDER.sealed(HEADER, key_bytes=16)):
        with pytest.raises(ProviderRejected):
            opened(sealed)


async def test_the_first_certificate_is_published_and_all_decrypt() -> None:
    older = CertificateHolder()
    ring = NotificationCertificates({"newer": HOLDER.pem, "older": older.pem})
    assert (await ring.current()).id == "newer"
    assert base64.b64decode((await ring.current()).encoded)[0] == 0x30  # DER begins with a sequence
    for certificate_id, holder in (("newer", HOLDER), ("older", older)):
        assert (await ring.private_key(certificate_id)).private_numbers() == holder.key.private_numbers()
    with pytest.raises(ProviderRejected):
        await ring.private_key("oldest")


@pytest.mark.parametrize("pem", ["-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n", ""])
async def test_certificates_that_cannot_be_read_are_for_an_operator(pem: str) -> None:
    ring = NotificationCertificates({"first": pem})
    with pytest.raises(ProviderMisconfigured):
        await ring.current()
    with pytest.raises(ProviderMisconfigured):
        await ring.private_key("first")
