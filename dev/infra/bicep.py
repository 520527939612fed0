"""Bicep read with tree-sitter: what the rules ask of a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

REPOSITORY: Final = Path(__file__).parents[2]
FOLDER: Final = "infra"
INFRA: Final = REPOSITORY / FOLDER

_PARSER: Final = Parser(Language(tree_sitter_bicep.language()))
_DECLARATIONS: Final = {
    "parameter_declaration",
    "variable_declaration",
    "resource_declaration",
    "module_declaration",
    "output_declaration",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """A param, var, resource, module or output."""

    name: str
    node: Node
    decorators: Node | None

    @property
    def value(self) -> Node | None:
        """What follows the `=`."""
        children = self.node.children
        equals = next((i for i, child in enumerate(children) if child.type == "="), None)
        return None if equals is None else children[equals + 1]

    @property
    def secure(self) -> bool:
        return self.decorators is not None and "@secure()" in text_of(self.decorators)

    @property
    def kind(self) -> str:
        """The type of a parameter or output, as it is written."""
        return next(text_of(child) for child in self.node.children if child.type == "type")

    def decorator(self, name: str) -> Node | None:
        """Find a decorator's argument."""
        for call in walk(self.decorators):
            if call.type == "call_expression" and text_of(call.children[0]) == name:
                return next(iter(call.children[-1].named_children), None)
        return None

    @property
    def reference(self) -> str:
        """The string after the name: a resource's type and version, or a module's path."""
        return string_of(next(child for child in self.node.children if child.type == "string"))

    @property
    def body(self) -> Node:
        """The object of a resource or module, without the condition and the loop around it."""
        return next(node for node in walk(self.value) if node.type == "object")


@dataclass(frozen=True)
class BicepFile:
    path: PurePosixPath  # below infra/
    root: Node

    def declared(self, kind: str) -> Mapping[str, Declaration]:
        """List declarations by name; `kind` is parameter, variable, resource, module or output."""
        return self._declared[f"{kind}_declaration"]

    @cached_property
    def _declared(self) -> Mapping[str, Mapping[str, Declaration]]:
        every = list(self._declarations())
        return {kind: {each.name: each for each in every if each.node.type == kind} for kind in _DECLARATIONS}

    def at(self, node: Node) -> str:
        return f"{FOLDER}/{self.path}:{node.start_point.row + 1}"

    def _declarations(self) -> Iterator[Declaration]:
        decorators: Node | None = None
        for node in self.root.children:
            if node.type in _DECLARATIONS:
                name = next(child for child in node.children if child.type == "identifier")
                yield Declaration(text_of(name), node, decorators)
            decorators = node if node.type == "decorators" else None


Template = Mapping[PurePosixPath, BicepFile]


def template_from(texts: Mapping[str, str]) -> Template:
    """Parse files by path. What cannot be parsed is an ERROR node, not an exception."""
    paths = {PurePosixPath(path): text for path, text in texts.items()}
    return {path: BicepFile(path, parse(text.encode())) for path, text in paths.items()}


def parse(text: bytes) -> Node:
    return _PARSER.parse(text).root_node


def read_template(root: Path = REPOSITORY) -> Template:
    files = sorted((root / FOLDER).rglob("*.bicep"))
    return template_from({path.relative_to(root / FOLDER).as_posix(): path.read_text() for path in files})


def walk(node: Node | None) -> Iterator[Node]:
    """Visit a node and everything below it, in the order of the text."""
    if node is not None:
        yield node
        for child in node.children:
            yield from walk(child)


def text_of(node: Node) -> str:
    return (node.text or b"").decode()


def string_of(node: Node) -> str:
    """Read a string literal; interpolations stay as they are written."""
    return text_of(node)[1:-1].replace("\\'", "'")


def strings_in(node: Node | None) -> list[str]:
    return [string_of(each) for each in walk(node) if each.type == "string"]


def properties_of(node: Node) -> dict[str, Node]:
    """Read an object literal's own properties."""
    own = [child for child in node.children if child.type == "object_property" and len(child.children) > 1]
    return {_key(each.children[0]): each.children[-1] for each in own}


def property_at(node: Node, path: str) -> Node | None:
    """Look a dotted path up in nested object literals."""
    found: Node | None = node
    for key in path.split("."):
        found = properties_of(found).get(key) if found is not None and found.type == "object" else None
    return found


def _key(node: Node) -> str:
    return string_of(node) if node.type == "string" else text_of(node)


def resource_type(resource: Declaration) -> str:
    return resource.reference.partition("@")[0]


def is_existing(resource: Declaration) -> bool:
    """Tell whether a resource is only looked up."""
    return any(child.type == "existing" for child in resource.node.children)


def resources_of(template: Template, wanted: str) -> Iterator[tuple[BicepFile, Declaration]]:
    """Find the resources of a type that the template creates; those it only looks up are not among them."""
    for file in template.values():
        for resource in file.declared("resource").values():
            if resource_type(resource) == wanted and not is_existing(resource):
                yield file, resource
