"""What the template sets for the app, beside what the app reads."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from dev.infra.bicep import REPOSITORY, Template, read_template
from dev.infra.evaluation import Resource, deployed
from shared.settings import Settings

DEFAULTED: Final = {
    "ARGON2_ITERATIONS": "the default is the strength that production wants",
    "ARGON2_MEMORY_KIB": "as ARGON2_ITERATIONS",
    "ATTACHMENT_MAX_BYTES": "the provider's own limit",
    "AUDIT_INTERVAL_SECONDS": "goes with AUDIT_SCHEDULE's hour",
    "AUDIT_RETENTION_DAYS": "decided by the product, not by the place it runs in",
    "AUDIT_WINDOW_MESSAGES": "as ATTACHMENT_MAX_BYTES",
    "AZUREWEBJOBSSTORAGE": "a connection string: shared keys are off, the app signs in with its identity",
    "AZUREWEBJOBSSTORAGE__ACCOUNTNAME": "the three service URIs say more, and hold in every cloud",
    "CHANGES_INTERVAL_SECONDS": "goes with DELTA_SCHEDULE's ten minutes",
    "CHANGES_LONGEST_SECONDS": "decided by the product",
    "NOTIFICATION_CERTIFICATES": "the vault has them: NOTIFICATION_CERTIFICATE_NAME",
    "NOTIFICATION_LATENCY_SECONDS": "the service's own figure",
    "EVENT_RETENTION_DAYS": "decided by the product, not by the place it runs in",
    "GRAPH_BASE_URL": "the service itself",
    "GRAPH_REQUESTS_IN_FLIGHT": "the service's own limit",
    "GRAPH_REQUESTS_PER_WINDOW": "the service's own limit",
    "GRAPH_TIMEOUT_SECONDS": "decided by the product",
    "KEY_VAULT_SECRET_SECONDS": "decided by the product: how soon a rotated secret is known",
    "LANE_SECONDS": "held against functionTimeout in host.json",
    "METRIC_INTERVAL_SECONDS": "decided by the product",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "in Azure, Azure Monitor takes what is measured",
    "PAGE_LEASE_SECONDS": "decided by the product",
    "SYNC_LANES": "decided by the product",
    "SYNC_LISTING_MESSAGES": "decided by the product",
    "SYNC_PAGE_MESSAGES": "decided by the product",
    "TRACE_SAMPLE_RATIO": "decided by the product",
    "TRUSTED_CA_FILE": "for stand-ins of Graph and Entra only",
}
"""Settings that the template leaves at their default, each for a reason."""

OF_THE_VAULT: Final = {
    "AUDIT_SIGNING_KEYS": "audit-signing-keys",
    "JWT_SIGNING_KEYS": "jwt-signing-keys",
    "MICROSOFT_CLIENT_SECRET": "microsoft-client-secret",
    "TOKEN_ENCRYPTION_KEYS": "token-encryption-keys",
    "WEBHOOK_KEY": "webhook-key",
}
"""Settings that are no app settings in Azure, since the app reads them from the vault: by the name of their secret."""

OF_THE_HOST: Final = frozenset(
    {
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "AZUREWEBJOBSSTORAGE__CREDENTIAL",
    }
)
"""Settings that only the Functions host reads."""

ONLY_LOCAL: Final = {
    "AZUREWEBJOBSSTORAGE": "the emulator knows no identities",
    "FUNCTIONS_WORKER_RUNTIME": "in Azure functionAppConfig says it, and the setting is refused",
    "GRAPH_BASE_URL": "locally it names the simulator",
    **dict.fromkeys(OF_THE_VAULT, "in Azure it is in the vault"),
}
"""Settings of the sample file that the template does not set, each for a reason."""

FIELDS: Final = {name.upper(): field.is_required() for name, field in Settings.model_fields.items()}
"""The product's settings by name, and whether one is required."""

SECRETS: Final = frozenset(
    name.upper()
    for name, field in Settings.model_fields.items()
    if not field.repr or "SecretStr" in str(field.annotation)
)

_REFERENCE: Final = re.compile(r"@Microsoft\.KeyVault\(SecretUri=<vault\.properties\.vaultUri>secrets/([\w.<>-]+)\)")
_APP_SETTINGS: Final = "Microsoft.Web/sites/config"


def setting_faults(root: Path) -> list[str]:
    """List app settings that are forgotten, set for nobody, or secret in plain sight."""
    template = read_template(root)
    resources = [each for each in deployed(template, "prod") if each.type == _APP_SETTINGS]
    if not resources:
        return ["infra/modules/app.bicep:1: there are no app settings"]
    settings = app_settings(template)
    found = uncovered(FIELDS, settings, DEFAULTED, schedules(root)) + exposed(settings)
    return [f"{resources[0].at}: {fault}" for fault in found]


def app_settings(template: Template, profile: str = "prod") -> dict[str, str]:
    """Work out the app's settings in a deployment with every optional part: name in upper case, and value."""
    resources: list[Resource] = [each for each in deployed(template, profile) if each.type == _APP_SETTINGS]
    return {name.upper(): value for each in resources for name, value in (each.get("properties") or {}).items()}


def uncovered(
    fields: Mapping[str, bool],
    settings: Mapping[str, str],
    defaulted: Mapping[str, str],
    asked_for: frozenset[str],
) -> list[str]:
    """
    Hold the fields of Settings (name in upper case to whether it is required) against what is set or left on purpose.

    What is forgotten, set for nobody, required but left, or listed in vain has a line each.
    """
    left = fields.keys() - settings.keys() - defaulted.keys() - OF_THE_VAULT.keys()
    found = [f"{name} is neither set nor left at its default on purpose" for name in left]
    found += [
        f"{name} is set and nothing reads it" for name in settings.keys() - fields.keys() - OF_THE_HOST - asked_for
    ]
    found += [f"{name} has no default to be left at" for name in defaulted.keys() & fields.keys() if fields[name]]
    found += [f"{name} is set, so its default is not left" for name in defaulted.keys() & settings.keys()]
    found += [f"{name} is left at a default that does not exist" for name in defaulted.keys() - fields.keys()]
    found += [f"{name} is asked for by a trigger and not set" for name in asked_for - settings.keys()]
    return sorted(found)


def exposed(settings: Mapping[str, str]) -> list[str]:
    """List secrets that anybody who may read the app's settings would see."""
    found = [f"{name} is a secret that the app reads from the vault" for name in OF_THE_VAULT.keys() & settings.keys()]
    plain = {name for name in SECRETS & settings.keys() - OF_THE_VAULT.keys() if secret_of(settings[name]) is None}
    found += [f"{name} is a secret, and no reference to the vault" for name in plain]
    if urlsplit(settings.get("DATABASE_URL", "")).password:
        found.append("DATABASE_URL has a password: the app signs in by its identity")
    return sorted(found)


def schedules(root: Path = REPOSITORY) -> frozenset[str]:
    """Name the settings that triggers read for themselves, as `%NAME%`."""
    sources = (path.read_text() for path in (root / "functions").glob("*.py"))
    return frozenset(name for source in sources for name in re.findall(r'"%(\w+)%"', source))


def sample_settings() -> dict[str, str]:
    sample = json.loads((REPOSITORY / "local.settings.sample.json").read_text())
    return {name.upper(): value for name, value in sample["Values"].items()}


def secret_of(value: str) -> str | None:
    """Name the vault's secret that a setting refers to; None when it is no reference."""
    reference = _REFERENCE.fullmatch(value)
    return reference[1] if reference else None
