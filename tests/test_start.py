"""Neither a command nor ``import mlp`` imports what it does not use, as that would make it slow to start."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mlp
from tests.conftest import ROOT

FIGURES = {"matplotlib", "PIL", "jinja2"}
CONFIG = {"pydantic", "yaml"}
COMMANDS = [
    {
        "scripts/circuit.py x*y x=2 y=3": FIGURES | CONFIG | {"tqdm", "threadpoolctl"},
        "scripts/circuit.py x*y x=2 y=3 --json": FIGURES | CONFIG | {"tqdm", "threadpoolctl"},
        "scripts/select_digits.py --help": FIGURES | CONFIG | {"tqdm", "threadpoolctl"},
        "scripts/grow_data.py --help": FIGURES | CONFIG | {"threadpoolctl"},
        "scripts/download_mnist.py --help": FIGURES | CONFIG | {"threadpoolctl", "pooch", "requests"},
    },
    {"scripts/train_xor.py --help": FIGURES | CONFIG | {"tqdm"}},
    {
        "scripts/compare.py --help": FIGURES | {"tqdm", "threadpoolctl"},
        "scripts/replay.py --help": FIGURES | {"tqdm", "threadpoolctl"},
        "scripts/check_gradients.py --help": FIGURES | {"tqdm"},
        "scripts/evaluate.py --help": FIGURES | {"tqdm"},
        "scripts/plot_svd.py --help": FIGURES | {"tqdm"},
        "scripts/predict.py --help": FIGURES | {"tqdm"},
        "scripts/report.py --help": FIGURES | {"tqdm"},
        "scripts/playground.py --help": FIGURES | {"tqdm"},
        "scripts/export_onnx.py --help": FIGURES | {"tqdm", "onnx", "onnxruntime"},
        "scripts/import_images.py --help": FIGURES,
        "train.py --help": FIGURES,
        "scripts/sweep.py --help": FIGURES | {"joblib", "dask", "distributed"},
        "benchmarks/__main__.py --help": FIGURES | {"torch", "jax", "sklearn"},
    },
]
"""What each must not import. The commands of one group run in one process, those with the fewest imports first."""
RUN = """
import json, runpy, sys
for command in json.loads(sys.argv[1]):
    codes = []
    for arguments in (command.split()[1:], ["--nonsense"]):
        sys.argv = [command.split()[0], *arguments]
        sys.path.insert(0, sys.argv[0].rpartition("/")[0])  # as for a script
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            codes.append(end.code)
        sys.path.pop(0)
    print(json.dumps([command, codes, list(sys.modules)]), file=sys.stderr)
"""


@pytest.mark.parametrize("commands", COMMANDS, ids=lambda commands: next(iter(commands)).split()[0])
def test_no_command_imports_what_it_does_not_use_and_each_ends_with_its_exit_code(commands):
    """A module that is missing after a command was not imported by an earlier one either."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(list(commands))], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("[")]
    assert [command for command, *_ in found] == list(commands)
    for command, codes, modules in found:
        loaded = {name.partition(".")[0] for name in modules}
        assert "numpy" in loaded or "help" in command
        assert (command, loaded & commands[command]) == (command, set())
        assert (command, codes) == (command, [0, 2])


IMPORT = """
import sys
before = {*sys.modules}
import mlp
print(*{*sys.modules} - before)
print(*dir(mlp))
print(mlp.idx.read)
"""


def test_import_mlp_imports_nothing_else_and_all_its_names_are_there_when_they_are_used():
    done = subprocess.run([sys.executable, "-c", IMPORT], cwd=ROOT, capture_output=True, text=True, check=True)
    new, listed, read = done.stdout.splitlines()
    assert new == "mlp"
    assert read.startswith("<function read")
    names = dict(known_to_type_checkers())
    assert {name for name in listed.split() if not name.startswith("_")} == {*names}
    for name in set(names) - {"estimator"}:  # scikit-learn is slow to import
        found = mlp.__getattr__(name)
        home = f"mlp.{name}" if isinstance(found, ModuleType) else found.__module__
        assert home in (names[name], f"{names[name]}.{name}")
    with pytest.raises(AttributeError, match="'mlp' has no attribute 'nonsense'"):
        mlp.nonsense  # noqa: B018


def known_to_type_checkers():
    """Each name that mlp/__init__.py imports for them alone, and the module it is from."""
    for node in ast.parse(Path(mlp.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If):
            imports = [each for each in node.body if isinstance(each, ast.ImportFrom)]
            yield from ((alias.asname, each.module) for each in imports for alias in each.names)


def test_a_module_whose_extra_is_not_installed_says_so_and_is_left_out_by_help(monkeypatch):
    monkeypatch.delattr(mlp, "onnx_export")  # it is imported to be deleted
    monkeypatch.delitem(sys.modules, "mlp.onnx_export")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(AttributeError, match=r"mlp\.onnx_export: .*onnx"):
        mlp.onnx_export  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        from mlp import onnx_export  # noqa: F401
