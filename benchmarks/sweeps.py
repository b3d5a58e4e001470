"""A whole sweep on two cores, from start to exit: sweep.py and the same grid as users of other libraries write it."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import machine, processes
from benchmarks.commands import fits, options
from benchmarks.processes import CHECKOUT, Process
from benchmarks.results import times
from mlp.config import Config
from mlp.system import text_table

PROJECT = "sweep.py"
MODULES = {"sklearn_sweep.py": "sklearn", "jax_sweep.py": "jax"}
"""The other libraries' scripts in this folder, and the module that each needs."""
KEPT = {
    PROJECT: "the best epoch's weights, history, curve, checkpoint, manifest",
    "sklearn_sweep.py": "the last epoch's validation accuracy",
    "jax_sweep.py": "history",
}
"""What each leaves of a run."""
CORES = 2
RATES = (0.1, 0.3, 1.0)
SEEDS = range(8)
LOSS = "cross_entropy"
"""The one that all contenders know."""


@dataclass(frozen=True)
class Row:
    """A row of sweeps.csv: medians of the whole time, and of the part in which JAX compiles."""

    contender: str
    repeats: int
    runs: int
    seconds: float
    fastest_seconds: float
    runs_a_second: float
    times_this_project: float
    compile_seconds: float | None
    kept: str


def measure(config: Config, repeats: int) -> list[Row]:
    """A row for each contender; they take turns."""
    config = config.with_values({"model.loss": LOSS})
    with TemporaryDirectory() as name, machine.cores(CORES):
        folder = Path(name)
        (folder / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
        varied = {"training.learning_rate": RATES, "training.seed": SEEDS}
        grid = [f"{key}={','.join(map(str, values))}" for key, values in varied.items()]
        ours = [CHECKOUT / "scripts" / PROJECT, "--config", folder / "config.yaml", "--jobs", CORES, "--vary", *grid]
        theirs = [
            script for script, module in MODULES.items() if find_spec(module) is not None and fits(config, script)
        ]
        commands = {
            PROJECT: ours,
            **{script: [Path(__file__).with_name(script), *options(config, RATES, SEEDS)] for script in theirs},
        }
        found = processes.in_turns(commands, repeats, folder)
        project = median(process.seconds for process in found[PROJECT])
        return [row(script, runs, project, compile_times(folder, script, repeats)) for script, runs in found.items()]


def compile_times(folder: Path, script: str, repeats: int) -> list[float]:
    """The seconds of each turn's compilation, from the files that the script wrote; none if it compiles nothing."""
    outputs = (processes.output_of(folder, script, turn) for turn in range(1, repeats + 1))
    files = (output / "compile_seconds" for output in outputs)
    return [float(file.read_text()) for file in files if file.exists()]


def row(script: str, sweeps: Sequence[Process], project: float, compilations: Sequence[float]) -> Row:
    """The medians of a contender's sweeps; ``project`` is this project's time in seconds."""
    seconds, runs = median(process.seconds for process in sweeps), len(RATES) * len(SEEDS)
    return Row(
        contender=script,
        repeats=len(sweeps),
        runs=runs,
        seconds=seconds,
        fastest_seconds=min(process.seconds for process in sweeps),
        runs_a_second=runs / seconds,
        times_this_project=seconds / project,
        compile_seconds=median(compilations) if compilations else None,
        kept=KEPT[script],
    )


def table(found: Sequence[Row]) -> str:
    """A Markdown table."""
    return text_table.markdown(
        [
            *(f"{found[0].runs} runs on {CORES} cores", "seconds", "compiling", "runs a second", "times this project"),
            "left of each run",
        ],
        [
            [
                row.contender,
                f"{row.seconds:.2f}",
                "" if row.compile_seconds is None else f"{row.compile_seconds:.2f}",
                f"{row.runs_a_second:.2f}",
                times(row.times_this_project),
                row.kept,
            ]
            for row in found
        ],
    )
