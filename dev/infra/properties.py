"""The resources' properties, held against the table of resource types: each one at any depth."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tree_sitter import Node

from dev.infra.bicep import BicepFile, Template, is_existing, properties_of, resource_type, string_of, text_of
from dev.infra.possible_values import Value, elements_of, kind_of, values_of
from dev.infra.resource_types import (
    Property,
    kind_of_shape,
    literals_of,
    properties_of_shape,
    range_of,
    resource_types,
)

OF_THE_LANGUAGE: Final[Mapping[str, Any]] = {"parent": "any", "scope": "any", "dependsOn": "array"}
LOOKED_UP: Final[Mapping[str, Any]] = {"name!": "string", "parent": "any", "scope": "any"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A property that was looked at, and what is wrong with it."""

    at: str
    problem: str | None = None


def property_faults(template: Template) -> list[str]:
    """List properties that are unknown, set although Azure sets them, missing, or of another kind or value."""
    return [f"{each.at}: {each.problem}" for each in checked_properties(template) if each.problem]


def checked_properties(template: Template) -> Iterator[Checked]:
    """Look at every property of every resource that the template creates or looks up."""
    for file in template.values():
        for resource in file.declared("resource").values():
            known = resource_types().get(resource_type(resource))
            if known is not None:
                shape = LOOKED_UP if is_existing(resource) else {**known.shape, **OF_THE_LANGUAGE}
                yield from _object(template, Value(file, resource.body), shape)


def unknown_types(template: Template) -> list[str]:
    """List resources of another type or version than the table has."""
    known = {f"{name}@{each.version}" for name, each in resource_types().items()}
    return [
        f"{file.at(resource.node)}: {resource.reference} is not a known type and version"
        for file in template.values()
        for resource in file.declared("resource").values()
        if resource.reference not in known
    ]


def _check(template: Template, file: BicepFile, node: Node, shape: object) -> Iterator[Checked]:
    for value in values_of(template, file, node):
        yield from _value(template, value, shape)


def _value(template: Template, value: Value, shape: object) -> Iterator[Checked]:
    at, kind, wanted = value.file.at(value.node), kind_of(value), kind_of_shape(shape)
    if shape == "any" or kind in {"any", "null"}:
        return
    if kind != wanted:
        yield Checked(at, f"{wanted} expected, and this is {kind}")
    elif isinstance(shape, dict):
        yield from _union(template, value, shape)
    elif isinstance(shape, list):
        for element in elements_of(template, value):
            yield from _value(template, element, shape[0])
    elif isinstance(shape, str):
        yield from _literal(value, shape)


def _literal(value: Value, shape: str) -> Iterator[Checked]:
    node, at = value.node, value.file.at(value.node)
    taken, within = literals_of(shape), range_of(shape)
    written = string_of(node) if node.type == "string" else text_of(node)
    plain = node.type in {"number", "string"} and not any(child.type == "interpolation" for child in node.children)
    # An empty string stands for a part that is left out: the condition around it is held elsewhere.
    if taken and plain and written not in (*taken, ""):
        yield Checked(at, f"'{written}' is none of {', '.join(taken)}")
    if within and node.type == "number" and int(written) not in within:
        yield Checked(at, f"{written} is not in {within.start}..{within.stop - 1}")


def _union(template: Template, value: Value, shape: Mapping[str, Any]) -> Iterator[Checked]:
    if value.node.type == "object":
        yield from _object(template, value, shape)
    elif value.node.type == "call_expression":  # union(...): each part is an object, and none needs to be whole
        optional = {key.rstrip("!"): each for key, each in shape.items()}
        for part in value.node.children[-1].named_children:
            yield from _check(template, value.file, part, optional)


def _object(template: Template, value: Value, shape: Mapping[str, Any]) -> Iterator[Checked]:
    known = properties_of_shape(shape)
    given = properties_of(value.node)
    for name, node in given.items():
        found = known.get(name) or known.get("*")
        yield Checked(value.file.at(node), _problem(name, found, known))
        if found is not None and not found.read_only:
            yield from _check(template, value.file, node, found.shape)
    for name in sorted(name for name, each in known.items() if each.required and name not in given):
        yield Checked(value.file.at(value.node), f"{name} is missing")


def _problem(name: str, found: Property | None, known: Mapping[str, Property]) -> str | None:
    if found is None:
        near = difflib.get_close_matches(name, known, 1)
        return f"{name} is not a known property{f': {near[0]}?' if near else ''}"
    return f"{name} is set by Azure alone" if found.read_only else None
