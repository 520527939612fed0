"""Every rule that the template and what goes with it are held against."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev.infra.app_settings import setting_faults
from dev.infra.bicep import FOLDER, Template, is_existing, read_template
from dev.infra.documents import document_faults
from dev.infra.limits import azd_faults, names_out_of_bounds, network_faults, pools_too_large
from dev.infra.parameter_file import parameter_file_faults
from dev.infra.programs import compiler_faults, workflow_faults
from dev.infra.properties import checked_properties, property_faults, unknown_types
from dev.infra.secrecy import broad_roles, plain_secrets, unknown_roles
from dev.infra.security import exposed_in_prod, flex_violations, weak_resources
from dev.infra.symbols import module_mismatches, syntax_errors, uneven_profiles, unknown_names, unused_names

TEMPLATE_RULES: Final[tuple[Callable[[Template], list[str]], ...]] = (
    syntax_errors,
    unknown_names,
    unused_names,
    module_mismatches,
    uneven_profiles,
    unknown_types,
    property_faults,
    unknown_roles,
    broad_roles,
    plain_secrets,
    weak_resources,
    exposed_in_prod,
    flex_violations,
    names_out_of_bounds,
    pools_too_large,
    network_faults,
    azd_faults,
)

CHECKOUT_RULES: Final[tuple[Callable[[Path], list[str]], ...]] = (
    parameter_file_faults,
    setting_faults,
    document_faults,
    workflow_faults,
    compiler_faults,
)
"""What goes with the template in a checkout."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, and what was found: `file:line: what`."""

    resources: int
    properties: int
    rules: int
    findings: list[str]


def check(root: Path) -> Report:
    """Hold a checkout against every rule; one that does not parse against nothing else."""
    template = read_template(root)
    findings = syntax_errors(template)
    properties = 0
    if not findings:
        findings = [finding for rule in TEMPLATE_RULES for finding in _findings(rule, template)]
        findings += [finding for rule in CHECKOUT_RULES for finding in _findings(rule, root)]
        properties = sum(1 for _ in checked_properties(template))
    resources = [each for file in template.values() for each in file.declared("resource").values()]
    return Report(
        resources=sum(not is_existing(each) for each in resources),
        properties=properties,
        rules=len(TEMPLATE_RULES) + len(CHECKOUT_RULES),
        findings=findings,
    )


def _findings(rule: Callable[[Any], list[str]], subject: object) -> list[str]:
    """Apply a rule. A template that it cannot work out, because parts do not fit together, is a finding too."""
    try:
        return rule(subject)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        return [f"{FOLDER}/main.bicep:1: {rule.__name__} cannot be worked out: {exc!r}"]
