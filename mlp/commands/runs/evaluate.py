"""Evaluate a run on images that it never saw.

    mlp evaluate [RUN]

Writes RUN/evaluation-test.json, confusion.png and mistakes.png, and prints the results.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from mlp.commands.arguments import Parser, run_directory
from mlp.evaluation import CONFIDENCE, Evaluation
from mlp.runs.finished import FinishedRun, Split, read_run
from mlp.system import blas_threads, command_line
from mlp.system.command_line import display_path, warn
from mlp.system.errors import InputError
from mlp.system.files import is_write_protected, write_text


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Evaluate a trained run.")
    parser.add_run()
    parser.add_argument(
        "--config", type=command_line.path, metavar="FILE", help="use this config's newest run (default: config.yaml)"
    )
    parser.add_argument("--split", choices=get_args(Split), default="test", help="images to use (default: test)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON, as in the file")
    options = parser.parse_args(arguments)
    if options.run and options.config:
        raise InputError("RUN and --config each choose a run: give one of them")
    run = read_run(run_directory(options, options.config))
    with blas_threads.threads(run.config.training.threads):
        evaluation, summary = judge(run, options.split)
    try:
        save(run, evaluation, summary)
    except OSError as error:
        if not is_write_protected(error):
            raise
        what = f"{error.filename}: {error.strerror}"
        if not options.json:
            raise InputError(f"{what}: use --json, which prints the results even if they cannot be saved") from None
        warn(f"{what}: the results are printed, not saved")
    print(json.dumps(summary, indent=2) if options.json else describe(summary, run.directory))


def judge(run: FinishedRun, split: Split) -> tuple[Evaluation, dict[str, Any]]:
    """The run's predictions on one split, and all results."""
    _, evaluation, rules = run.judge(split)
    files = evaluation.images.source.sha256()
    summary = {"split": split, "weights_sha256": run.manifest.weights_sha256, "files": files}
    return evaluation, summary | evaluation.summary() | {"baselines": rules}


def save(run: FinishedRun, evaluation: Evaluation, summary: dict[str, Any]) -> None:
    """Write the figures and the two pictures into the run's directory."""
    from mlp.figures import evaluation as figures  # matplotlib is slow to import, and bad input does not need it

    split = summary["split"]
    ending = "" if split == "test" else f"-{split}"
    figures.confusion(run.file(f"confusion{ending}.png"), evaluation)
    figures.mistakes(run.file(f"mistakes{ending}.png"), evaluation)
    write_text(run.file(f"evaluation-{split}.json"), json.dumps(summary, indent=2) + "\n")


def describe(summary: dict[str, Any], directory: Path) -> str:
    """The results for people."""
    low, high = summary["accuracy_interval"]
    digits = summary["digits"]
    rules = summary["baselines"]
    return "\n".join(
        [
            f"{summary['split']} errors: {summary['errors']} in {summary['n']:,} images, by {display_path(directory)}",
            "",
            f"accuracy   {summary['accuracy']:9.4%}   ({CONFIDENCE:.0%} interval: {low:.2%} to {high:.2%})",
            *(f"{figure:10} {percent(summary[figure])}" for figure in ("precision", "recall", "f1", "roc_auc")),
            f"loss       {summary['loss']:9.6f}",
            "",
            *(
                f"{count:7,} of digit {true} predicted as {predicted}"
                for true, row in zip(digits, summary["confusion"], strict=True)
                for predicted, count in zip(digits, row, strict=True)
            ),
            "",
            "simpler rules, learned from the same training images:",
            *(
                f"{rule['accuracy']:9.2%}   errors: {rule['errors']:<5,}   {WORDING[name].format(**rule)}"
                for name, rule in rules.items()
            ),
        ]
    )


WORDING = {
    "majority_class": "always {digit}",
    "single_pixel": "{above} where the pixel in row {row}, column {column} is above {threshold}",
    "nearest_class_mean": "the digit whose mean image is nearer",
    "svd_coordinate": "{above} where the first centred SVD coordinate is above {threshold:.1f}",
}


def percent(value: float | None) -> str:
    return "undefined" if value is None else f"{value:9.4%}"
