"""
The template worked out for one profile: which resources there would be, with what in them.

What only Azure knows becomes text in angle brackets, such as `<server.id>`. It counts as true and as not empty.
"""

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from tree_sitter import Node

from dev.infra.bicep import BicepFile, Declaration, Template, is_existing, properties_of, text_of
from dev.infra.possible_values import loop_body

SAMPLE: Final[Mapping[str, Any]] = {
    "environmentName": "a1-b2c3d4-e5",  # as long as it may be
    "webPubSubSku": "Standard_S1",
    "notificationCertificateName": "notifications",
    "alarmEmail": "operators@example.com",
    "administratorIpAddress": "192.0.2.1",
    "secretNames": ["jwt-signing-keys"],
    "secretValues": {"jwt-signing-keys": "<jwt-signing-keys>"},
    "alwaysReadyHttp": 1,
}
"""A deployment with every optional part."""

GUID: Final = "00000000-0000-4000-8000-000000000000"
_BINARY: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "&&": lambda left, right: left and right,
    "||": lambda left, right: left or right,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def _union(first: Any, *others: Any) -> Any:  # noqa: ANN401 - values of Bicep
    if isinstance(first, dict):
        return {key: each for part in (first, *others) for key, each in part.items()}
    return list(dict.fromkeys(each for part in (first, *others) for each in part))


def _string(value: Any) -> str:  # noqa: ANN401 - as above
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "concat": lambda *parts: [each for part in parts for each in part],
    "empty": lambda value: not value,
    "environment": lambda: {
        "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
        "suffixes": {"storage": "core.windows.net"},
    },
    "guid": lambda *_: GUID,
    "items": lambda value: [{"key": key, "value": each} for key, each in sorted(value.items())],
    "join": lambda parts, between: between.join(map(str, parts)),
    "replace": lambda text, old, new: text.replace(old, new),
    "startsWith": lambda text, begin: text.startswith(begin),
    "string": _string,
    "take": lambda value, count: value[:count],
    "union": _union,
    "uniqueString": lambda *_: "abcdefghijklm",
}


@dataclass(eq=False)
class Scope:
    """One use of a file: its parameters' values, and the uses of modules below it."""

    template: Template
    file: BicepFile
    given: Mapping[str, Any]
    modules: dict[str, "Scope"] = field(default_factory=dict)

    def value_of(self, name: str) -> Any:  # noqa: ANN401 - values of Bicep
        if name in self.given:
            return self.given[name]
        for kind in ("variable", "parameter"):
            if (declared := self.file.declared(kind).get(name)) and declared.value is not None:
                return evaluate(self, declared.value)
        return f"<{name}>"

    def module(self, name: str) -> "Scope | None":
        if name not in self.modules:
            declared = self.file.declared("module")[name]
            target = self.template.get(PurePosixPath(self.file.path.parent / declared.reference))
            if target is None:
                return None
            params = properties_of(declared.body).get("params")
            self.modules[name] = Scope(self.template, target, evaluate(self, params) if params else {})
        return self.modules[name]

    def inner(self, **loop: Any) -> "Scope":  # noqa: ANN401 - as above
        return Scope(self.template, self.file, {**self.given, **loop}, self.modules)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that a deployment would have."""

    file: BicepFile
    declaration: Declaration
    type: str
    body: Mapping[str, Any]

    @property
    def at(self) -> str:
        return self.file.at(self.declaration.node)

    def get(self, path: str) -> Any:  # noqa: ANN401 - as above
        """Look a dotted path up in the body; None when it is not there."""
        found: Any = self.body
        for key in path.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found


def deployed(template: Template, profile: str, given: Mapping[str, Any] = SAMPLE) -> list[Resource]:
    """Work out every resource that a deployment of a profile would have."""
    main = template.get(PurePosixPath("main.bicep"))
    return [] if main is None else list(_resources(Scope(template, main, {**given, "profile": profile})))


def _resources(scope: Scope) -> Iterator[Resource]:
    for declaration in scope.file.declared("resource").values():
        if not is_existing(declaration):
            for body in _bodies(scope, declaration.value):
                yield Resource(scope.file, declaration, declaration.reference.partition("@")[0], body)
    for name, module in scope.file.declared("module").items():
        inner = scope.module(name)
        if inner is not None and next(_bodies(scope, module.value), None) is not None:
            yield from _resources(inner)


def _bodies(scope: Scope, node: Node | None) -> Iterator[Any]:
    """Evaluate what is declared, as often as its loop runs and if its condition holds."""
    if node is None:
        return
    if node.type == "if_statement":
        if evaluate(scope, node.children[1]):
            yield from _bodies(scope, node.children[2])
    elif node.type == "for_statement":
        for inner in _turns(scope, node):
            yield from _bodies(inner, loop_body(node))
    else:
        yield evaluate(scope, node)


def _turns(scope: Scope, loop: Node) -> Iterator[Scope]:
    names = loop.children[2]
    pair = [text_of(each) for each in names.named_children] or [text_of(names)]
    found = evaluate(scope, loop.children[4])
    for index, each in enumerate(found if isinstance(found, list) else []):
        yield scope.inner(**dict(zip(pair, (each, index), strict=False)))


def evaluate(scope: Scope, node: Node) -> Any:  # noqa: ANN401 - values of Bicep
    """Work an expression out. Raises TypeError or ValueError when its parts do not fit together."""
    return _FORMS.get(node.type, _member)(scope, node)


def _ternary(scope: Scope, node: Node) -> Any:  # noqa: ANN401 - as above
    condition, _, then, _, otherwise = node.children
    return evaluate(scope, then if evaluate(scope, condition) else otherwise)


def _binary(scope: Scope, node: Node) -> Any:  # noqa: ANN401 - as above
    left, sign, right = node.children
    return _BINARY[text_of(sign)](evaluate(scope, left), evaluate(scope, right))


def _entries(scope: Scope, node: Node) -> Iterator[tuple[str, Node]]:
    for entry in node.named_children:
        if entry.type == "object_property":
            key = entry.children[0]
            yield (_text(scope, key) if key.type == "string" else text_of(key)), entry.children[-1]


def _text(scope: Scope, node: Node) -> str:
    pieces = (
        str(evaluate(scope, each.named_children[0])) if each.type == "interpolation" else text_of(each)
        for each in node.children
        if each.type in {"interpolation", "string_content", "escape_sequence"}
    )
    return "".join(pieces)


def _call(scope: Scope, node: Node) -> Any:  # noqa: ANN401 - as above
    function = _FUNCTIONS.get(text_of(node.children[0]))
    if function is None:
        return f"<{text_of(node)}>"
    return function(*(evaluate(scope, each) for each in node.children[-1].named_children))


def _member(scope: Scope, node: Node) -> Any:  # noqa: ANN401 - as above
    """Follow a member: of a module's outputs, of an object or array; of a resource it is known only later."""
    base, dotted = node.children[0], node.type == "member_expression"
    if dotted and base.type == "member_expression" and text_of(base.children[-1]) == "outputs":
        return _output(scope, text_of(base.children[0]), node)
    if text_of(base) in scope.file.declared("resource"):
        return f"<{text_of(node)}>"
    found = evaluate(scope, base)
    known: dict[Any, Any] = found if isinstance(found, dict) else {}
    if isinstance(found, list):
        known = dict(enumerate(found))
    index = text_of(node.children[-1]) if dotted else evaluate(scope, node.children[2])
    return known[index] if index in known else f"<{text_of(node)}>"


def _output(scope: Scope, module: str, node: Node) -> Any:  # noqa: ANN401 - as above
    inner = scope.module(module) if module in scope.file.declared("module") else None
    output = inner.file.declared("output").get(text_of(node.children[-1])) if inner else None
    return evaluate(inner, output.value) if inner and output and output.value else f"<{text_of(node)}>"


_FORMS: Final[Mapping[str, Callable[[Scope, Node], Any]]] = {
    "array": lambda scope, node: [evaluate(scope, each) for each in node.named_children if each.type != "comment"],
    "binary_expression": _binary,
    "boolean": lambda _, node: json.loads(text_of(node)),
    "call_expression": _call,
    "for_statement": lambda scope, node: list(_bodies(scope, node)),
    "identifier": lambda scope, node: scope.value_of(text_of(node)),
    "null": lambda *_: None,
    "number": lambda _, node: json.loads(text_of(node)),
    "object": lambda scope, node: {key: evaluate(scope, each) for key, each in _entries(scope, node)},
    "parenthesized_expression": lambda scope, node: evaluate(scope, node.children[1]),
    "string": _text,
    "ternary_expression": _ternary,
    "unary_expression": lambda scope, node: not evaluate(scope, node.children[1]),
}
