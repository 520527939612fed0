"""What an expression can be: every literal that it leads to, through variables, parameters, choices and loops."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from tree_sitter import Node

from dev.infra.bicep import BicepFile, Template, properties_of, property_at, string_of, text_of
from dev.infra.known import FUNCTIONS

KIND_BY_NODE = {
    "array": "array",
    "binary_expression": "any",
    "boolean": "bool",
    "for_statement": "array",
    "number": "int",
    "object": "object",
    "string": "string",
}


@dataclass(frozen=True, slots=True)
class Value:
    """An expression that leads no further, and the file that it is written in."""

    file: BicepFile
    node: Node


def values_of(template: Template, file: BicepFile, node: Node) -> Iterator[Value]:
    """List what an expression can be. What cannot be known before a deployment stays as it is written."""
    here = Value(file, node)
    match node.type:
        case "parenthesized_expression":
            yield from values_of(template, file, node.children[1])
        case "ternary_expression":
            yield from values_of(template, file, node.children[2])
            yield from values_of(template, file, node.children[4])
        case "identifier":
            yield from _named(template, here)
        case "member_expression":
            key = text_of(node.children[-1])
            yield from _members(template, here, key)
        case "subscript_expression":
            index = node.children[2]
            yield from _members(template, here, string_of(index) if index.type == "string" else None)
        case _:
            yield here


def kind_of(value: Value) -> str:
    """Name the kind of a value: string, int, bool, array, object, null, or any when nothing says it."""
    node = value.node
    if node.type == "identifier" and (parameter := value.file.declared("parameter").get(text_of(node))):
        return parameter.kind
    if node.type == "call_expression" and text_of(node.children[0]) == "union":
        return kind_of(Value(value.file, node.children[-1].named_children[0]))
    if node.type == "call_expression":
        return FUNCTIONS.get(text_of(node.children[0]), "any")
    if node.type == "null":
        return "null"
    return KIND_BY_NODE.get(node.type, "any")


def elements_of(template: Template, value: Value) -> Iterator[Value]:
    """List the expressions that a literal array, or a loop's body, holds."""
    if value.node.type == "array":
        for child in value.node.named_children:
            yield from values_of(template, value.file, child)
    elif value.node.type == "for_statement":
        yield from values_of(template, value.file, loop_body(value.node))


def loop_body(loop: Node) -> Node:
    kinds = [child.type for child in loop.children]
    return loop.children[kinds.index(":") + 1]


def _named(template: Template, here: Value) -> Iterator[Value]:
    name = text_of(here.node)
    if (loop := _loop_of(here.node, name)) is not None:
        iterable = loop.children[[child.type for child in loop.children].index("in") + 1]
        found = [each for array in values_of(template, here.file, iterable) for each in elements_of(template, array)]
        yield from found or [here]
    elif (variable := here.file.declared("variable").get(name)) and variable.value is not None:
        yield from values_of(template, here.file, variable.value)
    elif name in here.file.declared("parameter"):
        yield from _arguments(template, here)
    else:
        yield here


def _loop_of(node: Node, name: str) -> Node | None:
    """Find the loop around a node whose element goes by this name."""
    around = node.parent
    while around is not None:
        if around.type == "for_statement":
            introduced = around.children[: [child.type for child in around.children].index("in")]
            if any(name == text_of(each) for child in introduced for each in (child, *child.children)):
                return around
        around = around.parent
    return None


def _arguments(template: Template, here: Value) -> Iterator[Value]:
    name = text_of(here.node)
    parameter = here.file.declared("parameter")[name]
    given = list(_given(template, here.file.path, name))
    if parameter.value is not None:
        given.append(Value(here.file, parameter.value))
    if allowed := parameter.decorator("allowed"):
        given += [Value(here.file, each) for each in allowed.named_children]
    for each in given:
        yield from values_of(template, each.file, each.node)
    if not given:
        yield here


def _given(template: Template, path: PurePosixPath, name: str) -> Iterator[Value]:
    for file in template.values():
        for module in file.declared("module").values():
            if PurePosixPath(file.path.parent / module.reference) == path:
                params = property_at(module.body, "params")
                if params is not None and name in (own := properties_of(params)):
                    yield Value(file, own[name])


def _members(template: Template, here: Value, key: str | None) -> Iterator[Value]:
    """Follow a member of every object that the base can be; all members when the key is known only later."""
    found: list[Value] = []
    for base in values_of(template, here.file, here.node.children[0]):
        if base.node.type == "object":
            own = properties_of(base.node)
            for each in own.values() if key is None else [own[key]] if key in own else []:
                found += values_of(template, base.file, each)
        elif key is None:
            found += elements_of(template, base)
    yield from found or [here]
