"""Compare finished runs.

    mlp compare RUN RUN ... [--output FILE.png] [--json]

Prints the differences of their configs and the result of each, and draws their curves in one picture.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from mlp.runs import comparison
from mlp.runs.comparison import ComparedRun, Comparison
from mlp.system import command_line
from mlp.system.command_line import display_path, warn
from mlp.system.errors import InputError
from mlp.system.files import is_write_protected
from mlp.system.text_table import aligned

MAX_COLUMNS = 4
"""Up to this number each run is a column; if there are more, each is a row."""


def main(arguments: Sequence[str]) -> None:
    parser = command_line.Parser(description="Compare finished runs.")
    parser.add_argument("runs", type=command_line.path, nargs="+", metavar="RUN", help="a run's directory")
    parser.add_argument(
        "--output", type=command_line.path, metavar="FILE.png", help="default: compare.png beside the first run"
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    options = parser.parse_args(arguments)
    output = options.output or Path(os.path.abspath(options.runs[0])).parent / "compare.png"
    if output.suffix != ".png":
        raise InputError(f"{output}: the picture's name must end in .png")
    compared = comparison.gather(options.runs)
    from mlp.runs import comparison_figure  # matplotlib is slow to import, and not needed if a run cannot be read

    is_drawn = True
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        comparison_figure.draw_comparison(output, compared)
    except OSError as error:
        if options.output or not is_write_protected(error):
            raise
        warn(f"{output}: {error.strerror}: no picture is written: name its file with --output")
        is_drawn = False
    picture = output if is_drawn else None
    print(json.dumps(compared.summary(), indent=2) if options.json else describe(compared, picture))


def describe(compared: Comparison, output: Path | None) -> str:
    """The comparison for people, and the path of the picture."""
    columns = [("run", *compared.differences, *results(compared.runs[0]))]
    for k, run in enumerate(compared.runs):
        differing = (comparison.value_text(key, values[k]) for key, values in compared.differences.items())
        columns.append((run.name, *differing, *results(run).values()))
    rows = columns if len(compared.runs) > MAX_COLUMNS else list(zip(*columns, strict=True))
    lines = [aligned(rows), ""]
    if not compared.differences:
        lines.append("Nothing differs in their configs and training files.")
    lines += compared.notes
    lines += [f"picture:  {display_path(output)}"] if output else []
    evaluate = command_line.command("evaluate")
    lines += [f"evaluate: {evaluate} {display_path(run.directory)}" for run in compared.runs if run.test is None]
    return "\n".join(lines)


def results(run: ComparedRun) -> dict[str, str]:
    """The results of a run, by their names."""
    kept, test, has_validation = run.kept, run.test, run.kept.validation_loss is not None
    loss = f"{kept.validation_loss:.6g}" if has_validation else f"{kept.train_loss:.6g} (training)"
    return {
        "epochs": f"{len(run.history):,}",
        "kept epoch": f"{kept.epoch:,}",
        "lowest validation loss": loss,
        "validation errors": errors(run.validation_errors, run.validation_images, kept.validation_accuracy),
        "seconds of training": f"{sum(row.seconds for row in run.history):.2f}",
        "parameters": f"{run.parameters:,}",
        "test errors": errors(test.errors, test.n, test.accuracy) if test else "not evaluated",
    }


def errors(count: int | None, images: int | None, accuracy: float | None) -> str:
    if accuracy is None:
        return "none held out"
    right = f"{accuracy:.2%} right"
    return right if count is None else f"{count:,} of {images:,} ({right})"
