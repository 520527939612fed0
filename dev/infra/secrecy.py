"""Who may do what, and what nobody may see. Findings are `file:line: what`."""

import re
from collections.abc import Iterator
from typing import Final

from dev.infra.bicep import BicepFile, Template, properties_of, resources_of, string_of, text_of, walk
from dev.infra.known import ROLES

GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SECRET_NAME: Final = re.compile(r"(secret|password|key|keys|token|connectionstring|values)$", re.IGNORECASE)
SECRET_TEXT: Final = re.compile(
    r"(AccountKey|SharedAccessKey|AccessKey|Password|Pwd)=[^;$]|://[^/:@$]+:[^/@$]+@", re.IGNORECASE
)
NO_SECRETS: Final = {
    "telemetryConnectionString",  # names where to send; sending needs the identity, since keys are off
}
ASSIGNMENT: Final = "Microsoft.Authorization/roleAssignments"


def unknown_roles(template: Template) -> list[str]:
    """List role ids under another name than theirs, and ids of no role that the app may have."""
    found: list[str] = []
    for file in template.values():
        for node in walk(file.root):
            if node.type != "string" or not GUID.fullmatch(string_of(node)):
                continue
            named = node.parent is not None and node.parent.type == "object_property"
            name = text_of(node.parent.children[0]) if named and node.parent is not None else ""
            if ROLES.get(name) != string_of(node):
                found.append(f"{file.at(node)}: {name or string_of(node)} is not a role that the app may have")
    return found


def broad_roles(template: Template) -> list[str]:
    """List assignments that reach further than one resource, or do not say that they are for an identity."""
    found: list[str] = []
    for file, assignment in resources_of(template, ASSIGNMENT):
        own = properties_of(assignment.body)
        if "scope" not in own or text_of(own["scope"]) not in file.declared("resource"):
            found.append(f"{file.at(assignment.node)}: {assignment.name} is not limited to a resource")
        if "principalType: 'ServicePrincipal'" not in text_of(assignment.body):
            found.append(f"{file.at(assignment.node)}: {assignment.name} may be for somebody else than an identity")
    return found


def plain_secrets(template: Template) -> list[str]:
    """List secrets that are written down, handed on without @secure, or put out."""
    return [
        finding
        for file in template.values()
        for part in (_plain_parameters, _shown_outputs, _secret_texts)
        for finding in part(file)
    ]


def _plain_parameters(file: BicepFile) -> Iterator[str]:
    for name, parameter in file.declared("parameter").items():
        if parameter.secure and parameter.value is not None and text_of(parameter.value) != "{}":
            yield f"{file.at(parameter.node)}: {name} is a secret with a default"
        if SECRET_NAME.search(name) and not parameter.secure and name not in NO_SECRETS:
            yield f"{file.at(parameter.node)}: {name} needs @secure()"


def _shown_outputs(file: BicepFile) -> Iterator[str]:
    secure = {name for name, each in file.declared("parameter").items() if each.secure}
    for name, output in file.declared("output").items():
        value = text_of(output.node).partition("=")[2]
        if re.search(r"\blist\w*\(", value) or secure & set(re.findall(r"\w+", value)):
            yield f"{file.at(output.node)}: the output {name} shows a secret"


def _secret_texts(file: BicepFile) -> Iterator[str]:
    for node in walk(file.root):
        if node.type == "string" and SECRET_TEXT.search(string_of(node)):
            yield f"{file.at(node)}: looks like a secret in the text"
