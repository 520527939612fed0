"""The template worked out: what Bicep's expressions come to, and which resources a profile has."""

from pathlib import PurePosixPath
from typing import Any

import pytest

from dev.infra.bicep import read_template, template_from
from dev.infra.evaluation import SAMPLE, Scope, deployed

DECLARED = """
param environmentName string
param count int = 3
var sizes = { small: { port: 1 }, large: { port: 2 } }
var size = sizes[environmentName == 'ab' ? 'small' : 'large']
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'st-${environmentName}-${count}'", "st-ab-3"),
        ("size.port", 1),
        ("count > 2 && !empty([]) || false", False),
        ("take(replace(toLower, '-', ''), 3)", "<to"),
        ("[for (each, i) in ['x', 'y']: '${each}${i}']", ["x0", "y1"]),
        ("items({ b: 2, a: 1 })", [{"key": "a", "value": 1}, {"key": "b", "value": 2}]),
        ("union({ a: 1 }, count == 3 ? { b: null } : {})", {"a": 1, "b": None}),
        ("string(true)", "True"),
        ("string({ a: 1 })", '{"a": 1}'),
        ("account.properties.uri", "<account.properties.uri>"),
        ("concat(['a'], ['b'])[1]", "b"),
    ],
)
def test_an_expression_comes_to_what_bicep_makes_of_it(expression: str, expected: object) -> None:
    text = f"{DECLARED}\nresource account 'x@1' existing = {{ name: 'a' }}\nvar answer = {expression}\n"
    template = template_from({"main.bicep": text})
    scope = Scope(template, template[PurePosixPath("main.bicep")], {"environmentName": "ab"})
    assert scope.value_of("answer") == expected


def test_conditions_loops_and_modules_decide_which_resources_there_are() -> None:
    template = template_from(
        {
            "main.bicep": """
                param profile string
                resource one 'a@1' = if (profile == 'prod') { name: 'only in prod' }
                resource many 'b@1' = [for each in ['x', 'y']: { name: each }]
                resource seen 'c@1' existing = { name: 'not ours' }
                module part 'part.bicep' = if (profile == 'dev') { params: { name: many[0].name } }
            """,
            "part.bicep": "param name string\nresource inner 'd@1' = { name: name }\n",
        }
    )
    assert [each.get("name") for each in deployed(template, "prod")] == ["only in prod", "x", "y"]
    assert [each.get("name") for each in deployed(template, "dev")] == ["x", "y", "<many[0].name>"]


def test_only_the_private_profile_has_a_network_and_only_the_other_a_firewall() -> None:
    dev, prod = (_types(deployed(read_template(), profile)) for profile in ("dev", "prod"))
    assert {each for each in dev - prod if "/firewallRules" in each} == dev - prod
    assert {each for each in prod - dev if each.startswith("Microsoft.Network/")} == prod - dev


def test_a_later_deployment_needs_no_secret_and_changes_none() -> None:
    given: dict[str, Any] = {**SAMPLE, "secretNames": [], "secretValues": {}, "webPubSubSku": ""}
    assert not [each for each in deployed(read_template(), "prod", given) if each.type.endswith("/secrets")]


def _types(resources: list[Any]) -> set[str]:
    return {each.type for each in resources}
