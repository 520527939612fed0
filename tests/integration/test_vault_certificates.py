"""The certificate for notifications in Key Vault: rotated while the product runs, and there when the vault is not."""

import asyncio
import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from shared.errors import ProviderMisconfigured, ProviderRejected, ServiceUnavailable
from shared.providers.notification_certificates import VaultCertificates
from shared.vault import Vault
from tests.integration.key_vault import Clock, Kept, KeyVault, running_vault
from tests.unit.rich_content import CertificateHolder

NAME = "notifications"
OLDER, NEWER = CertificateHolder(), CertificateHolder()


@pytest.fixture
def key_vault(ca_folder: Path) -> Iterator[KeyVault]:
    with running_vault(ca_folder) as vault:
        vault.secrets[NAME] = [Kept("older", OLDER.pem)]
        yield vault


@pytest.fixture
def certificates(vault: Vault, clock: Clock) -> VaultCertificates:
    return VaultCertificates(vault, NAME, clock)


def pkcs12_of(holder: CertificateHolder) -> str:
    pem = holder.pem
    certificate = x509.load_pem_x509_certificate(pem[pem.index("-----BEGIN CERTIFICATE") :].encode())
    return base64.b64encode(
        pkcs12.serialize_key_and_certificates(b"notifications", holder.key, certificate, None, NoEncryption())
    ).decode()


async def decrypts(certificates: VaultCertificates, certificate_id: str, holder: CertificateHolder) -> bool:
    key = await certificates.private_key(certificate_id)
    return key.private_numbers() == holder.key.private_numbers()


@pytest.mark.parametrize("is_pkcs12", [False, True])
async def test_the_newest_version_is_published_and_the_others_decrypt(
    certificates: VaultCertificates,
    key_vault: KeyVault,
    is_pkcs12: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    newer = Kept("newer", pkcs12_of(NEWER), "application/x-pkcs12") if is_pkcs12 else Kept("newer", NEWER.pem)
    key_vault.secrets[NAME].append(newer)
    assert (await certificates.current()).id == "newer"
    assert await decrypts(certificates, "newer", NEWER)
    assert await decrypts(certificates, "older", OLDER)


async def test_a_new_version_is_published_after_ten_minutes_without_a_restart(
    certificates: VaultCertificates, key_vault: KeyVault, clock: Clock
) -> None:
    assert (await certificates.current()).id == "older"
    key_vault.secrets[NAME].append(Kept("newer", NEWER.pem))
    clock.seconds += 599
    assert (await certificates.current()).id == "older"
    clock.seconds += 1
    assert (await certificates.current()).id == "newer"


async def test_a_version_that_another_process_published_is_looked_for_once_a_minute(
    certificates: VaultCertificates, key_vault: KeyVault, clock: Clock
) -> None:
    await certificates.current()
    key_vault.secrets[NAME].append(Kept("newer", NEWER.pem))
    clock.seconds += 60
    assert await decrypts(certificates, "newer", NEWER)
    asked = len(key_vault.asked)
    for _ in range(3):
        with pytest.raises(ProviderRejected):
            await certificates.private_key("made up")
    assert len(key_vault.asked) == asked


async def test_a_disabled_version_neither_publishes_nor_decrypts(
    certificates: VaultCertificates, key_vault: KeyVault
) -> None:
    key_vault.secrets[NAME].append(Kept("newer", NEWER.pem, enabled=False))
    assert (await certificates.current()).id == "older"
    with pytest.raises(ProviderRejected):
        await certificates.private_key("newer")


async def test_an_expired_version_gives_way_to_a_valid_older_one_and_decrypts(
    certificates: VaultCertificates, key_vault: KeyVault
) -> None:
    key_vault.secrets[NAME].append(Kept("newer", NEWER.pem, expires_at=datetime.now(UTC) - timedelta(days=1)))
    assert (await certificates.current()).id == "older"
    assert await decrypts(certificates, "newer", NEWER)


@pytest.mark.parametrize("status", [429, 403, 500, 503])
async def test_what_is_known_goes_on_while_the_vault_does_not_answer(
    certificates: VaultCertificates, key_vault: KeyVault, clock: Clock, status: int
) -> None:
    await certificates.current()
    key_vault.status = status
    clock.seconds += 3600
    assert (await certificates.current()).id == "older"
    asked = len(key_vault.asked)
    assert await decrypts(certificates, "older", OLDER)
    assert len(key_vault.asked) == asked  # it is not asked each time while it is down
    key_vault.status = None
    key_vault.secrets[NAME].append(Kept("newer", NEWER.pem))
    clock.seconds += 60
    assert (await certificates.current()).id == "newer"


@pytest.mark.parametrize("status", [429, 403, 503])
async def test_without_an_answer_and_without_a_certificate_it_is_for_later(
    certificates: VaultCertificates, key_vault: KeyVault, clock: Clock, status: int
) -> None:
    key_vault.status = status
    with pytest.raises(ServiceUnavailable):
        await certificates.current()
    asked = len(key_vault.asked)
    with pytest.raises(ServiceUnavailable):
        await certificates.current()
    assert len(key_vault.asked) == asked  # jobs do not wait for it one after another
    key_vault.status = None
    clock.seconds += 10
    assert (await certificates.current()).id == "older"


async def test_a_vault_that_lets_wait_holds_up_nothing_for_long(key_vault: KeyVault, clock: Clock) -> None:
    vault = Vault(key_vault.client(retries=2), answer_seconds=0.5)
    certificates = VaultCertificates(vault, NAME, clock)
    await certificates.current()
    key_vault.status, key_vault.retry_after = 429, 30
    clock.seconds += 3600
    async with asyncio.timeout(5):
        assert (await certificates.current()).id == "older"
    await vault.close()


async def test_a_vault_that_cannot_be_reached_is_for_later(ca_folder: Path) -> None:
    with running_vault(ca_folder) as gone:
        vault = gone.vault()
    with pytest.raises(ServiceUnavailable):
        await VaultCertificates(vault, NAME).current()
    await vault.close()


async def test_a_certificate_that_is_not_there_is_for_an_operator(vault: Vault) -> None:
    with pytest.raises(ProviderMisconfigured):
        await VaultCertificates(vault, "elsewhere").current()


@pytest.mark.parametrize(
    "kept",
    [
        Kept("odd", "a password"),
        Kept("odd", "no base64!", "application/x-pkcs12"),
        Kept("odd", ""),
        Kept("odd", NEWER.pem[NEWER.pem.index("-----BEGIN CERTIFICATE") :]),  # without its key
    ],
)
async def test_what_is_no_whole_certificate_is_passed_over_and_alone_is_for_an_operator(
    certificates: VaultCertificates, key_vault: KeyVault, clock: Clock, kept: Kept
) -> None:
    key_vault.secrets[NAME].append(kept)
    assert (await certificates.current()).id == "older"
    assert await decrypts(certificates, "older", OLDER)
    key_vault.secrets[NAME] = [kept]
    clock.seconds += 600
    with pytest.raises(ProviderMisconfigured):
        await certificates.current()
