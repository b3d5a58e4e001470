"""The folders show the architecture: imports lead downward only, and each folder says in a sentence what it holds."""

import ast
import re
from graphlib import TopologicalSorter

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "mlp"
LAYERS = [
    {"system"},
    {"languages"},
    {"gates", "losses", "node", "interpreter", "trace", "plan", "graph", "network", "optimizers", "idx", "config"},
    {"data"},
    {"evaluation", "gradient_check"},
    {"training"},
    {"figures"},
    {"circuits", "runs"},
    {"pages"},
    {"run", "estimator", "onnx_export"},
    {"sweeps"},
    {"library"},
    {"commands"},
    {"__main__"},
]
"""Bottom up: modules at the top of mlp/, and its folders. Two folders of one layer do not import each other."""
MAX_MODULES_AT_THE_TOP, MAX_MODULES_IN_A_FOLDER = 16, 13
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def part(module):
    """The module at the top of mlp/, or the folder, that a module of the package belongs to; None for mlp itself."""
    return module.split(".")[1] if "." in module else None


SHOWS = re.compile("_repr_[a-z]+_")
"""Methods that a notebook calls to show an object: they may import the one module that draws, which lies above them."""
DRAWS = "mlp.library.display"


def nodes_of(source):
    """The syntax tree's nodes, without what shows an object."""
    tree = ast.parse(source)
    showing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and SHOWS.fullmatch(node.name)
        for inner in ast.walk(node)
        if isinstance(inner, ast.ImportFrom) and f"{inner.module}.{inner.names[0].name}" == DRAWS
    }
    return [node for node in ast.walk(tree) if id(node) not in showing]


def imported(source):
    """The modules of mlp that a source imports, also within functions."""
    for node in nodes_of(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "mlp")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            if node.module == "mlp":
                yield from (f"mlp.{alias.name}" for alias in node.names if alias.name != "__version__")
            elif node.module.startswith("mlp."):
                yield node.module


def imports_of(package):
    """Each module, its part, and the other parts that it imports."""
    for path in sorted(package.rglob("*.py")):
        module = ".".join(["mlp", *path.relative_to(package).with_suffix("").parts])
        if path.name != "__init__.py" or path.parent != package:
            yield (
                path,
                part(module),
                {part(name) for name in imported(path.read_text(encoding="utf-8"))} - {part(module)},
            )


def upward(package):
    """Imports that lead upward, or to another folder of the same layer."""
    for path, here, others in imports_of(package):
        for other in others:
            beside = RANK[other] == RANK[here] and not (package / f"{other}.py").exists()
            if RANK[other] > RANK[here] or beside:
                yield f"{path.relative_to(package)} imports {other}"


def test_every_import_leads_downward():
    assert list(upward(PACKAGE)) == []


def test_every_module_and_folder_has_its_layer():
    parts = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert parts - {"__init__"} == set(RANK)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("gates.py", "from mlp.training import loop"),
        ("gates.py", "def late():\n    from mlp.data.svd import Projection"),
        ("training/loop.py", "import mlp.runs.checkpoint"),
        ("runs/history.py", "if True:\n    from mlp.circuits import listing"),
        ("figures/curves.py", "from mlp import run"),
    ],
)
def test_an_import_that_leads_upward_or_sideways_is_found(file, source, tmp_path):
    for name in ("circuits", "runs", "training", "figures"):
        (tmp_path / name).mkdir()
    (tmp_path / "run.py").touch()
    (tmp_path / file).write_text(source)
    assert len(list(upward(tmp_path))) == 1


def test_no_modules_import_each_other_in_a_circle():
    """Late imports are read, too."""
    graph = {}
    for path in PACKAGE.rglob("*.py"):
        names = {
            f"{node.module}.{alias.name}"
            for node in nodes_of(path.read_text(encoding="utf-8"))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        names |= {name.rpartition(".")[0] for name in names}
        paths = {(PACKAGE.parent / name.replace(".", "/")).with_suffix(".py") for name in names}
        graph[path] = {each for each in paths if each.exists()}
    assert list(TopologicalSorter(graph).static_order())


def test_no_folder_holds_too_many_modules():
    for folder in [PACKAGE, *(path.parent for path in PACKAGE.rglob("*/__init__.py"))]:
        modules = [path for path in folder.glob("*.py") if path.name not in ("__init__.py", "__main__.py")]
        assert len(modules) <= (MAX_MODULES_AT_THE_TOP if folder == PACKAGE else MAX_MODULES_IN_A_FOLDER), folder


def test_each_folder_says_in_one_sentence_what_it_holds():
    for path in PACKAGE.rglob("*/__init__.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert len(tree.body) == 1, path
        assert "\n" not in ast.get_docstring(tree)


OF_SEVERAL_MODULES = {
    "circuits/test_random_expressions.py",
    "pages/test_report_classes.py",
    "runs/test_old_runs.py",
}


def test_the_tests_of_a_module_lie_under_its_name():
    """In each folder of tests/ that mirrors one of mlp/, a file of tests is named after the module that it tests."""
    others = set()
    for folder in (path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*/__init__.py")):
        assert (ROOT / "tests" / folder / "__init__.py").exists(), folder
        for path in (ROOT / "tests" / folder).glob("test_*.py"):
            if not (PACKAGE / folder / path.name.removeprefix("test_")).exists():
                others.add((folder / path.name).as_posix())
    assert others == OF_SEVERAL_MODULES
