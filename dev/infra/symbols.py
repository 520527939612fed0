"""
Rules about the template. Each takes the parsed files and lists what breaks it, as `file:line: what`.

They stand in for a compiler and a linter that cannot be had everywhere, so each is shown to find what it is for.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Final

from tree_sitter import Node

from dev.infra.bicep import (
    BicepFile,
    Declaration,
    Template,
    properties_of,
    property_at,
    resource_type,
    resources_of,
    string_of,
    strings_in,
    text_of,
    walk,
)
from dev.infra.known import FLEX, FLEX_FORBIDDEN, FUNCTIONS, HARDENED, ROLES, VERSION_BY_TYPE

GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
SECRET_NAME: Final = re.compile(r"(secret|password|key|keys|token|connectionstring)$", re.IGNORECASE)
SECRET_TEXT: Final = re.compile(
    r"(AccountKey|SharedAccessKey|AccessKey|Password|Pwd)=[^;$]|://[^/:@$]+:[^/@$]+@", re.IGNORECASE
)
SERVER: Final = "Microsoft.DBforPostgreSQL/flexibleServers"
NAMED: Final = ("parameter", "variable", "resource", "module")


def syntax_errors(template: Template) -> list[str]:
    return [
        f"{file.at(node)}: does not parse: {text_of(node)[:60]!r}"
        for file in template.values()
        for node in walk(file.root)
        if node.is_error or node.is_missing
    ]


def unknown_types(template: Template) -> list[str]:
    """Resources of another type or version than the ones that were looked up."""
    return [
        f"{file.at(resource.node)}: {resource.reference} is not a known type and version"
        for file in template.values()
        for resource in file.declared("resource").values()
        if VERSION_BY_TYPE.get(resource_type(resource)) != resource.reference.partition("@")[2]
    ]


def unknown_names(template: Template) -> list[str]:
    """Names that nothing declares, and functions that the language may not have."""
    found: list[str] = []
    for file in template.values():
        scope = frozenset(name for kind in NAMED for name in file.declared(kind))
        found += [f"{file.at(node)}: {text_of(node)} is not declared" for node in _undeclared(file.root, scope)]
    return found


def _undeclared(node: Node, scope: frozenset[str]) -> Iterator[Node]:
    if node.type == "identifier" and text_of(node) not in scope:
        yield node
    if node.type == "call_expression" and node.children[0].type == "identifier":
        if text_of(node.children[0]) not in FUNCTIONS:
            yield node.children[0]
    elif node.type in {"for_statement", "lambda_expression"}:
        introduced = node.children[: len(node.children) - len(_evaluated(node))]
        scope |= {text_of(each) for child in introduced for each in walk(child) if each.type == "identifier"}
    for child in _evaluated(node):
        yield from _undeclared(child, scope)


def _evaluated(node: Node) -> list[Node]:
    """Leave out what only names: keys, types, what a declaration, a loop or a lambda introduces, called functions."""
    children, kinds = node.children, [child.type for child in node.children]
    if node.type.endswith("_declaration"):
        return children[kinds.index("=") :] if "=" in kinds else []
    if node.type == "for_statement":
        return children[kinds.index("in") :]
    if node.type == "lambda_expression":
        return children[kinds.index("=>") :]
    if kinds[:1] == ["identifier"] and node.type in {"object_property", "call_expression"}:
        return children[1:]
    return [child for child in children if child.type != "type"]


def unused_names(template: Template) -> list[str]:
    """Parameters and variables that change nothing, whatever a person sets them to."""
    return [
        f"{file.at(declaration.node)}: {name} is not used"
        for file in template.values()
        for name, declaration in (file.declared("parameter") | file.declared("variable")).items()
        if name not in {text_of(node) for node in _evaluated_names(file.root)}
    ]


def _evaluated_names(node: Node) -> Iterator[Node]:
    if node.type == "identifier":
        yield node
    for child in _evaluated(node):
        yield from _evaluated_names(child)


def module_mismatches(template: Template) -> list[str]:
    """Modules that are not there, parameters that are missing or unknown, outputs that do not exist."""
    found: list[str] = []
    for file in template.values():
        for module in file.declared("module").values():
            target = template.get(PurePosixPath(file.path.parent / module.reference))
            if target is None:
                found.append(f"{file.at(module.node)}: there is no {module.reference}")
            else:
                found += _parameter_mismatches(file, module, target)
                found += _output_mismatches(file, module, target)
    return found


def _parameter_mismatches(file: BicepFile, module: Declaration, target: BicepFile) -> Iterator[str]:
    params = property_at(module.body, "params")
    given = properties_of(params) if params is not None else {}
    wanted = target.declared("parameter")
    for name in sorted(given.keys() - wanted.keys()):
        yield f"{file.at(given[name])}: {module.reference} has no parameter {name}"
    for name in sorted(wanted.keys() - given.keys()):
        if wanted[name].value is None:
            yield f"{file.at(module.node)}: {module.reference} needs {name}"


def _output_mismatches(file: BicepFile, module: Declaration, target: BicepFile) -> Iterator[str]:
    used = re.compile(rf"\b{re.escape(module.name)}!?\.outputs\.(\w+)")
    for name in sorted(set(used.findall(text_of(file.root))) - target.declared("output").keys()):
        yield f"{file.path}: {module.reference} has no output {name}"


def unknown_roles(template: Template) -> list[str]:
    """Role ids under another name than theirs, and ids of no role that the app may have."""
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


def plain_secrets(template: Template) -> list[str]:
    """Secrets written down, handed on without @secure, or put out."""
    found: list[str] = []
    for file in template.values():
        for name, parameter in file.declared("parameter").items():
            if parameter.secure and parameter.value is not None:
                found.append(f"{file.at(parameter.node)}: {name} is a secret with a default")
            if SECRET_NAME.search(name) and not parameter.secure and name not in NO_SECRETS:
                found.append(f"{file.at(parameter.node)}: {name} needs @secure()")
        secure = {name for name, each in file.declared("parameter").items() if each.secure}
        for name, output in file.declared("output").items():
            value = text_of(output.node).partition("=")[2]
            if "listKeys" in value or secure & set(re.findall(r"\w+", value)):
                found.append(f"{file.at(output.node)}: the output {name} shows a secret")
        found += [
            f"{file.at(node)}: looks like a secret in the text"
            for node in walk(file.root)
            if node.type == "string" and SECRET_TEXT.search(string_of(node))
        ]
    return found


NO_SECRETS: Final = {
    "telemetryConnectionString",  # names where to send; sending needs the identity, since keys are off
}


def weak_resources(template: Template) -> list[str]:
    """Resources that do not say of themselves what makes them safe."""
    found: list[str] = []
    for kind, expected in HARDENED.items():
        for file, resource in resources_of(template, kind):
            found += _differences(file, resource, expected)
    for file, resource in resources_of(template, "Microsoft.Web/sites"):
        origins = property_at(resource.body, "properties.siteConfig.cors.allowedOrigins")
        if "*" in strings_in(origins):
            found.append(f"{file.at(resource.node)}: CORS with credentials cannot be for every origin")
    for file, server in resources_of(template, SERVER):
        if not any(_requires_tls(each) for _, each in resources_of(template, f"{SERVER}/configurations")):
            found.append(f"{file.at(server.node)}: nothing sets require_secure_transport to on")
    return found


def _requires_tls(setting: Declaration) -> bool:
    values = [property_at(setting.body, path) for path in ("name", "properties.value")]
    return [string_of(each) for each in values if each is not None] == ["require_secure_transport", "on"]


def flex_violations(template: Template) -> list[str]:
    """What a Flex Consumption app leaves unsaid, and settings that its plan refuses."""
    found: list[str] = []
    for file, resource in resources_of(template, "Microsoft.Web/sites"):
        found += _differences(file, resource, FLEX)
    for file in template.values():
        for node in walk(file.root):
            word = string_of(node) if node.type == "string" else text_of(node)
            if node.type in {"string", "identifier"} and word.upper().startswith(FLEX_FORBIDDEN):
                found.append(f"{file.at(node)}: {word} is refused by Flex Consumption")
    return found


def _differences(file: BicepFile, resource: Declaration, expected: Mapping[str, str | None]) -> Iterator[str]:
    for path, value in expected.items():
        node = property_at(resource.body, f"properties.{path}")
        if node is None or (value is not None and text_of(node) != value):
            yield f"{file.at(resource.node)}: {resource.name} needs {path}: {value or 'a value'}"


def parameter_file_mismatches(template: Template, text: str) -> list[str]:
    """
    Hold a parameter file against main.bicep. One `param name = value` a line is all that it may have.

    A secret must come from the environment, which has no default for it.
    """
    wanted = template[PurePosixPath("main.bicep")].declared("parameter")
    given: dict[str, str] = {}
    found: list[str] = []
    for line in text.splitlines():
        if parameter := re.fullmatch(r"param (\w+) = (.+)", line):
            given[parameter[1]] = parameter[2]
        elif line and not line.startswith("//") and line != "using 'main.bicep'":
            found.append(f"not understood: {line}")
    found += [f"main.bicep has no parameter {name}" for name in sorted(given.keys() - wanted.keys())]
    found += [f"{name} is missing" for name, each in wanted.items() if each.value is None and name not in given]
    for name in given.keys() & wanted.keys():
        if wanted[name].secure and not re.fullmatch(r"readEnvironmentVariable\('[A-Z_]+'\)", given[name]):
            found.append(f"{name} must come from the environment")
    return found
