"""Names in the template: each is declared, used, and handed on as what it is. Findings are `file:line: what`."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from tree_sitter import Node

from dev.infra.bicep import BicepFile, Declaration, Template, properties_of, property_at, text_of, walk
from dev.infra.known import FUNCTIONS
from dev.infra.possible_values import kind_of, values_of

FOLLOWED: Final = {"member_expression", "subscript_expression"}
OPERATED: Final = {"binary_expression", "unary_expression"}
KINDS: Final = {"array", "bool", "int", "object", "string"}
NAMED: Final = ("parameter", "variable", "resource", "module")


def syntax_errors(template: Template) -> list[str]:
    """
    List what does not parse, and what the parser reads otherwise than the compiler.

    The grammar at hand lets an operator bind closer than the dot that follows: `!a.b` becomes `(!a).b`.
    """
    found: list[str] = []
    for file in template.values():
        for node in walk(file.root):
            if node.is_error or node.is_missing:
                found.append(f"{file.at(node)}: does not parse: {text_of(node)[:60]!r}")
            elif node.type in FOLLOWED and node.children[0].type in OPERATED:
                found.append(f"{file.at(node)}: put a variable or brackets after the operator: {text_of(node)[:60]!r}")
    return found


def unknown_names(template: Template) -> list[str]:
    """List names that nothing declares, and functions that the language may not have."""
    found: list[str] = []
    for file in template.values():
        scope = frozenset(name for kind in NAMED for name in file.declared(kind))
        found += [f"{file.at(node)}: {text_of(node)} is not declared" for node in _undeclared(file.root, scope)]
        for each in (*file.declared("parameter").values(), *file.declared("output").values()):
            if each.kind not in KINDS:
                found.append(f"{file.at(each.node)}: {each.kind} is no type")
    return found


def _undeclared(node: Node, scope: frozenset[str]) -> Iterator[Node]:
    if node.type == "identifier" and text_of(node) not in scope:
        yield node
    if node.type == "call_expression" and node.children[0].type == "identifier":
        if text_of(node.children[0]) not in FUNCTIONS:
            yield node.children[0]
    elif node.type in {"for_statement", "lambda_expression"}:
        introduced = node.children[: len(node.children) - len(_evaluated(node))]
        scope |= {text_of(each) for child in introduced for each in walk(child) if not each.children}
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
    """List parameters and variables that change nothing, whatever a person sets them to."""
    return [
        f"{file.at(declaration.node)}: {name} is not used"
        for file in template.values()
        for name, declaration in {**file.declared("parameter"), **file.declared("variable")}.items()
        if name not in {text_of(node) for node in _evaluated_names(file.root)}
    ]


def _evaluated_names(node: Node) -> Iterator[Node]:
    if node.type == "identifier":
        yield node
    for child in _evaluated(node):
        yield from _evaluated_names(child)


def module_mismatches(template: Template) -> list[str]:
    """List modules that are not there, parameters missing, unknown or of another kind, outputs that do not exist."""
    found: list[str] = []
    for file in template.values():
        for module in file.declared("module").values():
            target = template.get(PurePosixPath(file.path.parent / module.reference))
            if target is None:
                found.append(f"{file.at(module.node)}: there is no {module.reference}")
            else:
                found += _parameter_mismatches(template, file, module, target)
                found += _output_mismatches(file, module, target)
    return found


def _parameter_mismatches(template: Template, file: BicepFile, module: Declaration, target: BicepFile) -> Iterator[str]:
    params = property_at(module.body, "params")
    given = properties_of(params) if params is not None else {}
    wanted = target.declared("parameter")
    for name in sorted(given.keys() - wanted.keys()):
        yield f"{file.at(given[name])}: {module.reference} has no parameter {name}"
    for name in sorted(wanted.keys() - given.keys()):
        if wanted[name].value is None:
            yield f"{file.at(module.node)}: {module.reference} needs {name}"
    for name in sorted(wanted.keys() & given.keys()):
        for value in values_of(template, file, given[name]):
            if (kind := kind_of(value)) not in {"any", wanted[name].kind}:
                yield f"{value.file.at(value.node)}: {module.reference} takes {name} as {wanted[name].kind}, not {kind}"


def _output_mismatches(file: BicepFile, module: Declaration, target: BicepFile) -> Iterator[str]:
    known = target.declared("output")
    for node in walk(file.root):
        used = re.fullmatch(rf"{re.escape(module.name)}!?\.outputs\.(\w+)", text_of(node))
        if used and node.type == "member_expression" and used[1] not in known:
            yield f"{file.at(node)}: {module.reference} has no output {used[1]}"


def uneven_profiles(template: Template) -> list[str]:
    """List what one profile says and another does not, or says as another kind of value."""
    found: list[str] = []
    for file in template.values():
        profiles = file.declared("variable").get("profiles")
        if profiles is not None and profiles.value is not None:
            found += _uneven(file, profiles.value)
    return found


def _uneven(file: BicepFile, profiles: Node) -> Iterator[str]:
    each = {name: properties_of(node) for name, node in properties_of(profiles).items()}
    for name, own in each.items():
        for other, theirs in each.items():
            for key in sorted(theirs.keys() - own.keys()):
                yield f"{file.at(theirs[key])}: {other} has {key}, and {name} does not"
            for key in sorted(theirs.keys() & own.keys()):
                if theirs[key].type != own[key].type:
                    yield f"{file.at(theirs[key])}: {key} is not the same kind of value in {other} and {name}"
