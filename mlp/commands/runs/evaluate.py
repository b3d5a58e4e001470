"""Judge a run on images that it never saw.

    python scripts/evaluate.py [RUN]

Writes RUN/evaluation-test.json, confusion.png and mistakes.png, and prints the figures.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlp.commands.arguments import Parser, run_directory
from mlp.data import baselines
from mlp.data.dataset import Dataset
from mlp.evaluation import CONFIDENCE, Evaluation
from mlp.runs import finished as finished_runs
from mlp.runs.finished import FinishedRun
from mlp.system import blas_threads, command_line
from mlp.system.command_line import display_path, warn
from mlp.system.errors import InputError
from mlp.system.files import is_write_protected, write_text
from mlp.training import from_config

SPLITS = ("test", "validation", "training")


def main(arguments: Sequence[str]) -> None:
    parser = Parser(description="Judge a trained run.")
    parser.add_run()
    parser.add_argument(
        "--config", type=command_line.path, metavar="FILE", help="whose newest run to judge (default: config.yaml)"
    )
    parser.add_argument("--split", choices=SPLITS, default="test", help="the images to judge it on (default: test)")
    parser.add_argument("--json", action="store_true", help="print what the JSON file holds")
    options = parser.parse_args(arguments)
    if options.run and options.config:
        raise InputError("RUN and --config each name what to judge: give one of them")
    directory = run_directory(options, options.config)
    run = finished_runs.read(directory)
    with blas_threads.threads(run.config.training.threads):
        evaluation, summary = judge(run, options.split)
    try:
        save(run, evaluation, summary)
    except OSError as error:
        if not is_write_protected(error):
            raise
        what = f"{error.filename}: {error.strerror}"
        if not options.json:
            raise InputError(f"{what}: with --json the figures are printed, and need not be saved") from None
        warn(f"{what}: the figures are printed, and not saved")
    print(json.dumps(summary, indent=2) if options.json else describe(summary, run.directory))


def judge(run: FinishedRun, split: str) -> tuple[Evaluation, dict[str, Any]]:
    """The run's answers on one split, and every figure made of them."""
    training = run.training_images()
    images = run.test_images() if split == "test" else part_of(run, training, split)
    evaluation = run.evaluate(images)
    summary: dict[str, Any] = {"split": split, "weights_sha256": run.weights_sha256, "files": images.source.sha256()}
    summary |= evaluation.summary() | {"baselines": {}}
    for rule in baselines.learn(training):
        errors = rule.errors(images)
        summary["baselines"][rule.name] = rule.facts | {
            "errors": errors,
            "accuracy": (len(images) - errors) / len(images),
        }
    return evaluation, summary


def save(run: FinishedRun, evaluation: Evaluation, summary: dict[str, Any]) -> None:
    """Write the figures and the two pictures into the run's directory."""
    from mlp.figures import plots  # matplotlib is slow to import, and what fails has no use for it

    split = summary["split"]
    ending = "" if split == "test" else f"-{split}"
    plots.confusion(run.file(f"confusion{ending}.png"), evaluation)
    plots.mistakes(run.file(f"mistakes{ending}.png"), evaluation)
    write_text(run.file(f"evaluation-{split}.json"), json.dumps(summary, indent=2) + "\n")


def part_of(run: FinishedRun, training: Dataset, split: str) -> Dataset:
    """The training or the validation images, split again as they were for the run."""
    rest, held_out = from_config.split(run.config, training)
    images = rest if split == "training" else held_out
    if len(images) == 0:
        raise InputError(
            f"{display_path(run.directory)}: it held out no validation images (data.validation_fraction is 0)"
        )
    return images


def describe(summary: dict[str, Any], directory: Path) -> str:
    """The figures for people."""
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
                f"{count:7,} of digit {true} taken for {predicted}"
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
