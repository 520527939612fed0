"""What Azure and PostgreSQL have room for: names, addresses, connections; and what azd looks for."""

import ipaddress
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from dev.infra.bicep import Template
from dev.infra.evaluation import SAMPLE, Resource, deployed
from dev.infra.known import CONNECTIONS, OUTPUTS, PGBOUNCER_CONNECTIONS, PGBOUNCER_PORT, TAGS
from dev.infra.resource_types import resource_types

PROFILES: Final = ("dev", "prod")
ENVIRONMENT_NAMES: Final = ("ab", "abcdefghijkl", "a1-b2c3d4-e5")
"""The shortest name of an environment, the longest, and the longest with hyphens."""

QUEUES: Final = "Microsoft.Storage/storageAccounts/queueServices/queues"
SETTINGS: Final = "Microsoft.Web/sites/config"


def names_out_of_bounds(template: Template) -> list[str]:
    """List names that Azure would refuse for some environment's name."""
    found: list[str] = []
    for profile in PROFILES:
        for environment in ENVIRONMENT_NAMES:
            for resource in deployed(template, profile, {**SAMPLE, "environmentName": environment}):
                pattern, name = _pattern(resource), str(resource.get("name"))
                if pattern is not None and "<" not in name and not pattern.fullmatch(name):
                    found.append(f"{resource.at}: {name!r} is no name for {resource.type}: {pattern.pattern}")
    return sorted(set(found))


def _pattern(resource: Resource) -> Any:  # noqa: ANN401 - a pattern or None
    known = resource_types().get(resource.type)
    return known.name if known else None


def pools_too_large(template: Template) -> list[str]:
    """List profiles whose instances could open more connections than their server takes."""
    found: list[str] = []
    for profile in PROFILES:
        resources = deployed(template, profile)
        servers = [each for each in resources if each.type == "Microsoft.DBforPostgreSQL/flexibleServers"]
        apps = [each for each in resources if each.type == "Microsoft.Web/sites"]
        settings = [each for each in resources if each.type == SETTINGS]
        for server, app, setting in zip(servers, apps, settings, strict=False):
            found += _connection_faults(profile, server, app, setting.get("properties"), _groups(resources))
    return found


def _groups(resources: list[Resource]) -> int:
    """Count the groups of functions that are ever busy together: HTTP, and the queues that are no poison."""
    names = [str(each.get("name")) for each in resources if each.type == QUEUES]
    return 1 + sum(not name.endswith("-poison") for name in names)


def _connection_faults(
    profile: str, server: Resource, app: Resource, settings: dict[str, str], groups: int
) -> Iterator[str]:
    instances = app.get("properties.functionAppConfig.scaleAndConcurrency.maximumInstanceCount")
    timers = sum(name.endswith("_SCHEDULE") for name in settings)
    opened = (groups * instances + timers) * int(settings.get("DATABASE_POOL_SIZE", 0))
    size, pooled = server.get("sku.name"), f":{PGBOUNCER_PORT}/" in settings.get("DATABASE_URL", "")
    if pooled and server.get("sku.tier") == "Burstable":
        yield f"{server.at}: {profile}: {size} has no PgBouncer"
    taken = PGBOUNCER_CONNECTIONS if pooled else CONNECTIONS.get(size, 0)
    if opened > taken:
        yield f"{app.at}: {profile}: instances could open {opened} connections, and {size} takes {taken}"


def network_faults(template: Template) -> list[str]:
    """List subnets that overlap, lie outside their network or have no way out, and delegations that are missing."""
    found: list[str] = []
    for resource in deployed(template, "prod"):
        if resource.type == "Microsoft.Network/virtualNetworks":
            space = [ipaddress.ip_network(each) for each in resource.get("properties.addressSpace.addressPrefixes")]
            found += [f"{resource.at}: {fault}" for fault in _subnet_faults(resource, space)]
    return found


def _subnet_faults(resource: Resource, space: list[Any]) -> Iterator[str]:
    taken: dict[str, Any] = {}
    for subnet in resource.get("properties.subnets"):
        own = ipaddress.ip_network(subnet["properties"]["addressPrefix"])
        if not any(own.subnet_of(each) for each in space):
            yield f"{subnet['name']} lies outside the network"
        yield from (f"{subnet['name']} overlaps {name}" for name, other in taken.items() if own.overlaps(other))
        taken[subnet["name"]] = own
        if subnet["properties"].get("delegations") and not _has_way_out(subnet["properties"]):
            yield f"{subnet['name']} has no way out"
    delegated = {
        each["properties"]["serviceName"]
        for subnet in resource.get("properties.subnets")
        for each in subnet["properties"].get("delegations", [])
    }
    needed = set(DELEGATED) - delegated
    yield from (f"no subnet is delegated to {service}" for service in sorted(needed))


def _has_way_out(subnet: dict[str, Any]) -> bool:
    return subnet.get("defaultOutboundAccess") is True or bool(subnet.get("natGateway"))


DELEGATED: Final = (
    "Microsoft.App/environments",
    "Microsoft.ContainerInstance/containerGroups",
    "Microsoft.DBforPostgreSQL/flexibleServers",
)
"""Flex Consumption, a container that runs the migrations, and the server each need a subnet of their own."""


def azd_faults(template: Template) -> list[str]:
    """List outputs and tags that azd, its hooks or the workflows would look for in vain."""
    main = template[PurePosixPath("main.bicep")]
    found = [
        f"infra/main.bicep:1: there is no output {name}" for name in sorted(OUTPUTS - main.declared("output").keys())
    ]
    for profile in PROFILES:
        for resource in deployed(template, profile):
            tag, value = TAGS.get(resource.type, ("", ""))
            if tag and (resource.get("tags") or {}).get(tag) != value:
                found.append(f"{resource.at}: {resource.declaration.name} needs the tag {tag}: {value}")
    return sorted(set(found))
