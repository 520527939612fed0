"""The pages about Azure name what is there."""

import re
from pathlib import PurePosixPath

from dev.infra.bicep import INFRA, REPOSITORY, read_template, strings_in
from dev.infra.known import ROLES

GUIDE = (REPOSITORY / "docs/how-to/deploy.md").read_text()
PAGE = (REPOSITORY / "docs/explanation/infrastructure.md").read_text()


def test_the_page_names_what_the_template_makes() -> None:
    template = read_template()
    variables = template[PurePosixPath("modules/storage.bicep")].declared("variable")
    lists = (strings_in(variables[name].value) for name in ("queueNames", "tableNames", "containerNames"))
    named = [*map(str, template), *(name for names in lists for name in names)]
    assert [name for name in named if f"{name}`" not in PAGE] == []
    assert [role for role in ROLES if re.sub("([A-Z])", r" \1", role).title() not in PAGE] == []


def test_the_page_lists_what_the_parameter_file_reads_and_nothing_else() -> None:
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text()))
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)) == read


def test_the_page_shows_the_profiles_as_they_are() -> None:
    profiles = read_template()[PurePosixPath("main.bicep")].declared("variable")["profiles"].value
    assert [size for size in strings_in(profiles) if f"`{size}`" not in PAGE] == []


def test_every_path_that_the_pages_name_is_there() -> None:
    named = set(re.findall(r"\b(?:dev/infra|infra|tests|shared)/[\w/.]*\w", GUIDE + PAGE))
    assert named
    assert {path for path in named if not (REPOSITORY / path).exists()} == set()
