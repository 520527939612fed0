"""What each profile's resources must say of themselves to be safe. Findings are `file:line: what`."""

from collections.abc import Iterator, Mapping
from typing import Final

from dev.infra.bicep import Template, string_of, text_of, walk
from dev.infra.evaluation import Resource, deployed
from dev.infra.known import ENDPOINTS, FLEX, FLEX_FORBIDDEN, HARDENED, PRIVATE

PROFILES: Final = ("dev", "prod")
SERVER: Final = "Microsoft.DBforPostgreSQL/flexibleServers"
APP: Final = "Microsoft.Web/sites"


def weak_resources(template: Template) -> list[str]:
    """List resources that do not say, in every profile, what makes them safe."""
    found: list[str] = []
    for profile in PROFILES:
        resources = deployed(template, profile)
        for resource in resources:
            found += _differences(resource, HARDENED.get(resource.type, {}))
            if "*" in (resource.get("properties.siteConfig.cors.allowedOrigins") or []):
                found.append(f"{resource.at}: CORS with credentials cannot be for every origin")
            if resource.type == SERVER:
                found += _server_faults(resource, resources)
    return sorted(set(found))


def _server_faults(server: Resource, resources: list[Resource]) -> Iterator[str]:
    settings = {
        each.get("name"): each.get("properties.value") for each in resources if each.type == f"{SERVER}/configurations"
    }
    if settings.get("require_secure_transport") != "on":
        yield f"{server.at}: nothing sets require_secure_transport to on"
    if not any(each.type == f"{SERVER}/administrators" for each in resources):
        yield f"{server.at}: nobody administers the server: without passwords it needs an Entra administrator"
    if server.get("properties.administratorLogin") or server.get("properties.administratorLoginPassword"):
        yield f"{server.at}: nobody signs in with a password"


def exposed_in_prod(template: Template) -> list[str]:
    """List what can be reached from outside in prod, or cannot be reached from inside, or is in one zone."""
    resources = deployed(template, "prod")
    found: list[str] = []
    for resource in resources:
        found += _differences(resource, PRIVATE.get(resource.type, {}))
        if resource.type == f"{SERVER}/firewallRules":
            found.append(f"{resource.at}: prod has no firewall rules: nothing comes from outside")
        if str(resource.get("sku.name")).endswith("_LRS"):
            found.append(f"{resource.at}: prod keeps its data in several zones")
    found += [f"{resource.at}: prod has no private endpoint for {part}" for resource, part in _unlinked(resources)]
    return sorted(set(found))


def _unlinked(resources: list[Resource]) -> Iterator[tuple[Resource, str]]:
    linked = {
        part
        for resource in resources
        if resource.type == "Microsoft.Network/privateEndpoints"
        for connection in resource.get("properties.privateLinkServiceConnections") or []
        for part in connection["properties"]["groupIds"]
    }
    for resource in resources:
        yield from ((resource, part) for part in ENDPOINTS.get(resource.type, ()) if part not in linked)


def flex_violations(template: Template) -> list[str]:
    """List what a Flex Consumption app leaves unsaid, and settings that its plan refuses."""
    found: list[str] = []
    for profile in PROFILES:
        for resource in deployed(template, profile):
            if resource.type == APP:
                found += _differences(resource, FLEX)
    for file in template.values():
        for node in walk(file.root):
            word = string_of(node) if node.type == "string" else text_of(node)
            if node.type in {"string", "identifier"} and word.upper().startswith(FLEX_FORBIDDEN):
                found.append(f"{file.at(node)}: {word} is refused by Flex Consumption")
    return sorted(set(found))


def _differences(resource: Resource, expected: Mapping[str, object]) -> Iterator[str]:
    for path, value in expected.items():
        found = resource.get(f"properties.{path}")
        if found != value if value is not None else found in (None, ""):
            yield f"{resource.at}: {resource.declaration.name} needs {path}: {'a value' if value is None else value}"
