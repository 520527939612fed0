"""The deployment package: what is in it, and that it runs with nothing around it."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from dev.package import LIMIT_BYTES, ROOT, packaged_files, write_package
from dev.trial import ADDRESS, Trial
from tests.package.conftest import BuiltPackage

MESSAGES = 200
FIRST_ANSWER_SECONDS = 30  # Flex Consumption gives an instance no longer to start
TOP_LEVEL = {"function_app.py", "functions", "host.json", "requirements.txt", "shared"}
LEFT_BEHIND = (
    ".azure/config.json",
    ".ci/run",
    ".azure/production/.env",
    ".git/config",
    ".github/workflows/ci.yml",
    ".env",
    ".env.local",
    ".local/azure.env",
    ".mypy_cache/x.json",
    ".venv/bin/python",
    ".vscode/settings.json",
    "azure.yaml",
    "checkout_env/lib/x.py",
    "checkout_env/pyvenv.cfg",
    "dev/trial.py",
    "docs/README.md",
    "frontend/node_modules/x/index.js",
    "infra/main.bicep",
    "local.settings.json",
    "node_modules/.bin/azurite",
    "README.md",
    "shared/__pycache__/settings.cpython-311.pyc",
    "shared/storage/migrations/20261121000001_first.sql",
    "tests/unit/test_docs.py",
)
IMPORT_ALL = """
import ast, importlib, os, pathlib, sys
sys.path.append(os.getcwd())  # the last place, where the worker has it
files = [file for file in pathlib.Path().rglob("*.py")]
for file in files:
    importlib.import_module(".".join(file.with_suffix("").parts).removesuffix(".__init__"))
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            importlib.import_module(name)
print(len(files))
"""


def test_the_package_holds_the_app_and_nothing_else() -> None:
    files = packaged_files()
    assert {file.parts[0] for file in files} == TOP_LEVEL
    assert {file.suffix for file in files} == {".py", ".json", ".txt"}
    modules = {file.relative_to(ROOT) for folder in ("functions", "shared") for file in (ROOT / folder).rglob("*.py")}
    assert {file for file in files if file.suffix == ".py"} == {Path("function_app.py"), *modules}


def test_what_a_checkout_gathers_stays_out(tmp_path: Path) -> None:
    for name in (".funcignore", "function_app.py", "shared/settings.py", *LEFT_BEHIND):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".funcignore").write_bytes((ROOT / ".funcignore").read_bytes())
    assert packaged_files(tmp_path) == [Path("function_app.py"), Path("shared/settings.py")]


def test_no_rule_begins_a_name_that_is_kept() -> None:
    """Core Tools has left out whatever begins with a rule's word, such as functions/ for a rule `func`."""
    rules = [line for line in (ROOT / ".funcignore").read_text().split("\n") if line and not line.startswith("#")]
    names = {part for file in packaged_files() for part in file.parts}
    assert [(rule, name) for rule in rules for name in names if name.startswith(rule.removesuffix("*") or "*")] == []


def test_the_upload_is_far_below_its_limit_and_the_same_each_time(tmp_path: Path) -> None:
    sizes = [write_package(tmp_path / name) for name in ("one.zip", "two.zip")]
    assert sizes[0] < LIMIT_BYTES / 20
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_is_locked_with_hashes_and_names_no_server(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
    assert [entry for entry in entries if not re.match(r"\S+==\S+( ; [^\n]+)? \\\n    --hash=sha256:", entry)] == []
    assert "://" not in text


def test_every_module_and_all_that_it_imports_is_there(built: BuiltPackage) -> None:
    command: list[str | Path] = [built.python, "-I", "-W", "ignore", "-c", IMPORT_ALL]
    done = subprocess.run(command, cwd=built.folder, text=True, capture_output=True, check=False)  # noqa: S603 - as above
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len([file for file in packaged_files() if file.suffix == ".py"])


def test_the_unpacked_package_mirrors_a_mailbox(
    built: BuiltPackage, host_packages: Path, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    settings = {"PYTHONPATH": str(host_packages)}
    with Trial(tmp_path, settings=settings, app=built.folder, python=built.python) as trial:
        assert psutil.Process(trial.hosts[0].pid).cwd() == str(built.folder.resolve())
        trial.simulator.admin.make_synthetic(ADDRESS, MESSAGES, folders=["inbox", "archive"], seed=3, odd_percent=3)
        trial.sign_up()
        trial.connect()
        trial.until_synced()
        proof = trial.prove()
        assert str(proof) == f"{MESSAGES} of {MESSAGES} messages in PostgreSQL · 0 missing · 0 different · 0 extra"
        trial.kill_host()
        seconds = trial.until("the first answer", lambda: trial.api.get("/health").is_success)
        record_testsuite_property("seconds_to_first_answer", seconds)
        assert seconds < FIRST_ANSWER_SECONDS
