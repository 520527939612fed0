"""Which function answers a request: the first one, by name, whose route and methods match."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from dev.functions_host.application import AppFunction
from dev.functions_host.errors import RouteRefused
from dev.functions_host.paths import decoded_path
from dev.functions_host.route_templates import RouteTemplate, read_template

log = logging.getLogger(__name__)

_RESERVED: Final = ("admin", "runtime")


@dataclass(frozen=True, slots=True)
class Route:
    function: AppFunction
    template: RouteTemplate
    methods: frozenset[str]  # empty: all

    def takes(self, method: str) -> bool:
        return not self.methods or method in self.methods

    @property
    def address(self) -> str:
        return f"/{self.template.text}"


class RouteTable:
    """Routes in the order of their functions' names; a refused one is logged and not served."""

    def __init__(self, functions: Iterable[AppFunction], prefix: str) -> None:
        self.routes: list[Route] = []
        self._prefix = prefix.strip("/")
        for function in functions:
            try:
                self.routes.append(self._checked(function))
            except RouteRefused as exc:
                log.error("The 'Functions.%s' function is in error: %s", function.name, exc)  # noqa: TRY400 (the text says it all)

    def find(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]] | None:
        path = path_segments(raw_path)
        for route in self.routes:
            if route.takes(method) and (values := route.template.match(path)) is not None:
                return route, values
        return None

    def _checked(self, function: AppFunction) -> Route:
        properties = function.trigger.properties
        text = str(properties.get("route") or function.name)
        if text.strip("/").lower().startswith(_RESERVED):
            raise RouteRefused(f"the route '{text}' conflicts with one or more built in routes")
        template = read_template("/".join(part for part in (self._prefix, text.strip("/")) if part))
        route = Route(function, template, frozenset(method.upper() for method in properties.get("methods") or ()))
        for other in self.routes:
            if other.template.text.lower() == template.text.lower() and _overlap(other.methods, route.methods):
                raise RouteRefused(f"the route '{text}' conflicts with the route of {other.function.name}")
        return route


def _overlap(one: frozenset[str], other: frozenset[str]) -> bool:
    return not one or not other or bool(one & other)


def path_segments(raw_path: str) -> list[str]:
    """Return the segments that are matched: one slash at the end is left away."""
    kept = decoded_path(raw_path).removeprefix("/").split("/")
    if not kept[-1]:
        kept.pop()
    return kept
