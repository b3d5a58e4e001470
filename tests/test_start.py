"""What a command has no use for it does not import: it would make it slow to start."""

import subprocess
import sys

import pytest
from conftest import ROOT

FIGURES = {"matplotlib", "PIL", "jinja2"}
CONFIG = {"pydantic", "yaml"}
COMMANDS = {
    "train.py --help": FIGURES | {"jinja2"},
    "scripts/circuit.py x*y x=2 y=3": FIGURES | CONFIG | {"tqdm", "threadpoolctl"},
    "scripts/circuit.py x*y x=2 y=3 --json": FIGURES | CONFIG | {"tqdm", "threadpoolctl"},
    "scripts/check_gradients.py --help": FIGURES | {"tqdm"},
    "scripts/compare.py --help": FIGURES | {"tqdm", "threadpoolctl"},
    "scripts/evaluate.py --help": FIGURES | {"tqdm"},
    "scripts/grow_data.py --help": FIGURES | CONFIG | {"threadpoolctl"},
    "scripts/benchmark.py --help": FIGURES | {"torch", "jax", "sklearn"},
    "scripts/plot_svd.py --help": FIGURES | {"tqdm"},
    "scripts/predict.py --help": FIGURES | {"tqdm", "jinja2"},
    "scripts/replay.py --help": FIGURES | {"tqdm", "threadpoolctl"},
    "scripts/report.py --help": FIGURES | {"tqdm"},
    "scripts/select_digits.py --help": FIGURES | CONFIG | {"tqdm", "threadpoolctl"},
    "scripts/train_xor.py --help": FIGURES | CONFIG | {"tqdm"},
}
TELL = """
import runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])  # as for a script
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("loaded", *sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(("command", "useless"), COMMANDS.items(), ids=COMMANDS)
def test_no_command_imports_what_it_does_not_use(command, useless):
    done = subprocess.run(
        [sys.executable, "-c", TELL, *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
    assert "numpy" in loaded or "help" in command
    assert loaded & useless == set()
