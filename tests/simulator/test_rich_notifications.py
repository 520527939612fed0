"""Rich notifications: a subscriber decrypts what it selected and checks who sent it."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.x509.oid import NameOID

from tests.simulator.people import Person
from tests.simulator.receiver import Receiver
from tests.simulator.test_subscriptions import in_minutes, subscribe, subscribed

SELECT = "/me/messages?$select=subject,isRead,receivedDateTime,from,flag"
SENDER = {"emailAddress": {"name": "Robin", "address": "robin@fabrikam.example"}}
PUBLISHER = "0bf30f3b-4a52-48df-9a82-234910c4a086"


@dataclass(frozen=True)
class KeyPair:
    key: RSAPrivateKey
    certificate: x509.Certificate
    name: str

    def wish(self, **changes: object) -> dict[str, Any]:
        return {
            "resource": SELECT,
            "includeResourceData": True,
            "encryptionCertificate": self.text,
            "encryptionCertificateId": self.name,
        } | changes

    @property
    def text(self) -> str:
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    def opened(self, content: dict[str, str]) -> dict[str, Any]:
        """Decrypt, once the signature holds."""
        wrapped = base64.b64decode(content["dataKey"])
        secret = self.key.decrypt(wrapped, OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None))  # noqa: S303 - as the service
        data = base64.b64decode(content["data"])
        assert base64.b64encode(hmac.digest(secret, data, hashlib.sha256)).decode() == content["dataSignature"]
        decryptor = Cipher(AES256(secret), CBC(secret[:16])).decryptor()
        clear = decryptor.update(data) + decryptor.finalize()
        document: dict[str, Any] = json.loads(clear[: -clear[-1]])
        return document


def key_pair(name: str, bits: int = 2048) -> KeyPair:
    key = generate_private_key(public_exponent=65537, key_size=bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return KeyPair(key, builder.sign(key, hashes.SHA256()), name)


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return key_pair("first")


def claims_of(person: Person, token: str) -> dict[str, Any]:
    with httpx.Client(base_url=person.simulator.authority, verify=person.admin.tls, trust_env=False) as http:
        keys = http.get(http.get("/v2.0/.well-known/openid-configuration").json()["jwks_uri"]).json()["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(one for one in keys if one["kid"] == kid), algorithm="RS256")
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience=person.simulator.client_id)
    return claims


def test_an_arrival_brings_the_selected_properties_encrypted_and_a_token_of_the_sender(
    person: Person, receiver: Receiver, pair: KeyPair
) -> None:
    made = subscribed(person, receiver, **pair.wish())
    assert (made["includeResourceData"], made["encryptionCertificateId"]) == (True, "first")
    message = person.admin.deliver(person.address, {"subject": "Ünïcode", "from": SENDER})
    item = receiver.wait(1)[0]
    assert item["resourceData"]["id"] == message["immutableId"]
    content = item["encryptedContent"]
    assert content["encryptionCertificateId"] == "first"
    assert content["encryptionCertificateThumbprint"] == pair.certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - as the service
    opened = pair.opened(content)
    assert {name for name in opened if "@" not in name} == {"subject", "isRead", "receivedDateTime", "from", "flag"}
    assert (opened["subject"], opened["isRead"]) == ("Ünïcode", False)
    assert opened["receivedDateTime@odata.type"] == "#DateTimeOffset"
    assert opened["from"]["emailAddress"]["address"] == "robin@fabrikam.example"
    claims = claims_of(person, receiver.posts[0]["validationTokens"][0])
    tenant = person.user["tenant"]
    assert (claims["iss"], claims["appid"], claims["tid"]) == (f"https://sts.windows.net/{tenant}/", PUBLISHER, tenant)
    assert claims["ver"] == "1.0"


def test_each_item_has_a_key_of_its_own_and_a_post_one_token_for_its_tenant(
    person: Person, receiver: Receiver, pair: KeyPair
) -> None:
    subscribed(person, receiver, **pair.wish())
    person.admin.make_synthetic(person.address, 5)
    items = receiver.wait(5)
    assert len({item["encryptedContent"]["dataKey"] for item in items}) == 5
    assert all(len(post["validationTokens"]) == 1 for post in receiver.posts)


def test_a_change_tells_the_state_after_it_and_a_deletion_tells_none(
    person: Person, receiver: Receiver, pair: KeyPair
) -> None:
    subscribed(person, receiver, **pair.wish())
    message = person.deliver()
    person.admin.update(person.address, message["immutableId"], isRead=True)
    person.admin.delete(person.address, message["immutableId"], permanent=True)
    items = receiver.wait(3)
    assert [pair.opened(item["encryptedContent"])["isRead"] for item in items[:2]] == [False, True]
    assert "encryptedContent" not in items[2]


def test_a_renewed_certificate_is_used_from_then_on(person: Person, receiver: Receiver, pair: KeyPair) -> None:
    made = subscribed(person, receiver, **pair.wish())
    other = key_pair("second")
    path = f"/subscriptions/{made['id']}"
    change = {"encryptionCertificate": other.text, "encryptionCertificateId": "second"}
    assert person.http.patch(path, json=change).status_code == 200
    person.deliver(subject="under the second")
    content = receiver.wait(1)[0]["encryptedContent"]
    assert content["encryptionCertificateId"] == "second"
    assert other.opened(content)["subject"] == "under the second"


@pytest.mark.parametrize(
    "changes",
    [
        {"resource": "/me/messages"},
        {"resource": "/me/messages?$select=subject,body"},
        {"resource": "/me/messages?$select=uniqueBody"},
        {"resource": "/me/messages?$select=subject&$top=5"},
        {"resource": "/me/messages?$select=subject&$orderby=receivedDateTime"},
        {"resource": "/me/messages?$select=nonsense"},
        {"encryptionCertificate": None},
        {"encryptionCertificate": "nonsense"},
        {"encryptionCertificateId": None},
        {"encryptionCertificateId": "x" * 129},
        {"expirationDateTime": in_minutes(1_500)},
    ],
)
def test_a_wish_for_data_that_the_service_refuses_is_a_400(
    person: Person, receiver: Receiver, pair: KeyPair, changes: dict[str, Any]
) -> None:
    assert subscribe(person, receiver, **pair.wish(**changes)).status_code == 400


def test_a_short_key_is_refused(person: Person, receiver: Receiver) -> None:
    assert subscribe(person, receiver, **key_pair("short", 1024).wish()).status_code == 400


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("signature", jwt.InvalidSignatureError),
        ("audience", jwt.InvalidAudienceError),
        ("expired", jwt.ExpiredSignatureError),
    ],
)
def test_a_token_is_bad_on_demand(
    other_person: Person, receiver: Receiver, pair: KeyPair, fault: str, error: type[Exception]
) -> None:
    subscribed(other_person, receiver, **pair.wish())
    other_person.admin.delivery(rich_fault=fault)
    other_person.deliver()
    receiver.wait(1)
    with pytest.raises(error):
        claims_of(other_person, receiver.posts[0]["validationTokens"][0])
    other_person.admin.reset_delivery()


def test_a_token_comes_from_elsewhere_on_demand(other_person: Person, receiver: Receiver, pair: KeyPair) -> None:
    subscribed(other_person, receiver, **pair.wish())
    other_person.admin.delivery(rich_fault="application")
    other_person.deliver()
    receiver.wait(1)
    assert claims_of(other_person, receiver.posts[0]["validationTokens"][0])["appid"] != PUBLISHER
    other_person.admin.delivery(rich_fault="issuer")
    other_person.deliver()
    receiver.wait(2)
    claims = claims_of(other_person, receiver.posts[1]["validationTokens"][0])
    assert claims["iss"] != f"https://sts.windows.net/{other_person.user['tenant']}/"
    other_person.admin.reset_delivery()


def test_data_is_tampered_with_and_certificates_are_unknown_on_demand(
    other_person: Person, receiver: Receiver, pair: KeyPair
) -> None:
    subscribed(other_person, receiver, **pair.wish())
    other_person.admin.delivery(rich_fault="data")
    other_person.deliver()
    with pytest.raises(AssertionError):
        pair.opened(receiver.wait(1)[0]["encryptedContent"])
    other_person.admin.delivery(rich_fault="certificate")
    other_person.deliver()
    assert receiver.wait(2)[1]["encryptedContent"]["encryptionCertificateId"] == "unknown"
    other_person.admin.reset_delivery()
