"""The whole system with no secret in its settings: keys from the vault, the database by identity, rotated meanwhile."""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest

from dev.core_tools import lay_out_app
from dev.trial import ADDRESS, ROOT, Trial
from shared.secrets import vault_name
from shared.settings import IN_VAULT_UNLESS_SET
from shared.storage.database import ENTRA_SCOPE
from tests.integration.app_identity import IdentityEndpoint, running_identity
from tests.integration.key_vault import TOKEN, Kept, KeyVault, running_vault

FIRST, SECOND = (base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
RINGS = ("jwt-signing-keys", "token-encryption-keys", "audit-signing-keys")
KEPT_SECONDS = "1"


class InAzure:
    """A trial whose host starts again with what Azure's hosts have around them, and nothing secret in its settings."""

    def __init__(self, trial: Trial, vault: KeyVault, endpoint: IdentityEndpoint) -> None:
        self.trial, self.vault, self.endpoint = trial, vault, endpoint

    def start(self) -> None:
        database = urlsplit(self.trial.urls.app_url)
        without_password = database._replace(netloc=f"{database.username}@{database.hostname}:{database.port}")
        self.trial.stop_hosts()
        self.trial.start_hosts(
            {
                **{name.upper(): None for name in IN_VAULT_UNLESS_SET},
                **self.endpoint.environment,
                "KEY_VAULT_URL": self.vault.url,
                "KEY_VAULT_SECRET_SECONDS": KEPT_SECONDS,
                "DATABASE_URL": without_password.geturl(),
                "DATABASE_SIGN_IN": "entra",
            }
        )

    def put(self, name: str, **keys: str) -> None:
        """Put a version of a keyring into the vault that is there for long already."""
        versions = self.vault.secrets[name]
        versions.append(Kept(f"v{len(versions) + 1}", json.dumps(keys)))

    def signing_key(self) -> str:
        """Log in, and say which key signed the access token."""
        self.trial.sign_up()
        token = self.trial.api.headers["authorization"].partition(" ")[2]
        return str(jwt.get_unverified_header(token)["kid"])

    def token_keys(self) -> set[str]:
        return {row[0] for row in self.trial.query("SELECT DISTINCT key_id FROM account_token")}


@pytest.fixture(scope="module")
def in_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InAzure]:
    def token_for(resource: str) -> str:
        password = urlsplit(trial.urls.app_url).password or ""
        return password if resource == ENTRA_SCOPE.removesuffix("/.default") else TOKEN

    with ExitStack() as stack:
        app = tmp_path_factory.mktemp("app") / "app"
        lay_out_app(ROOT, app)  # without the settings that a developer may have beside it
        trial = stack.enter_context(Trial(tmp_path_factory.mktemp("azure"), app=app))
        vault = stack.enter_context(running_vault(Path(trial.simulator.ca_file).parent))
        vault.go_by_address()
        vault.secrets = {name: [Kept("v1", json.dumps({"first": FIRST}))] for name in RINGS}
        vault.secrets[vault_name("webhook_key")] = [Kept("v1", secrets.token_urlsafe(32))]
        vault.secrets[vault_name("microsoft_client_secret")] = [Kept("v1", trial.simulator.client_secret)]
        made = InAzure(trial, vault, stack.enter_context(running_identity(token_for)))
        made.start()
        trial.simulator.admin.make_synthetic(ADDRESS, 60, folders=["inbox"], seed=3)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        yield made


def test_a_mailbox_is_mirrored_with_nothing_secret_in_the_settings(in_azure: InAzure) -> None:
    assert in_azure.trial.until_proved().holds
    assert in_azure.signing_key() == "first"
    assert in_azure.token_keys() == {"first"}


def test_keys_are_rotated_while_it_runs_and_the_old_ones_can_go(in_azure: InAzure) -> None:
    trial = in_azure.trial
    old_token = trial.api.headers["authorization"]
    for name in RINGS:
        in_azure.put(name, second=SECOND, first=FIRST)
    trial.until("the new key signs", lambda: in_azure.signing_key() == "second")
    assert trial.api.get("/me", headers={"authorization": old_token}).status_code == 200
    trial.until("the tokens are under the new key", lambda: in_azure.token_keys() == {"second"})
    for name in RINGS:
        in_azure.put(name, second=SECOND)
    trial.until(
        "the old key verifies nothing",
        lambda: trial.api.get("/me", headers={"authorization": old_token}).status_code == 401,
    )
    in_azure.start()  # with nothing in memory
    trial.simulator.admin.deliver(ADDRESS, {"subject": "Read with a token under the new key"})
    assert trial.until_proved().holds


def test_while_the_vault_is_away_a_running_system_goes_on(in_azure: InAzure) -> None:
    in_azure.vault.status = 503
    in_azure.trial.simulator.admin.deliver(ADDRESS, {"subject": "While the vault is away"})
    assert in_azure.trial.until_proved().holds
    assert in_azure.signing_key() == "second"
    in_azure.vault.status = None
