"""docs/how-to/deploy.md, as far as it can be followed without a cloud."""

import re
import shlex
import subprocess
import sys
from pathlib import PurePosixPath

import pytest

from shared.settings import Settings
from tests.infra.bicep import INFRA, REPOSITORY, read_template, strings_in
from tests.infra.known import ROLES

GUIDE = (REPOSITORY / "docs/how-to/deploy.md").read_text()
BY_HAND = {"MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET", "ADMINISTRATOR_IP_ADDRESS"}


def test_the_guide_makes_each_secret_that_the_parameter_file_and_the_roles_ask_for() -> None:
    asked = set(re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text()))
    asked |= set(re.findall(r"^\\getenv \w+ (\w+)$", (INFRA / "roles.sql").read_text(), re.MULTILINE))
    assert _made_secrets().keys() == asked - BY_HAND
    assert set(re.findall(r"^(\w+)='<", GUIDE, re.MULTILINE)) == BY_HAND


def test_the_app_starts_with_the_secrets_that_the_guide_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = _made_secrets()
    given = {
        "DATABASE_URL": f"postgresql://mail_app:{made['DATABASE_APP_PASSWORD']}@db.example/mail",
        "MICROSOFT_CLIENT_ID": "client",
        "MICROSOFT_CLIENT_SECRET": "secret",
        "PUBLIC_BASE_URL": "https://api.example.com",
        "WEB_BASE_URL": "https://mail.example.com",
    }
    for name, value in (made | given).items():
        monkeypatch.setenv(name, value)
    settings = Settings.model_validate({})
    assert settings.jwt_signing_keys != settings.token_encryption_keys


def test_the_guide_names_what_the_template_makes() -> None:
    template = read_template()
    variables = template[PurePosixPath("modules/storage.bicep")].declared("variable")
    lists = (strings_in(variables[name].value) for name in ("queueNames", "tableNames", "containerNames"))
    named = [*map(str, template), *(name for names in lists for name in names)]
    assert [name for name in named if f"{name}`" not in GUIDE] == []
    assert [role for role in ROLES if re.sub("([A-Z])", r" \1", role).title() not in GUIDE] == []


def test_every_path_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"\b(?:infra|tests|shared)/[\w/.]*\w", GUIDE))
    assert named
    assert {path for path in named if not (REPOSITORY / path).exists()} == set()


def _made_secrets() -> dict[str, str]:
    script = GUIDE.partition("<<'END'\n")[2].partition("END\n")[0]
    printed = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True, check=True).stdout
    return dict(word.split("=", 1) for word in shlex.split(printed))
