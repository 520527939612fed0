"""Route templates and their constraints, and which function of several is chosen."""

import azure.functions as func
import pytest

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import index_functions
from dev.functions_host.errors import RouteRefused
from dev.functions_host.route_templates import read_template
from dev.functions_host.routing import RouteTable, path_segments


def match(template: str, path: str) -> dict[str, str] | None:
    found = read_template(template).match(path_segments(path))
    return None if found is None else dict(found)


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("items/{id}", "/items/007", {"id": "007"}),
        ("items/{id}", "/ITEMS/7/", {"id": "7"}),
        ("items/{id}", "/items", None),
        ("items/{id}", "/items//", None),
        ("items/{id}", "/items/7/more", None),
        ("items/{id?}", "/items", {}),
        ("items/{id?}", "/items/7", {"id": "7"}),
        ("items/{id=5}", "/items", {"id": "5"}),
        ("items/{id:int=5}", "/items/x", None),
        ("files/{*rest}", "/files", {}),
        ("files/{*rest}", "/files/a/b", {"rest": "a/b"}),
        ("files/{**rest}", "/files/a/b/", {"rest": "a/b"}),
        ("files/{name}.{ext?}", "/files/a.b.c", {"name": "a.b", "ext": "c"}),
        ("files/{name}.{ext?}", "/files/a", {"name": "a"}),
        ("files/v{major}.{minor}", "/files/V1.2", {"major": "1", "minor": "2"}),
        ("files/{from}-{to}", "/files/1-2-3", {"from": "1-2", "to": "3"}),
        ("a%20b/{x}", "/a%20b/c", None),
        ("a b/{x}", "/a%20b/%C3%A9", {"x": "é"}),
        ("x/{id}", "/x/a%2Fb", {"id": "a%2Fb"}),
        ("x/{id}", "/x/%FF", {"id": "%FF"}),
        ("x/{id}", "/y/../x/1", {"id": "1"}),
        ("x/{{id}}", "/x/{id}", {}),
    ],
)
def test_a_template_matches_as_asp_net_does(template: str, path: str, values: dict[str, str] | None) -> None:
    assert match(template, path) == values


@pytest.mark.parametrize(
    ("constraint", "matching", "other"),
    [
        ("int", ["0", "-7", "007", "2147483647"], ["x", "1.5", "2147483648"]),
        ("long", ["2147483648"], ["9223372036854775808"]),
        ("bool", ["true", "FALSE"], ["1", "yes"]),
        ("datetime", ["2026-11-21", "2026-11-21T10:00:00", "11-21-2026"], ["tomorrow", "21"]),
        ("decimal", ["1", "-1.5", "1,000.5"], ["1e3", "x"]),
        ("double", ["1e3", "-1.5", "NaN"], ["x"]),
        ("float", ["1.5"], ["1.5.5"]),
        ("guid", ["6f1c0a9e-6a53-4f0e-9a52-1b6a1c9f0a11", "6F1C0A9E6A534F0E9A521B6A1C9F0A11"], ["6f1c0a9e"]),
        ("alpha", ["Abc"], ["a1", "é"]),
        ("min(5)", ["5", "50"], ["4", "x"]),
        ("max(5)", ["5", "-50"], ["6"]),
        ("range(2,4)", ["2", "4"], ["1", "5"]),
        ("length(3)", ["abc"], ["ab", "abcd"]),
        ("length(2,3)", ["ab", "abc"], ["a", "abcd"]),
        ("minlength(2)", ["ab"], ["a"]),
        ("maxlength(2)", ["ab"], ["abc"]),
        (r"regex(^\d{{2}}$)", ["12"], ["123"]),
        ("regex(^(a|b)-c$)", ["A-c"], ["c-c"]),
        ("file", ["a.txt"], ["a", "a."]),
        ("nonfile", ["a"], ["a.txt"]),
        ("int:min(5)", ["7"], ["4", "7.5"]),
        ("required", ["a"], []),
    ],
)
def test_a_constraint_lets_through_what_asp_net_lets_through(
    constraint: str, matching: list[str], other: list[str]
) -> None:
    template = f"x/{{id:{constraint}}}"
    assert [text for text in matching if match(template, f"/x/{text}") != {"id": text}] == []
    assert [text for text in other if match(template, f"/x/{text}") is not None] == []


@pytest.mark.parametrize(
    "template",
    [
        "x/{id:unknown}", "x/{id:int(3)}", "x/{id:range(1)}", "x/{id:regex(()}", "x/{id", "x/}", "x//y", "{id}/{ID}",
        "x/{*rest}/y", "x/{a}{b}", "x/{a?}-b", "x/{}", "x/{a=1?}", "x/y?",
    ],
)  # fmt: skip
def test_a_template_that_asp_net_cannot_read_is_refused(template: str) -> None:
    with pytest.raises(RouteRefused):
        read_template(template)


def answer(req: func.HttpRequest) -> str:
    return str(req.method)


def table(*functions: tuple[str, str, list[str] | None], prefix: str = "api") -> RouteTable:
    app = func.FunctionApp()
    for name, route, methods in functions:
        app.function_name(name)(app.route(route=route, methods=methods)(answer))
    return RouteTable(index_functions(app, AppSettings({})), prefix)


def chosen(routes: RouteTable, method: str, path: str) -> str | None:
    found = routes.find(method, path)
    return found[0].function.name if found else None


def test_the_first_function_by_name_wins_even_over_a_more_specific_route() -> None:
    routes = table(("b_recent", "items/recent", None), ("a_get", "items/{id}", None))
    assert chosen(routes, "GET", "/api/items/recent") == "a_get"


def test_a_constraint_lets_the_more_specific_route_through() -> None:
    routes = table(("b_recent", "items/recent", None), ("a_get", "items/{id:int}", None))
    assert chosen(routes, "GET", "/api/items/recent") == "b_recent"


def test_a_route_with_another_method_does_not_match() -> None:
    routes = table(("a", "items", ["GET"]), ("b", "items", ["POST"]))
    assert chosen(routes, "POST", "/api/items") == "b"
    assert chosen(routes, "DELETE", "/api/items") is None
    assert chosen(routes, "HEAD", "/api/items") is None


def test_a_function_without_methods_takes_all() -> None:
    assert chosen(table(("a", "items", None)), "PATCH", "/api/items") == "a"


def test_the_later_of_two_functions_with_one_route_is_not_served() -> None:
    routes = table(("b", "Items/{id}", ["GET", "POST"]), ("a", "items/{id}", ["GET"]))
    assert [route.function.name for route in routes.routes] == ["a"]


@pytest.mark.parametrize("route", ["admin/x", "/Runtime", "administrators"])
def test_reserved_routes_are_not_served(route: str) -> None:
    assert table(("a", route, None)).routes == []


def test_the_route_defaults_to_the_functions_name_and_the_prefix_may_be_empty() -> None:
    app = func.FunctionApp()
    app.function_name("Hello")(app.route()(answer))
    routes = RouteTable(index_functions(app, AppSettings({})), "")
    assert chosen(routes, "GET", "/hello") == "Hello"
