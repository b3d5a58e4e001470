"""Every command and snippet of the README works as it stands, in a copy of the checkout."""

import re
import shlex
import subprocess
import sys

import pytest
from conftest import ROOT, copy_checkout

README = (ROOT / "README.md").read_text(encoding="utf-8")
RUN_BY_CI = [
    "python -m pip install -e . && python train.py --config config.yaml",
    "python -m pip install -e '.[test]' && python -m pytest",
    "python -m pytest tests/faults --all-trials",
]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return copy_checkout(tmp_path_factory.mktemp("checkout") / "copy")


def test_its_commands_in_their_order(checkout, here):
    """Within this process, which need not import matplotlib each time; as processes CI runs the first of them."""
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert commands[:2] == RUN_BY_CI[:2]
    for command in [RUN_BY_CI[0].partition(" && ")[2], *(line for line in commands if line not in RUN_BY_CI)]:
        program, *arguments = shlex.split(command)
        assert program == "python"
        done = here(*arguments, cwd=checkout)
        assert done.returncode == 0, f"{command}\n{done.stderr}"


def test_its_snippets_print_what_they_say():
    (snippet,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", snippet], capture_output=True, text=True, check=True)
    assert done.stdout.split() == re.findall(r"-?\d+\.\d+", " ".join(re.findall(r"# (.*)", snippet)))


def test_its_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert len(targets) > 5
    for target in targets:
        assert (ROOT / target).exists(), target


def test_ci_runs_the_two_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in script  # it takes them from there, so that they cannot drift apart
    assert RUN_BY_CI[2] in script
    assert RUN_BY_CI[2] in README


def test_the_modules_named_are_the_modules_there_are():
    modules = {path.name for path in (ROOT / "mlp").glob("*.py")} - {"__init__.py", "errors.py"}
    assert {name for name in modules if f"`{name}`" not in README and f"mlp/{name}" not in README} == set()
