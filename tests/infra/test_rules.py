"""The template keeps the rules, and each rule finds what it is for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dev.infra import limits, properties, secrecy, security, symbols
from dev.infra.bicep import INFRA, REPOSITORY, Template, read_template, template_from
from dev.infra.rules import CHECKOUT_RULES, TEMPLATE_RULES

Rule = Callable[[Template], list[str]]

MODULE = "param location string\nparam size int = 1\noutput id string = '${location}${size}'"

SNIPPETS: tuple[tuple[Rule, str, str], ...] = (
    (symbols.syntax_errors, "param name string = 'mail", "main.bicep:1: does not parse"),
    (symbols.syntax_errors, "resource a 'b@c' = {\n  name:\n}\n", "main.bicep:2: does not parse"),
    (symbols.syntax_errors, "var a = { b: true }\nvar c = !a.b", "main.bicep:2: put a variable or brackets"),
    (symbols.unknown_names, "param name string\nvar a = nmae", "main.bicep:2: nmae is not declared"),
    (symbols.unknown_names, "var a = uniqueStrin('x')", "uniqueStrin is not declared"),
    (symbols.unknown_names, "var a = [for one in ['x']: two]", "two is not declared"),
    (symbols.unknown_names, "var a = [for one in ['x']: one]\nvar b = one", "main.bicep:2: one is not declared"),
    (symbols.unknown_names, "var a = [for (one, i) in ['x']: '${one}${i}${j}']", "j is not declared"),
    (symbols.unknown_names, "param name strnig", "main.bicep:1: strnig is no type"),
    (symbols.unknown_names, "var a = { key: 'x${missing}' }", "missing is not declared"),
    (symbols.unused_names, "param name string\nvar a = { name: 'x' }", "main.bicep:1: name is not used"),
    (symbols.module_mismatches, "module m 'part.bicep' = { params: { size: 2 } }", "part.bicep needs location"),
    (symbols.module_mismatches, "module m 'part.bicep' = { params: { location: 'x', sise: 2 } }", "no parameter sise"),
    (
        symbols.module_mismatches,
        "module m 'part.bicep' = { params: { location: 'x', size: empty('') ? 2 : '2' } }",
        "main.bicep:1: part.bicep takes size as int, not string",
    ),
    (
        symbols.module_mismatches,
        "module m 'part.bicep' = { params: { location: 'x' } }\nvar a = m.outputs.name",
        "main.bicep:2: part.bicep has no output name",
    ),
    (
        symbols.module_mismatches,
        "module m 'part.bicep' = if (true) { params: { location: 'x' } }\nvar a = m!.outputs.name",
        "part.bicep has no output name",
    ),
    (symbols.module_mismatches, "module m 'prat.bicep' = { params: {} }", "there is no prat.bicep"),
    (
        symbols.uneven_profiles,
        "var profiles = {\n  dev: { a: 1 }\n  prod: {\n    b: 1 }\n}",
        "main.bicep:4: prod has b",
    ),
    (symbols.uneven_profiles, "var profiles = { dev: { a: 1 }, prod: { a: '1' } }", "a is not the same kind of value"),
    (
        properties.unknown_types,
        "resource a 'Microsoft.Cache/redis@2024-11-01' = { name: 'a' }",
        "Microsoft.Cache/redis",
    ),
    (
        secrecy.unknown_roles,
        "var roles = { storageBlobDataOwner: 'b24988ac-6180-42a0-ab88-20f7382dd24c' }",
        "main.bicep:1: storageBlobDataOwner is not a role that the app may have",
    ),
    (secrecy.unknown_roles, "var a = guid('8e3af657-a8ff-443c-a75c-2fe8c4bcb635')", "8e3af657-a8ff-443c-a75c-2fe8c4b"),
    (
        secrecy.unknown_roles,
        "var roles = { storageBlobDataOwner: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' }",
        "storageBlobDataOwner is not",
    ),
    (secrecy.plain_secrets, "@secure()\nparam webhookKey string = 'abc'", "webhookKey is a secret with a default"),
    (secrecy.plain_secrets, "param databasePassword string", "databasePassword needs @secure()"),
    (secrecy.plain_secrets, "@secure()\nparam p string\noutput url string = 'x${p}'", "output url shows a secret"),
    (secrecy.plain_secrets, "output key string = account.listKeys().keys[0].value", "output key shows a secret"),
    (secrecy.plain_secrets, "var a = 'DefaultEndpointsProtocol=https;AccountKey=c2VjcmV0'", "looks like a secret"),
    (secrecy.plain_secrets, "var a = 'postgresql://mail_app:hunter2@db/mail'", "looks like a secret"),
)
"""What a rule is for, as small as it can be."""

CHANGES: tuple[tuple[Rule, str, str, str, str], ...] = (
    (properties.unknown_types, "modules/storage.bicep", "s@2025-06-01", "s@2025-06-02", "is not a known type"),
    (secrecy.broad_roles, "modules/vault.bicep", "  scope: vault\n", "", "access is not limited to a resource"),
    (secrecy.broad_roles, "modules/vault.bicep", "'ServicePrincipal'", "'User'", "somebody else than an identity"),
    (security.weak_resources, "modules/storage.bicep", "KeyAccess: false", "KeyAccess: true", "allowSharedKeyAccess"),
    (
        security.weak_resources,
        "modules/storage.bicep",
        "SharedKeyAccess",
        "SharedKeyAces",
        "needs allowSharedKeyAccess",
    ),
    (security.weak_resources, "modules/storage.bicep", "PublicAccess: false", "PublicAccess: true", "BlobPublicAcc"),
    (security.weak_resources, "modules/storage.bicep", "'TLS1_2'", "'TLS1_1'", "minimumTlsVersion: TLS1_2"),
    (security.weak_resources, "modules/storage.bicep", "TrafficOnly: true", "TrafficOnly: false", "supportsHttps"),
    (security.weak_resources, "modules/storage.bicep", "publicAccess: 'None'", "publicAccess: 'Blob'", "publicAccess"),
    (security.weak_resources, "modules/vault.bicep", "Authorization: true", "Authorization: false", "enableRbacAuth"),
    (security.weak_resources, "modules/vault.bicep", "Protection: true", "Protection: false", "enablePurgeProtection"),
    (security.weak_resources, "modules/database.bicep", "value: 'on'", "value: 'off'", "require_secure_transport"),
    (security.weak_resources, "modules/database.bicep", "passwordAuth: 'Dis", "passwordAuth: 'En", "passwordAuth"),
    (security.weak_resources, "modules/database.bicep", "/administrators@", "/databases@", "nobody administers"),
    (
        security.weak_resources,
        "modules/database.bicep",
        "version: '18'",
        "administratorLogin: 'x'",
        "signs in with a pass",
    ),
    (
        security.weak_resources,
        "modules/telemetry.bicep",
        "Auth: true",
        "Auth: false",
        "insights needs DisableLocalAuth",
    ),
    (security.weak_resources, "modules/app.bicep", "httpsOnly: true", "", "app needs httpsOnly: True"),
    (
        security.weak_resources,
        "modules/app.bicep",
        "minTlsVersion: '1.2'",
        "minTlsVersion: '1.0'",
        "minTlsVersion: 1.2",
    ),
    (security.weak_resources, "modules/app.bicep", "union([webBaseUrl], ", "union(['*'], ", "CORS with credentials"),
    (security.weak_resources, "modules/app.bicep", "{ allow: false }", "{ allow: true }", "Passwords needs allow"),
    (
        security.exposed_in_prod,
        "main.bicep",
        "    private: true",
        "    private: false",
        "publicNetworkAccess: Disabled",
    ),
    (security.exposed_in_prod, "main.bicep", "    zoneRedundant: true", "    zoneRedundant: false", "ZoneRedundant"),
    (security.exposed_in_prod, "main.bicep", "'Standard_ZRS'", "'Standard_LRS'", "keeps its data in several zones"),
    (security.exposed_in_prod, "main.bicep", "part: 'queue'", "part: 'file'", "no private endpoint for queue"),
    (security.exposed_in_prod, "modules/database.bicep", "= if (!private) {", "= {", "nothing comes from outside"),
    (
        security.exposed_in_prod,
        "modules/app.bicep",
        "empty(subnetId) ? null : subnetId",
        "null",
        "virtualNetworkSubnetId",
    ),
    (
        security.flex_violations,
        "modules/app.bicep",
        "perInstanceConcurrency: httpConcurrency",
        "",
        "perInstanceConcurr",
    ),
    (security.flex_violations, "modules/app.bicep", "version: '3.11'", "version: '3.9'", "runtime.version: 3.11"),
    (
        security.flex_violations,
        "modules/app.bicep",
        "ALLOWED_ORIGINS:",
        "FUNCTIONS_WORKER_RUNTIME: 'python'\n  ALLOWED_ORIGINS:",
        "modules/app.bicep:{line}: FUNCTIONS_WORKER_RUNTIME is refused",
    ),
    (
        security.flex_violations,
        "modules/app.bicep",
        "cors: {",
        "appSettings: [{ name: 'WEBSITE_CONTENTSHARE', value: 'x' }]\n      cors: {",
        "WEBSITE_CONTENTSHARE is refused",
    ),
    (
        limits.names_out_of_bounds,
        "main.bicep",
        "'st${replace(environmentName, '-', '')}",
        "'st${environmentName}",
        "sta1-",
    ),
    (
        limits.names_out_of_bounds,
        "main.bicep",
        "'kv-${environmentName}",
        "'vault-${environmentName}",
        "vault-abcdefghijkl",
    ),
    (limits.names_out_of_bounds, "modules/storage.bicep", "'oauthflows'", "'oauth-flows'", "'oauth-flows' is no name"),
    (limits.pools_too_large, "main.bicep", "maximumInstanceCount: 2\n", "maximumInstanceCount: 8\n", "dev: instances"),
    (limits.pools_too_large, "main.bicep", "databasePoolSize: 4\n", "databasePoolSize: 12\n", "could open 6060"),
    (limits.pools_too_large, "main.bicep", "'Standard_D2ds_v5'", "'Standard_B2s'", "Standard_B2s has no PgBouncer"),
    (limits.network_faults, "modules/network.bicep", "'10.20.4.0/27'", "'10.20.3.0/27'", "database overlaps app"),
    (limits.network_faults, "modules/network.bicep", "'10.20.4.64/27'", "'10.21.4.64/27'", "endpoints lies outside"),
    (
        limits.network_faults,
        "modules/network.bicep",
        "'Microsoft.App/environments'",
        "'x'",
        "no subnet is delegated to",
    ),
    (limits.network_faults, "modules/network.bicep", "Access: true", "Access: false", "app has no way out"),
    (limits.azd_faults, "main.bicep", "output KEY_VAULT_URL", "output keyVaultUrl", "there is no output KEY_VAULT_URL"),
    (limits.azd_faults, "modules/app.bicep", "'azd-service-name': 'api'", "service: 'api'", "azd-service-name: api"),
    (
        limits.azd_faults,
        "main.bicep",
        "'azd-env-name': environ",
        "'azd-env-name': 'x' }\n  managedBy: environ",
        "azd-env",
    ),
    # A property: misspelt, at any depth, of another kind, with another value, missing, not ours to set.
    (
        properties.property_faults,
        "modules/app.bicep",
        "httpsOnly:",
        "httpOnly:",
        "app.bicep:{line}: httpOnly is not a known",
    ),
    (
        properties.property_faults,
        "modules/app.bicep",
        "instanceCount:",
        "instances:",
        "instances is not a known property",
    ),
    (
        properties.property_faults,
        "modules/app.bicep",
        "value: deploymentContainerUrl",
        "url: 'x'",
        "url is not a known",
    ),
    (
        properties.property_faults,
        "modules/storage.bicep",
        "defaultAction:",
        "default:",
        "default is not a known property",
    ),
    (properties.property_faults, "modules/alerts.bicep", "threshold: 900", "threshold: '900'", "int expected"),
    (
        properties.property_faults,
        "modules/alerts.bicep",
        "operator: 'LessThan'",
        "operator: 'Less'",
        "alerts.bicep:{line}: 'Less'",
    ),
    (
        properties.property_faults,
        "main.bicep",
        "pageSku: 'Standard'",
        "pageSku: 'Premium'",
        "'Premium' is none of Free",
    ),
    (properties.property_faults, "main.bicep", "httpConcurrency: 16", "httpConcurrency: 0", "0 is not in 1..1000"),
    (
        properties.property_faults,
        "main.bicep",
        "instanceMemoryMB: 512",
        "instanceMemoryMB: 1024",
        "'1024' is none of 512",
    ),
    (properties.property_faults, "main.bicep", "BackupDays: 35", "BackupDays: 90", "90 is not in 7..35"),
    (properties.property_faults, "modules/vault.bicep", "family: 'A'", "", "family is missing"),
    (properties.property_faults, "modules/vault.bicep", "tenantId: tenant().tenantId", "", "tenantId is missing"),
    (properties.property_faults, "modules/web.bicep", "location: location", "", "location is missing"),
    (
        properties.property_faults,
        "modules/vault.bicep",
        "enableSoftDelete: true",
        "vaultUri: 'x'",
        "set by Azure alone",
    ),
    (properties.property_faults, "modules/links.bicep", "groupIds: [service.part]", "groupIds: [1]", "string expected"),
)
"""The template with one thing changed: rule, file, what is replaced, by what, and what is found in its line."""

TEXTS = {path.relative_to(INFRA).as_posix(): path.read_text() for path in INFRA.rglob("*.bicep")}


@pytest.mark.parametrize("rule", TEMPLATE_RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule: Rule) -> None:
    assert rule(read_template()) == []


@pytest.mark.parametrize("rule", CHECKOUT_RULES, ids=lambda rule: rule.__name__)
def test_what_goes_with_the_template_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    assert rule(REPOSITORY) == []


@pytest.mark.parametrize(("rule", "text", "expected"), SNIPPETS)
def test_the_rule_finds_what_is_planted(rule: Rule, text: str, expected: str) -> None:
    found = rule(template_from({"main.bicep": text, "part.bicep": MODULE}))
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(("rule", "path", "old", "new", "expected"), CHANGES)
def test_the_rule_finds_one_thing_changed(rule: Rule, path: str, old: str, new: str, expected: str) -> None:
    assert old in TEXTS[path]
    at = expected.replace("{line}", str(TEXTS[path].count("\n", 0, TEXTS[path].index(old)) + 1))
    found = rule(template_from({**TEXTS, path: TEXTS[path].replace(old, new, 1)}))
    assert any(at in line for line in found), found
    assert all(line.startswith("infra/") and line.split(":")[1].isdecimal() for line in found), found


def test_every_rule_was_shown_something_to_find() -> None:
    assert {each[0] for each in (*SNIPPETS, *CHANGES)} == set(TEMPLATE_RULES)
