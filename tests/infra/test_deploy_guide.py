"""docs/how-to/deploy.md and the guides beside it, as far as they can be followed without a cloud."""

import re
from pathlib import Path

import pytest

from dev.package import LIMIT_BYTES, write_package
from infra.hooks.secret_values import MADE_BY
from shared.providers.entra.blocking import SCOPES

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"
GUIDES = {
    name: (REPOSITORY / "docs" / "how-to" / f"{name}.md").read_text()
    for name in ("deploy", "deploy-from-github", "upgrade", "use-your-own-domain", "restore-and-move")
}
GUIDE = GUIDES["deploy"]


def test_the_guide_names_what_the_template_makes() -> None:
    modules = [f"modules/{file.name}" for file in sorted((INFRA / "modules").glob("*.bicep"))]
    storage = (INFRA / "modules" / "storage.bicep").read_text()
    lists = re.findall(r"var (?:queue|table|container)Names = \[(.*?)\]", storage, re.DOTALL)
    named = [*modules, *re.findall(r"'([\w-]+)'", "".join(lists))]
    assert len(lists) == 3
    assert [name for name in named if f"{name}`" not in GUIDE] == []


def test_the_guide_names_each_role_that_the_identity_gets() -> None:
    text = "\n".join(file.read_text() for file in (INFRA / "modules").glob("*.bicep"))
    roles = set(re.findall(r"^\s+(\w+): '[0-9a-f]{8}-[0-9a-f-]{27}'", text, re.MULTILINE))
    titles = {re.sub("([A-Z])", r" \1", role).title() for role in roles}
    assert titles
    assert {title for title in titles if title not in GUIDE} == set()


def test_the_guide_lists_the_secrets_that_the_hook_makes() -> None:
    table = GUIDE.partition("| Secret | What |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == list(MADE_BY)


def test_the_guide_asks_for_the_permissions_that_the_product_asks_for() -> None:
    listed = GUIDE.partition("these and no others:")[2].partition("None is an application permission")[0]
    assert set(re.findall(r"`([\w.]+)`", listed)) == {"openid", "profile", "offline_access", *SCOPES}


def test_the_guide_names_what_the_hooks_and_the_pipeline_read() -> None:
    hooks = "\n".join(file.read_text() for file in (INFRA / "hooks").glob("*.py"))
    asked = set(re.findall(r'value_of\("(\w+)"\)', hooks)) - set(re.findall(r'"(\w+)": "{}"', hooks))
    pipeline = (REPOSITORY / ".github" / "workflows" / "deploy.yml").read_text()
    asked |= set(re.findall(r"vars\.(\w+)", pipeline))
    told = "\n".join(GUIDES.values()) + (INFRA / "main.bicep").read_text()  # its outputs come by themselves
    unnamed = {name for name in asked if not re.search(rf"\b{name}\b", told)}
    assert unnamed <= {"MIGRATION_SUBNET_ID", "SMOKE_SECONDS"}  # an output of the template, and for tests of the hook


@pytest.mark.parametrize("name", GUIDES)
def test_every_path_that_a_guide_names_is_there(name: str) -> None:
    named = set(re.findall(r"(?<![\w/])(?:\.github|infra|tests|shared)/[\w/.-]*\w", GUIDES[name]))
    assert {path for path in named if not (REPOSITORY / path).exists()} == set()


@pytest.mark.parametrize("name", GUIDES)
def test_every_hook_that_a_guide_runs_is_there(name: str) -> None:
    modules = re.findall(r"python3 -m ([\w.]+)", GUIDES[name])
    assert [module for module in modules if not (REPOSITORY / f"{module.replace('.', '/')}.py").exists()] == []


def test_the_upload_is_as_small_as_the_guide_says(tmp_path: Path) -> None:
    size = write_package(tmp_path / "package.zip")
    assert f"{size / 1e6:.1f} MB of sources" in GUIDE
    assert size < LIMIT_BYTES
