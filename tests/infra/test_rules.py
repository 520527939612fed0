"""The template keeps the rules, and each rule finds what it is for."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.infra import rules
from tests.infra.bicep import INFRA, Template, read_template, template_from

Rule = Callable[[Template], list[str]]

RULES: tuple[Rule, ...] = (
    rules.syntax_errors,
    rules.unknown_types,
    rules.unknown_names,
    rules.unused_names,
    rules.module_mismatches,
    rules.unknown_roles,
    rules.plain_secrets,
    rules.weak_resources,
    rules.flex_violations,
)

STORAGE = """
resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: 'mail'
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}
"""
SERVER = """
resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = { name: 'psql' }
resource tls 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = {
  parent: server
  name: 'require_secure_transport'
  properties: { value: 'on' }
}
"""
APP = (INFRA / "modules/app.bicep").read_text()
MODULE = "param location string\nparam size int = 1\noutput id string = '${location}${size}'"

PLANTED: tuple[tuple[Rule, str, str], ...] = (
    (rules.syntax_errors, "param name string = 'mail", "main.bicep:1: does not parse"),
    (rules.syntax_errors, "resource a 'b@c' = {\n  name:\n}\n", "main.bicep:2: does not parse"),
    (rules.unknown_types, STORAGE.replace("2025-06-01", "2025-06-02"), "2025-06-02 is not a known type and version"),
    (rules.unknown_types, "resource a 'Microsoft.Cache/redis@2024-11-01' = { name: 'a' }", "Microsoft.Cache/redis"),
    (rules.unknown_names, "param name string\nvar a = nmae", "main.bicep:2: nmae is not declared"),
    (rules.unknown_names, "var a = uniqueStrin('x')", "uniqueStrin is not declared"),
    (rules.unknown_names, "var a = [for one in ['x']: two]", "two is not declared"),
    (rules.unknown_names, "var a = [for one in ['x']: one]\nvar b = one", "main.bicep:2: one is not declared"),
    (rules.unknown_names, "var a = { key: 'x${missing}' }", "missing is not declared"),
    (rules.unused_names, "param name string\nvar a = { name: 'x' }", "main.bicep:1: name is not used"),
    (rules.module_mismatches, "module m 'part.bicep' = { params: { size: 2 } }", "part.bicep needs location"),
    (rules.module_mismatches, "module m 'part.bicep' = { params: { location: 'x', sise: 2 } }", "no parameter sise"),
    (
        rules.module_mismatches,
        "module m 'part.bicep' = { params: { location: 'x' } }\nvar a = m.outputs.name",
        "part.bicep has no output name",
    ),
    (
        rules.module_mismatches,
        "module m 'part.bicep' = if (true) { params: { location: 'x' } }\nvar a = m!.outputs.name",
        "part.bicep has no output name",
    ),
    (rules.module_mismatches, "module m 'prat.bicep' = { params: {} }", "there is no prat.bicep"),
    (
        rules.unknown_roles,
        "var roles = { storageBlobDataOwner: 'b24988ac-6180-42a0-ab88-20f7382dd24c' }",
        "storageBlobDataOwner is not a role that the app may have",
    ),
    (
        rules.unknown_roles,
        "var a = guid('8e3af657-a8ff-443c-a75c-2fe8c4bcb635')",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    ),
    (
        rules.unknown_roles,
        "var roles = { storageBlobDataOwner: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' }",
        "storageBlobDataOwner is not",
    ),
    (rules.plain_secrets, "@secure()\nparam webhookKey string = 'abc'", "webhookKey is a secret with a default"),
    (rules.plain_secrets, "param databasePassword string", "databasePassword needs @secure()"),
    (rules.plain_secrets, "@secure()\nparam p string\noutput url string = 'x${p}'", "output url shows a secret"),
    (rules.plain_secrets, "output key string = account.listKeys().keys[0].value", "output key shows a secret"),
    (rules.plain_secrets, "var a = 'DefaultEndpointsProtocol=https;AccountKey=c2VjcmV0'", "looks like a secret"),
    (rules.plain_secrets, "var a = 'postgresql://mail_app:hunter2@db/mail'", "looks like a secret"),
    *((rules.weak_resources, STORAGE.replace(line, ""), line) for line in STORAGE.splitlines()[4:8]),
    (rules.weak_resources, STORAGE.replace("KeyAccess: false", "KeyAccess: true"), "allowSharedKeyAccess: false"),
    (rules.weak_resources, SERVER.replace("'on'", "'off'"), "require_secure_transport"),
    (rules.weak_resources, APP.replace("httpsOnly: true", ""), "app needs httpsOnly: true"),
    (rules.weak_resources, APP.replace("union([webBaseUrl], ", "union(['*'], "), "CORS with credentials"),
    (
        rules.weak_resources,
        APP.replace("{ allow: false }", "{ allow: true }"),
        "publishingPasswords needs allow",
    ),
    (
        rules.flex_violations,
        APP.replace("perInstanceConcurrency: httpConcurrency", ""),
        "http.perInstanceConcurrency",
    ),
    (rules.flex_violations, APP.replace("version: '3.11'", "version: '3.9'"), "runtime.version: '3.11'"),
    (
        rules.flex_violations,
        APP.replace("ALLOWED_ORIGINS:", "FUNCTIONS_WORKER_RUNTIME: 'python'\n  ALLOWED_ORIGINS:"),
        "FUNCTIONS_WORKER_RUNTIME is refused",
    ),
    (
        rules.flex_violations,
        APP.replace("cors: {", "appSettings: [{ name: 'WEBSITE_CONTENTSHARE', value: 'x' }]\n      cors: {"),
        "WEBSITE_CONTENTSHARE is refused",
    ),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule: Rule) -> None:
    assert rule(read_template()) == []


@pytest.mark.parametrize(("rule", "text", "expected"), PLANTED)
def test_the_rule_finds_what_is_planted(rule: Rule, text: str, expected: str) -> None:
    found = rule(template_from({"main.bicep": text, "part.bicep": MODULE}))
    assert any(expected.strip() in line for line in found), found


def test_every_rule_was_shown_something_to_find() -> None:
    assert {rule for rule, _, _ in PLANTED} == set(RULES)


def test_what_the_planted_texts_were_cut_from_is_clean() -> None:
    template = template_from({"storage.bicep": STORAGE, "server.bicep": SERVER, "app.bicep": APP, "part.bicep": MODULE})
    assert [line for rule in RULES for line in rule(template)] == []


def test_the_parameter_file_gives_what_the_template_asks_for() -> None:
    assert rules.parameter_file_mismatches(read_template(), _parameter_file()) == []


@pytest.mark.parametrize(
    ("line", "planted", "expected"),
    [
        ("param webhookKey = readEnvironmentVariable('WEBHOOK_KEY')", "", "webhookKey is missing"),
        ("param name =", "param nmae =", "main.bicep has no parameter nmae"),
        ("readEnvironmentVariable('WEBHOOK_KEY')", "'0123456789'", "webhookKey must come from the environment"),
        ("('WEBHOOK_KEY')", "('WEBHOOK_KEY', 'a default')", "webhookKey must come from the environment"),
        ("param name = ", "param name: ", "not understood: param name: "),
    ],
)
def test_a_parameter_file_that_does_not_fit_is_found(line: str, planted: str, expected: str) -> None:
    text = _parameter_file()
    assert line in text
    found = rules.parameter_file_mismatches(read_template(), text.replace(line, planted, 1))
    assert any(each.startswith(expected) for each in found), found


def test_a_compiler_that_is_at_hand_accepts_the_template_too(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Where none is installed, the rules above are all that was checked."""
    compilers = _compilers()
    record_property("Bicep compilers that accepted the template", len(compilers))
    for compiler in compilers:
        build = [compiler, "build", str(INFRA / "main.bicep"), "--outfile", str(tmp_path / "main.json")]
        subprocess.run(build, check=True)  # noqa: S603 - a compiler that the person at the machine installed


def _parameter_file() -> str:
    return (INFRA / "main.bicepparam").read_text()


def _compilers() -> list[str]:
    """The Bicep compiler on the PATH, or the one that the Azure CLI installed for itself."""
    at_hand = shutil.which("bicep") or shutil.which(Path.home() / ".azure" / "bin" / "bicep")
    return [str(at_hand)] if at_hand else []
