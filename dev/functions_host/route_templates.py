"""ASP.NET route templates: reading one, and matching a path with it."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dev.functions_host.errors import RouteRefused
from dev.functions_host.route_constraints import Constraint, constraint_from

_NAME: Final = re.compile(r"[^/{}?*:=]+")


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    constraints: tuple[Constraint, ...]
    default: str | None
    is_optional: bool
    is_catch_all: bool

    def accepts(self, text: str) -> bool:
        return all(accepts(text) for accepts in self.constraints)


_Part = str | Parameter
_Segment = tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class RouteTemplate:
    """One route; `match` takes decoded segments, in which only %2F is still encoded."""

    text: str
    segments: tuple[_Segment, ...]

    def match(self, path: list[str]) -> Mapping[str, str] | None:
        """Return the route values as text, or None; absent optional parameters have no value."""
        values: dict[str, str] = {}
        for position, segment in enumerate(self.segments):
            last = segment[0]
            if isinstance(last, Parameter) and last.is_catch_all:
                rest = "/".join(path[position:])
                if not (rest or last.default is None):
                    rest = last.default or ""
                return _checked(self, {**values, last.name: rest} if rest else values)
            found = _left_out(segment) if position >= len(path) else _match_segment(segment, path[position])
            if found is None:
                return None
            values.update(found)
        return _checked(self, values) if len(path) <= len(self.segments) else None

    @property
    def parameters(self) -> list[Parameter]:
        return [part for segment in self.segments for part in segment if isinstance(part, Parameter)]


def _checked(template: RouteTemplate, values: dict[str, str]) -> Mapping[str, str] | None:
    for parameter in template.parameters:
        if parameter.name in values and not parameter.accepts(values[parameter.name]):
            return None
    return values


def _left_out(segment: _Segment) -> dict[str, str] | None:
    """Return the values of a segment that the path does not have, or None when it must have it."""
    part = segment[0]
    if len(segment) > 1 or isinstance(part, str):
        return None
    if part.default is not None:
        return {part.name: part.default}
    return {} if part.is_optional else None


def _match_segment(segment: _Segment, text: str) -> dict[str, str] | None:
    if not text:
        return None
    if (found := _match_parts(segment, text)) is not None:
        return found
    last = segment[-1]
    if len(segment) > 1 and isinstance(last, Parameter) and last.is_optional:
        return _match_parts(segment[:-2], text)  # without the optional parameter and the dot before it
    return None


def _match_parts(parts: _Segment, text: str) -> dict[str, str] | None:
    pattern = "".join(re.escape(part) if isinstance(part, str) else "(.+)" for part in parts)
    found = re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL)
    names = [part.name for part in parts if isinstance(part, Parameter)]
    return dict(zip(names, found.groups(), strict=True)) if found else None


def read_template(text: str) -> RouteTemplate:
    """Read a template; raise RouteRefused with the reason when ASP.NET would."""
    trimmed = text.removeprefix("~/").removeprefix("/").removesuffix("/")
    segments = tuple(_read_segment(part) for part in _split_segments(trimmed)) if trimmed else ()
    template = RouteTemplate(trimmed, segments)
    names = [parameter.name.lower() for parameter in template.parameters]
    if len(names) != len(set(names)):
        raise RouteRefused(f"route '{text}' names a parameter twice")
    for segment in segments[:-1]:
        for part in segment:
            if isinstance(part, Parameter) and (part.is_catch_all or (part.is_optional and len(segment) > 1)):
                raise RouteRefused(f"in route '{text}' the parameter {part.name} must come last")
    return template


def _split_segments(text: str) -> list[str]:
    """Split at slashes outside braces: a regex constraint may hold one."""
    segments, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "/" and depth == 0:
            segments.append(text[start:position])
            start = position + 1
    segments.append(text[start:])
    if "" in segments:
        raise RouteRefused(f"route '{text}' has an empty segment")
    return segments


def _read_segment(text: str) -> _Segment:
    parts: list[_Part] = []
    position, literal = 0, ""
    while position < len(text):
        pair = text[position : position + 2]
        if pair in {"{{", "}}"}:
            literal, position = literal + pair[0], position + 2
        elif text[position] == "{":
            end = _end_of_parameter(text, position)
            parts += [literal] if literal else []
            parts.append(_read_parameter(text[position + 1 : end]))
            literal, position = "", end + 1
        elif text[position] in "}?":
            raise RouteRefused(f"route segment '{text}' has a stray '{text[position]}'")
        else:
            literal, position = literal + text[position], position + 1
    parts += [literal] if literal else []
    _check_parts(text, parts)
    return tuple(parts)


def _check_parts(text: str, parts: list[_Part]) -> None:
    for before, part in itertools.pairwise(parts):
        if isinstance(part, Parameter) and isinstance(before, Parameter):
            raise RouteRefused(f"route segment '{text}' needs text between two parameters")
    for position, part in enumerate(parts):
        if isinstance(part, str) or len(parts) == 1:
            continue
        if part.is_catch_all or (part.is_optional and (position != len(parts) - 1 or parts[position - 1] != ".")):
            raise RouteRefused(f"in route segment '{text}' the parameter {part.name} cannot stand there")


def _end_of_parameter(text: str, start: int) -> int:
    position = start + 1
    while position < len(text):
        if text[position : position + 2] in {"{{", "}}"} and position + 1 < len(text):
            # A doubled brace is an escaped one, except that the parameter's own end may follow an escape.
            position += 2
        elif text[position] == "}":
            return position
        else:
            position += 1
    raise RouteRefused(f"route segment '{text}' has no closing brace")


def _read_parameter(text: str) -> Parameter:
    text = text.replace("{{", "{").replace("}}", "}")
    stars = 2 if text.startswith("**") else int(text.startswith("*"))
    text = text[stars:]
    is_optional = text.endswith("?")
    text = text.removesuffix("?")
    found = _NAME.match(text)
    if not found:
        raise RouteRefused(f"'{{{text}}}' has no parameter name")
    constraints, default = _read_constraints(text[found.end() :])
    if is_optional and (default is not None or stars):
        raise RouteRefused(f"parameter {found[0]} cannot be optional and also have a default or take the rest")
    return Parameter(found[0], constraints, default, is_optional, bool(stars))


def _read_constraints(text: str) -> tuple[tuple[Constraint, ...], str | None]:
    constraints: list[Constraint] = []
    while text.startswith(":"):
        found = re.match(r":([^:=(]*)(?:\((.*?)\)(?=[:=]|$))?", text)
        if not found or not found[1]:
            raise RouteRefused(f"'{text}' is not a constraint")
        constraints.append(constraint_from(found[1], found[2]))
        text = text[found.end() :]
    if text and not text.startswith("="):
        raise RouteRefused(f"'{text}' is not a constraint")
    return tuple(constraints), text[1:] if text else None
