"""The hooks of azure.yaml, with stand-ins for what they reach in Azure."""

import base64
import io
import json
import re
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from infra.hooks.page_config import write_config
from infra.hooks.registration import PERMISSIONS
from infra.hooks.secret_values import MADE_BY
from shared.providers.entra.blocking import SCOPES
from shared.settings import settings_from
from tests.delivery.far_ends import ROOT, FarEnds

VAULT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv"
ENVIRONMENT = {
    "AZURE_ENV_NAME": "trial",
    "AZURE_LOCATION": "westeurope",
    "AZURE_RESOURCE_GROUP": "rg",
    "MAIL_DATABASE_ADMINISTRATOR": "ada@contoso.example",
    "DATABASE_HOST": "127.0.0.1",
    "DATABASE_NAME": "mail",
    "APP_PRINCIPAL_ID": "0f0e",
    "MICROSOFT_CLIENT_ID": "c1",
    "MICROSOFT_CLIENT_SECRET": "given-by-hand",
    "PUBLIC_BASE_URL": "https://api.example.com",
    "REDIRECT_URI": "https://api.example.com/api/oauth/callback/outlook",
    "WEB_BASE_URL": "https://mail.example.com",
}
SIX_PERMISSIONS = {
    "37f7f235-527c-4136-accd-4a02d197296e": "openid",
    "14dad69e-099b-42c9-810b-d002981feec1": "profile",
    "7427e0e9-2fba-42fe-b0c0-848c9e6a8182": "offline_access",
    "e1fe6dd8-ba31-4d61-89e7-88639da4683d": "user.read",
    "024d486e-b451-40bb-833d-3e66d98c5c73": "mail.readwrite",
    "e383f46e-2787-4529-855e-0e479a3ffac0": "mail.send",
}
TERMINATED = "az container show"


@pytest.fixture
def azure(tmp_path: Path) -> FarEnds:
    folder = tmp_path / "bin"
    folder.mkdir()
    return FarEnds(folder)


@pytest.fixture
def without_vault(azure: FarEnds) -> FarEnds:
    azure.answer({"az group list": []})
    return azure


@pytest.fixture
def with_database(azure: FarEnds) -> FarEnds:
    azure.answer(
        {
            "azd auth token": {"token": "t0k/en", "expiresOn": "2026-11-21T20:00:00Z"},
            "az container create": "",
            TERMINATED: {"state": "Terminated", "exitCode": 0},
            "az container logs": "Applying: 1.sql",
            "az container delete": "",
            "psql": "",
        }
    )
    return azure


# Before resources are made


def test_the_first_deployment_makes_secrets_with_which_the_app_starts(without_vault: FarEnds) -> None:
    done = without_vault.run("preprovision", ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    made = json.loads(without_vault.kept()["MAIL_SECRET_VALUES"])
    assert made.keys() == MADE_BY.keys()
    assert made["microsoft-client-secret"] == "given-by-hand"
    named = {"DATABASE_URL": "postgresql://mail_app@db.example/mail", **ENVIRONMENT}
    settings = settings_from(named | {name.upper().replace("-", "_"): value for name, value in made.items()})
    assert settings.jwt_signing_keys != settings.token_encryption_keys != settings.audit_signing_keys


def test_no_secret_is_on_a_command_line_or_printed(without_vault: FarEnds) -> None:
    done = without_vault.run("preprovision", ENVIRONMENT)
    (values,) = [call for call in without_vault.calls("azd", "env", "set") if "MAIL_SECRET" in call["files"][0]]
    assert values["modes"] == [0o600]
    made = json.loads(without_vault.kept()["MAIL_SECRET_VALUES"]).values()
    said = [done.stdout, done.stderr, *(word for call in without_vault.calls() for word in call["words"])]
    assert [text for text in said for secret in made if secret in text] == []


def test_what_the_vault_has_is_never_made_again(azure: FarEnds) -> None:
    url = f"https://management.azure.com{VAULT}/secrets?api-version=2023-07-01"
    there = [{"name": name} for name in MADE_BY]
    azure.answer(
        {
            "az group list --tag azd-env-name=trial": ["rg"],
            "az resource list --resource-group rg --resource-type Microsoft.KeyVault/vaults": [VAULT],
            f"az rest --method get --url {url}": {"value": there[:2], "nextLink": "https://next.example"},
            "az rest --method get --url https://next.example": {"value": there[2:4]},
        }
    )
    done = azure.run("preprovision", ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    assert json.loads(azure.kept()["MAIL_SECRET_VALUES"]) == {there[4]["name"]: "given-by-hand"}


def test_when_azure_does_not_tell_what_the_vault_has_nothing_is_made(azure: FarEnds) -> None:
    azure.answer({"az group list": "AuthorizationFailed"}, status=1)
    done = azure.run("preprovision", ENVIRONMENT)
    assert done.returncode == 1
    assert "AuthorizationFailed" in done.stderr
    assert azure.calls("azd") == []


def test_a_deployment_that_moves_brings_its_keys_along(without_vault: FarEnds) -> None:
    keys = json.dumps({"2026-01": "of-the-old-vault"})
    without_vault.run("preprovision", ENVIRONMENT | {"TOKEN_ENCRYPTION_KEYS": keys})
    assert json.loads(without_vault.kept()["MAIL_SECRET_VALUES"])["token-encryption-keys"] == keys


def test_without_a_client_id_the_hook_says_how_to_register(without_vault: FarEnds) -> None:
    done = without_vault.run("preprovision", ENVIRONMENT | {"MICROSOFT_CLIENT_ID": "", "MICROSOFT_TENANT": "t-1"})
    assert done.returncode == 1
    assert "--sign-in-audience AzureADMyOrg" in done.stdout
    assert "@infra/hooks/permissions.json" in done.stdout
    assert "MICROSOFT_CLIENT_ID is not set" in done.stderr


def test_without_a_client_secret_the_first_deployment_stops(without_vault: FarEnds) -> None:
    done = without_vault.run("preprovision", ENVIRONMENT | {"MICROSOFT_CLIENT_SECRET": ""})
    assert done.returncode == 1
    assert "Set MICROSOFT_CLIENT_SECRET" in done.stderr


def test_whoever_is_signed_in_administers_the_database(without_vault: FarEnds) -> None:
    without_vault.answer({"az ad signed-in-user show": {"id": "0a", "name": "ada@contoso.example"}})
    without_vault.run("preprovision", ENVIRONMENT | {"MAIL_DATABASE_ADMINISTRATOR": ""})
    kept = without_vault.kept()
    assert (kept["AZURE_PRINCIPAL_ID"], kept["AZURE_PRINCIPAL_TYPE"]) == ("0a", "User")
    assert kept["MAIL_DATABASE_ADMINISTRATOR"] == "ada@contoso.example"


def test_the_template_reads_what_is_decided_and_tells_what_is_asked(without_vault: FarEnds) -> None:
    without_vault.answer({"az ad signed-in-user show": {"id": "0a", "name": "ada@contoso.example"}})
    without_vault.run("preprovision", ENVIRONMENT | {"MAIL_DATABASE_ADMINISTRATOR": ""})
    kept = without_vault.kept().keys() | {"MICROSOFT_CLIENT_ID"}
    parameters = (ROOT / "infra" / "main.bicepparam").read_text()
    assert kept <= set(re.findall(r"readEnvironmentVariable\('(\w+)'", parameters))
    needed = set(re.findall(r"readEnvironmentVariable\('(\w+)'\)", parameters))
    assert needed <= kept | {"AZURE_ENV_NAME", "AZURE_LOCATION"}
    hooks = "".join(file.read_text() for file in (ROOT / "infra" / "hooks").glob("*.py"))
    told = set(re.findall(r"^output (\w+)", (ROOT / "infra" / "main.bicep").read_text(), re.MULTILINE))
    assert set(re.findall(r'required\("(\w+)"\)', hooks)) <= told | kept | {"AZURE_ENV_NAME"}
    assert {"MIGRATION_SUBNET_ID", "REDIRECT_URI"} <= told


def test_the_application_is_given_the_permissions_that_the_product_asks_for() -> None:
    (graph,) = json.loads(PERMISSIONS.read_text())
    named = {SIX_PERMISSIONS[access["id"]] for access in graph["resourceAccess"]}
    assert {access["type"] for access in graph["resourceAccess"]} == {"Scope"}
    assert named == {scope.lower().rpartition("/")[2] for scope in SCOPES} | {"openid", "profile", "offline_access"}


# After resources are made


def test_the_secrets_are_forgotten_even_when_the_migrations_fail(with_database: FarEnds) -> None:
    done = with_database.run(
        "postprovision", ENVIRONMENT | {"MAIL_SECRET_VALUES": '{"a": "b"}', "APP_PRINCIPAL_ID": ""}
    )
    assert done.returncode == 1
    assert with_database.kept() == {"MAIL_SECRET_VALUES": "{}"}


def test_a_container_beside_the_database_runs_the_roles_and_the_migrations(with_database: FarEnds) -> None:
    done = with_database.run("postprovision", ENVIRONMENT | {"MIGRATION_SUBNET_ID": "/subnets/m"})
    assert done.returncode == 0, done.stderr
    described = _container(with_database)
    assert described["properties"]["subnetIds"] == [{"id": "/subnets/m"}]
    container = described["properties"]["containers"][0]["properties"]
    version = json.loads((ROOT / "package.json").read_text())["devDependencies"]["dbmate"]
    assert container["image"] == f"amacneil/dbmate:{version}"
    assert _names_in(described) == ["roles.sql", *(f"migrations/{name}" for name in _migrations())]
    shell, option, script = container["command"]
    assert (shell, option) == ("/bin/sh", "-c")
    assert script.index("psql") < script.index("--set=app_object_id=0f0e") < script.index("dbmate")
    assert with_database.calls("az", "container")[-1]["words"][1] == "delete"
    assert "Applying: 1.sql" in done.stdout


def test_the_token_of_the_database_is_nowhere_in_the_open(with_database: FarEnds) -> None:
    with_database.run("postprovision", ENVIRONMENT)
    (created,) = with_database.calls("az", "container", "create")
    assert created["modes"] == [0o600]
    container = _container(with_database)["properties"]["containers"][0]["properties"]
    assert "t0k" not in json.dumps(container["command"])
    secret = {each["name"]: each["secureValue"] for each in container["environmentVariables"]}
    assert secret["PGPASSWORD"] == "t0k/en"
    who = "ada%40contoso.example:t0k%2Fen@127.0.0.1:5432"
    assert secret["MIGRATION_URL"] == f"postgres://{who}/mail?sslmode=verify-full&role=mail_owner"
    assert [call for call in with_database.calls() if "t0k" in " ".join(call["words"])] == []


def test_a_migration_that_fails_ends_the_deployment_and_leaves_no_container(with_database: FarEnds) -> None:
    with_database.answer({TERMINATED: {"state": "Terminated", "exitCode": 3}, "az container logs": "no such table"})
    done = with_database.run("postprovision", ENVIRONMENT)
    assert done.returncode == 1
    assert "ended with status 3:\nno such table" in done.stderr
    assert with_database.calls("az", "container", "delete")


def test_where_the_firewall_lets_us_in_the_roles_and_migrations_run_from_here(with_database: FarEnds) -> None:
    done = with_database.run("postprovision", ENVIRONMENT | {"MAIL_ADMINISTRATOR_IP": "192.0.2.1"})
    (psql,) = with_database.calls("psql")
    assert psql["password"] == "t0k/en"
    assert "host=127.0.0.1 user=ada@contoso.example dbname=postgres sslmode=verify-full" in psql["words"][-2]
    assert psql["words"][-1] == f"--file={ROOT / 'infra' / 'roles.sql'}"
    assert "dbmate" in done.stderr  # the real one, which finds no server here
    assert with_database.calls("az", "container") == []


def test_the_addresses_are_told(with_database: FarEnds) -> None:
    done = with_database.run("postprovision", ENVIRONMENT)
    assert "--web-redirect-uris https://api.example.com/api/oauth/callback/outlook" in done.stdout
    assert "https://api.example.com/api/webhooks/graph" in done.stdout


# The page, and whether all of it works


def test_the_page_is_told_where_the_api_is(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    write_config(tmp_path, "https://api.example.com")
    assert json.loads((tmp_path / "config.json").read_text()) == {"apiBaseUrl": "https://api.example.com/api"}


def test_a_page_that_was_not_built_is_not_uploaded(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make page"):
        write_config(tmp_path, "https://api.example.com")


class _Site(BaseHTTPRequestHandler):
    """A deployment: the app below /api, the page's file beside it."""

    ready: tuple[int, dict[str, Any]]
    config: dict[str, Any]

    def do_GET(self) -> None:
        status, body = self.ready if self.path == "/api/ready" else (200, self.config)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    _Site.ready = (200, {"status": "ready", "checks": {"database": "ok", "queues": "ok"}})
    _Site.config = {"apiBaseUrl": f"{url}/api"}
    yield url
    server.shutdown()
    server.server_close()


def test_a_deployment_that_works_is_told_so(azure: FarEnds, site: str) -> None:
    done = azure.run("postdeploy", {"PUBLIC_BASE_URL": site, "WEB_BASE_URL": site, "SMOKE_SECONDS": "0.1"})
    assert done.returncode == 0, done.stderr
    assert '"database": "ok"' in done.stdout


def test_a_deployment_that_is_not_ready_fails(azure: FarEnds, site: str) -> None:
    _Site.ready = (503, {"status": "not_ready", "checks": {"database": "failed", "queues": "ok"}})
    done = azure.run("postdeploy", {"PUBLIC_BASE_URL": site, "WEB_BASE_URL": site, "SMOKE_SECONDS": "0.1"})
    assert done.returncode == 1
    assert '"database": "failed"' in done.stderr


def test_a_page_that_calls_another_api_fails(azure: FarEnds, site: str) -> None:
    _Site.config = {"apiBaseUrl": "http://127.0.0.1:7071/api"}
    done = azure.run("postdeploy", {"PUBLIC_BASE_URL": site, "WEB_BASE_URL": site, "SMOKE_SECONDS": "0.1"})
    assert done.returncode == 1
    assert "config.json answers 200" in done.stderr


def _container(azure: FarEnds) -> dict[str, Any]:
    (created,) = azure.calls("az", "container", "create")
    described: dict[str, Any] = json.loads(created["files"][0])
    return described


def _names_in(described: dict[str, Any]) -> list[str]:
    packed = base64.b64decode(described["properties"]["volumes"][0]["secret"]["archive"])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return archive.getnames()


def _migrations() -> list[str]:
    return sorted(file.name for file in (ROOT / "shared/storage/migrations").glob("*.sql"))
