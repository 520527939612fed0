"""What the template sets for the app, beside what the app reads."""

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from tests.infra.bicep import REPOSITORY, Declaration, Template, properties_of, resources_of, string_of, text_of, walk

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
}
"""Settings of the sample file that the template does not set, each for a reason."""

_REFERENCE: Final = re.compile(r"@Microsoft\.KeyVault\(SecretUri=\$\{secretsUri\}/(?P<secret>[a-z-]+|\$\{\w+\})\)")


def app_settings(template: Template) -> dict[str, str]:
    """
    Read the app's settings: name in upper case, and the expression as it is written.

    They are the object literals in the variables that the properties of the `appsettings` resource name.
    """
    settings: dict[str, str] = {}
    for file, config in resources_of(template, "Microsoft.Web/sites/config"):
        variables = file.declared("variable")
        for node in walk(properties_of(config.body)["properties"]):
            if node.type == "identifier" and (variable := variables.get(text_of(node))):
                settings |= _literals(variable)
    return settings


def _literals(variable: Declaration) -> dict[str, str]:
    objects = [node for node in walk(variable.value) if node.type == "object"]
    return {name.upper(): text_of(value) for each in objects for name, value in properties_of(each).items()}


def uncovered(fields: Mapping[str, bool], settings: Mapping[str, str], defaulted: Mapping[str, str]) -> list[str]:
    """
    Hold the fields of Settings (name in upper case to whether it is required) against what is set or left on purpose.

    What is forgotten, set for nobody, required but left, or listed in vain has a line each.
    """
    found = [
        f"{name} is neither set nor left at its default on purpose"
        for name in fields.keys() - settings.keys() - defaulted.keys()
    ]
    found += [
        f"{name} is set and nothing reads it" for name in settings.keys() - fields.keys() - OF_THE_HOST - schedules()
    ]
    found += [f"{name} has no default to be left at" for name in defaulted.keys() & fields.keys() if fields[name]]
    found += [f"{name} is set, so its default is not left" for name in defaulted.keys() & settings.keys()]
    found += [f"{name} is left at a default that does not exist" for name in defaulted.keys() - fields.keys()]
    found += [f"{name} is asked for by a trigger and not set" for name in schedules() - settings.keys()]
    return sorted(found)


def schedules() -> frozenset[str]:
    """Name the settings that triggers read for themselves, as `%NAME%`."""
    sources = (path.read_text() for path in (REPOSITORY / "functions").glob("*.py"))
    return frozenset(name for source in sources for name in re.findall(r'"%(\w+)%"', source))


def sample_settings() -> dict[str, str]:
    sample = json.loads((REPOSITORY / "local.settings.sample.json").read_text())
    return {name.upper(): value for name, value in sample["Values"].items()}


def secret_of(expression: str) -> str | None:
    """Name the vault's secret that a setting refers to; None when it is no reference."""
    reference = _REFERENCE.fullmatch(expression.strip("'"))
    return reference["secret"] if reference else None


def vault_secrets(template: Template) -> set[str]:
    """Name the secrets that the template puts into the vault."""
    main = template[PurePosixPath("main.bicep")]
    params = properties_of(properties_of(main.declared("module")["vault"].body)["params"])
    single = [resource for _, resource in resources_of(template, "Microsoft.KeyVault/vaults/secrets")]
    named = [properties_of(each.body)["name"] for each in single]
    return {*properties_of(params["secretValues"]), *(string_of(node) for node in named if node.type == "string")}
