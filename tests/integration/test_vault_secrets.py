"""Keys in Key Vault: rotated while the product runs, refused by no process meanwhile, kept when the vault is away."""

import asyncio
import base64
import json
import logging
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import ServiceUnavailable
from shared.identity import AppIdentity
from shared.secrets import SecretSource
from shared.settings import Settings
from shared.vault import Vault, open_vault
from tests.integration.app_identity import running_identity
from tests.integration.key_vault import TOKEN, Clock, Kept, KeyVault, running_vault

FIRST, SECOND = secrets.token_bytes(32), secrets.token_bytes(32)
OLD_KEY, NEW_KEY = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
RINGS = ("jwt-signing-keys", "token-encryption-keys", "audit-signing-keys")


def ring(**keys: bytes) -> str:
    return json.dumps({key_id: base64.urlsafe_b64encode(key).decode() for key_id, key in keys.items()})


def just_now(version_id: str, value: str, *, seconds_ago: float = 0) -> Kept:
    return Kept(version_id, value, created_at=datetime.now(UTC) - timedelta(seconds=seconds_ago))


@pytest.fixture
def key_vault(ca_folder: Path) -> Iterator[KeyVault]:
    with running_vault(ca_folder) as vault:
        vault.secrets = {name: [Kept("v1", ring(first=FIRST))] for name in RINGS}
        vault.secrets["webhook-key"] = [Kept("v1", OLD_KEY)]
        vault.secrets["microsoft-client-secret"] = [Kept("v1", "one")]
        yield vault


def settings_for(key_vault: KeyVault, **given: Any) -> Settings:  # noqa: ANN401 - whatever a deployment sets
    return Settings.model_validate(
        {
            "database_url": "postgresql://mail_app@127.0.0.1/mail",
            "microsoft_client_id": "client",
            "public_base_url": "https://api.contoso.example",
            "web_base_url": "https://mail.contoso.example",
            "key_vault_url": key_vault.url,
            "trusted_ca_file": key_vault.ca_file,
            **given,
        }
    )


@pytest.fixture
def source(key_vault: KeyVault, vault: Vault, clock: Clock) -> SecretSource:
    return SecretSource(settings_for(key_vault), vault, clock)


async def later(source: SecretSource, clock: Clock, seconds: float = 300) -> None:
    clock.seconds += seconds
    await source.refresh()


async def test_what_is_not_set_comes_from_the_vault_and_what_is_set_does_not(key_vault: KeyVault, vault: Vault) -> None:
    source = SecretSource(settings_for(key_vault, webhook_key=NEW_KEY), vault)
    await source.refresh()
    current = source.current
    assert current.jwt_signing_keys == current.token_encryption_keys == current.audit_signing_keys == {"first": FIRST}
    assert (current.webhook_keys, current.microsoft_client_secret) == ((NEW_KEY,), "one")
    assert not [path for path in key_vault.asked if "webhook-key" in path]
    assert FIRST.hex() not in repr(current)
    assert OLD_KEY not in repr(current)


async def test_a_secret_is_read_again_when_it_has_aged_and_a_version_only_once(
    source: SecretSource, key_vault: KeyVault, clock: Clock
) -> None:
    await source.refresh()
    key_vault.secrets["microsoft-client-secret"].append(Kept("v2", "two"))
    await later(source, clock, 299)
    assert source.current.microsoft_client_secret == "one"
    key_vault.asked.clear()
    await later(source, clock, 1)
    assert source.current.microsoft_client_secret == "two"
    assert [path for path in key_vault.asked if not path.endswith("/versions")] == [
        "/secrets/microsoft-client-secret/v2"
    ]


async def test_a_new_key_signs_only_when_every_process_has_had_time_to_read_it(
    source: SecretSource, key_vault: KeyVault, clock: Clock
) -> None:
    await source.refresh()
    key_vault.secrets["jwt-signing-keys"].append(just_now("v2", ring(second=SECOND, first=FIRST)))
    key_vault.secrets["webhook-key"].append(just_now("v2", NEW_KEY))
    await later(source, clock)
    assert list(source.current.jwt_signing_keys.items()) == [("first", FIRST), ("second", SECOND)]
    assert list(source.current.webhook_keys) == [OLD_KEY, NEW_KEY]
    aged = datetime.now(UTC) - timedelta(seconds=361)
    for name in ("jwt-signing-keys", "webhook-key"):
        newest = key_vault.secrets[name][-1]
        key_vault.secrets[name][-1] = Kept(newest.id, newest.value, created_at=aged)
    await later(source, clock)
    assert list(source.current.jwt_signing_keys) == ["second", "first"]
    assert list(source.current.webhook_keys) == [NEW_KEY, OLD_KEY]


async def test_of_two_new_keys_in_a_row_neither_signs_before_it_is_known(
    source: SecretSource, key_vault: KeyVault, clock: Clock
) -> None:
    await source.refresh()
    third = secrets.token_bytes(32)
    key_vault.secrets["jwt-signing-keys"] += [
        just_now("v2", ring(second=SECOND, first=FIRST), seconds_ago=60),
        just_now("v3", ring(third=third, second=SECOND, first=FIRST)),
    ]
    key_vault.secrets["webhook-key"] += [just_now("v2", NEW_KEY, seconds_ago=60), just_now("v3", NEW_KEY[::-1])]
    await later(source, clock)
    assert next(iter(source.current.jwt_signing_keys)) == "first"
    assert set(source.current.jwt_signing_keys) == {"first", "second", "third"}
    assert source.current.webhook_keys[0] == OLD_KEY
    assert set(source.current.webhook_keys) == {OLD_KEY, NEW_KEY, NEW_KEY[::-1]}


async def test_a_key_that_replaces_a_withdrawn_one_signs_at_once(
    source: SecretSource, key_vault: KeyVault, clock: Clock
) -> None:
    await source.refresh()
    key_vault.secrets["jwt-signing-keys"].append(just_now("v2", ring(second=SECOND)))
    key_vault.secrets["webhook-key"] = [Kept("v1", OLD_KEY, enabled=False), just_now("v2", NEW_KEY)]
    await later(source, clock)
    assert source.current.jwt_signing_keys == {"second": SECOND}
    assert list(source.current.webhook_keys) == [NEW_KEY]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jwt-signing-keys", "a password"),
        ("token-encryption-keys", "{}"),
        ("audit-signing-keys", '{"first": "too short"}'),
        ("webhook-key", "too short"),
    ],
)
async def test_a_version_that_cannot_be_read_is_passed_over_and_not_quoted(
    source: SecretSource, key_vault: KeyVault, clock: Clock, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    await source.refresh()
    before = source.current
    key_vault.secrets[name].append(Kept("odd", value))
    await later(source, clock)
    assert source.current.jwt_signing_keys == before.jwt_signing_keys
    assert list(source.current.webhook_keys) == list(before.webhook_keys)
    (told,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert (told.__dict__["secret"], told.__dict__["version"]) == (name, "odd")
    assert value not in caplog.text
    key_vault.secrets[name] = [Kept("odd", value)]
    await later(source, clock)
    assert source.current.jwt_signing_keys == before.jwt_signing_keys


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_what_is_known_goes_on_while_the_vault_does_not_answer(
    source: SecretSource, key_vault: KeyVault, clock: Clock, status: int
) -> None:
    await source.refresh()
    key_vault.status = status
    await later(source, clock, 3600)
    assert source.current.webhook_keys == [OLD_KEY]
    asked = len(key_vault.asked)
    await source.refresh()
    assert len(key_vault.asked) == asked  # not asked each time
    key_vault.status = None
    key_vault.secrets["webhook-key"].append(Kept("v2", NEW_KEY))
    await later(source, clock, 10)
    assert list(source.current.webhook_keys) == [NEW_KEY, OLD_KEY]


async def test_without_an_answer_nothing_is_signed_and_it_is_asked_again_soon(
    source: SecretSource, key_vault: KeyVault, clock: Clock
) -> None:
    with pytest.raises(ServiceUnavailable):
        _ = source.current
    key_vault.status = 503
    await source.refresh()
    with pytest.raises(ServiceUnavailable):
        _ = source.current
    key_vault.status = None
    await later(source, clock, 10)
    assert source.current.microsoft_client_secret == "one"


async def test_one_secret_too_few_gives_none(source: SecretSource, key_vault: KeyVault) -> None:
    del key_vault.secrets["webhook-key"]
    await source.refresh()
    with pytest.raises(ServiceUnavailable):
        _ = source.current


async def test_many_at_once_ask_the_vault_once(source: SecretSource, key_vault: KeyVault) -> None:
    await asyncio.gather(*(source.refresh() for _ in range(20)))
    assert len([path for path in key_vault.asked if path == "/secrets/webhook-key/versions"]) == 1
    assert source.current.webhook_keys == [OLD_KEY]


async def test_the_app_signs_in_to_the_vault_with_its_identity(
    key_vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the clients and their checks as in production: only the vault and the identity's endpoint are stand-ins."""
    key_vault.go_by_address()
    settings = settings_for(key_vault)
    with running_identity(lambda _: TOKEN) as endpoint:
        for name, value in endpoint.environment.items():
            monkeypatch.setenv(name, value)
        identity = AppIdentity(settings)
        vault = open_vault(settings, identity)
        assert vault
        source = SecretSource(settings, vault)
        await source.refresh()
        assert source.current.microsoft_client_secret == "one"
        assert len(endpoint.asked) == 1
        await vault.close()
        await identity.close()


async def test_a_vault_that_asks_for_a_token_for_others_gets_none(
    key_vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    key_vault.resource = "https://elsewhere.example"
    settings = settings_for(key_vault)
    with running_identity(lambda _: TOKEN) as endpoint:
        for name, value in endpoint.environment.items():
            monkeypatch.setenv(name, value)
        async with AppIdentity(settings) as identity:
            vault = open_vault(settings, identity)
            assert vault
            with pytest.raises(ServiceUnavailable, match="ValueError"):
                await vault.versions("webhook-key")
            await vault.close()
        assert endpoint.asked == []
