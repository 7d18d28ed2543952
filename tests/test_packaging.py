"""What is installed, and that the files which list it agree."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ganverse_nb
from ganverse_nb.runtime.extras import EXTRAS
from ganverse_nb.workflow.notebooks import EVIDENCE

ROOT = Path(__file__).parent.parent
PACKAGE = Path(ganverse_nb.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = {"nvdiffrast"}  # in no package index; imported where it is asked for by name


def test_conda_users_get_the_same_packages():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PROJECT["name"]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-e .[all,dev]"]
    assert f"python{PROJECT['requires-python']}" in environment["dependencies"]


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == ganverse_nb.__version__ and citation["license"] == PROJECT["license"]
    assert citation["title"].startswith(PROJECT["name"]) and len(citation["references"][0]["authors"]) == 7
    readme, paper = (ROOT / "README.md").read_text(), citation["references"][0]
    assert f"version = {{{ganverse_nb.__version__}}}" in readme
    assert all(f"{author['family-names']}, {author['given-names']}" in readme for author in paper["authors"])


def imported_distributions():
    """Third-party modules that the package imports, as the distributions they belong to."""
    names = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    owners = metadata.packages_distributions()
    third = names - set(sys.stdlib_module_names) - {"ganverse_nb"} - OPTIONAL
    return {name: {canonicalize_name(owner) for owner in owners.get(name, [name])} for name in third}


def required(extra=None):
    """The distributions that an extra asks for, or the base."""
    texts = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(text).name) for text in texts}


def test_everything_imported_is_asked_for():
    declared = required().union(*map(required, EXTRAS))
    missing = {name for name, owners in imported_distributions().items() if not owners & declared}
    assert not missing, f"imported, but not in pyproject.toml: {missing}"


def test_everything_asked_for_in_the_base_is_imported():
    imported = set().union(*imported_distributions().values())
    assert required() <= imported, "no layer needs it"


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_has_the_modules_that_the_package_takes_from_it(extra):
    owners = metadata.packages_distributions()
    assert {canonicalize_name(owner) for module in EXTRAS[extra] for owner in owners[module]} == required(extra)
    assert not required(extra) & required(), "it is in the base"


def test_the_makefile_installs_every_extra_that_users_take():
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == [f"ganverse_nb[{','.join([*EXTRAS, 'docs'])}]"]
    assert set(extras) == {"all", "bench", "dev", "docs", *EXTRAS}
    installed = re.findall(r"--editable '\.\[(.*)\]'", (ROOT / "Makefile").read_text())
    assert installed == ["all,dev", "all", "all,dev", "all,bench"]  # the first of test-oldest and test-newest


def test_the_command_is_installed():
    (command,) = [e for e in metadata.entry_points(group="console_scripts") if e.name == "ganverse"]
    assert callable(command.load())
    assert metadata.version("ganverse_nb") == ganverse_nb.__version__


def test_weights_travel_with_the_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert "weights/**" in settings["package-data"]["ganverse_nb"]


def test_continuous_integration_runs_what_the_readme_says():
    steps = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert steps[-1] == "make test"
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "make test" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(("demanded", "verdict"), [(False, "3 skipped"), (True, "3 errors")])
def test_without_chromium_the_browser_tests_say_so_and_fail_where_it_is_demanded(tmp_path, demanded, verdict):
    """No test of a browser is passed over in continuous integration, which installs one."""
    steps = (ROOT / ".ci" / "run").read_text()
    assert "missing+=(chromium)" in steps
    environment = {k: v for k, v in os.environ.items() if k != "GANVERSE_BROWSER"} | {"PATH": str(tmp_path)}
    if demanded:
        (name, value) = re.search(r"^export (\w+)=(\w+)", steps, re.MULTILINE).groups()
        environment[name] = value
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/browser/test_report_page.py"]
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True).stdout
    assert verdict in said.splitlines()[-1] and "There is no " in said and "install" in said


TARGETS = {
    "reproduce": "ganverse reproduce --profile mini",
    "evidence": f" --only {','.join(EVIDENCE)}",
    "test": "-m pytest --numprocesses 2 --max-worker-restart 0",
    "bench": "-m benchmarks.report",
    "rehearse": "-m benchmarks.rehearse",
    "docs": "-m mkdocs build",
    "lab": "jupyter lab",
    "demo": "ganverse demo --profile mini",
    "notebooks": "-m ganverse_nb.workflow.notebooks build",
    "lint": "ruff check",
    "torture": "tests/torture",
}


@pytest.mark.parametrize("target", TARGETS)
def test_makefile_has_what_the_readme_names(target):
    shown = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert TARGETS[target] in shown.stdout


def test_the_readme_names_no_other_targets():
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert {"reproduce", "test", "lab"} <= named <= set(TARGETS)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 1", "older than 3.11"),
        ('case "$2" in *ensurepip*) exit 1;; esac', "apt install python3-venv"),
        (None, "there is no"),
    ],
)
def test_a_python_that_will_not_do_is_one_sentence(tmp_path, script, words):
    python = tmp_path / "python"
    if script:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    command = ["make", "install", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}"]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode != 0
    (sentence,) = [line for line in made.stderr.splitlines() if not line.startswith("make")]
    assert sentence.startswith("ganverse: ") and words in sentence
    assert not (tmp_path / "venv").exists()


def test_the_package_alone_needs_neither_torch_nor_jupyter():
    script = "import sys, ganverse_nb, ganverse_nb.workflow.cli; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "ganverse_nb.workflow.cli" in modules
    assert not {"torch", "warp", "IPython", "jupytext", "matplotlib", "nvdiffrast"} & set(modules)
