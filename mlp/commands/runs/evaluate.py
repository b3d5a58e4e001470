"""Evaluate a run on images that it never saw.

    mlp evaluate [RUN]

Writes RUN/evaluation-test.json, confusion.png and mistakes.png, and prints the results.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from mlp.commands.arguments import Parser, run_directory
from mlp.data.sources import class_names
from mlp.evaluation import CONFIDENCE, Evaluation, only_prediction
from mlp.runs.finished import FinishedRun, Split, read_run
from mlp.system import blas_threads, command_line
from mlp.system.command_line import display_path, warn
from mlp.system.errors import InputError
from mlp.system.files import is_write_protected, write_text
from mlp.system.printable import printable
from mlp.system.text_table import aligned

FIGURES = {"precision": "precision", "recall": "recall", "f1": "F1", "roc_auc": "ROC AUC"}
"""The figures of a class, and their headings in the table for more than two classes."""
MAX_WIDTH = 80
"""Columns of a terminal."""
MAX_CONFUSIONS = 20
"""Lines for the most frequent confusions."""


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
        evaluation, summary = run.summary(options.split)
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
    names = {} if options.json else class_names.read(run.config.data.directory, warn)
    if names:
        named = (f"{digit} {printable(names[digit])}" for digit in summary["digits"] if digit in names)
        print(f"\nclasses: {', '.join(named)}")


def save(run: FinishedRun, evaluation: Evaluation, summary: dict[str, Any]) -> None:
    """Write the figures and the two pictures into the run's directory."""
    from mlp.figures import evaluation as figures  # matplotlib is slow to import, and bad input does not need it

    split = summary["split"]
    ending = "" if split == "test" else f"-{split}"
    figures.confusion(run.file(f"confusion{ending}.png"), evaluation)
    figures.mistakes(run.file(f"mistakes{ending}.png"), evaluation)
    write_text(run.file(file_name(split)), json.dumps(summary, indent=2) + "\n")


def file_name(split: str) -> str:
    """The name of the file of all results."""
    return f"evaluation-{split}.json"


def describe(summary: dict[str, Any], directory: Path) -> str:
    """The results for people."""
    low, high = summary["accuracy_interval"]
    accuracy = f"accuracy   {summary['accuracy']:9.4%}   ({CONFIDENCE:.0%} interval: {low:.2%} to {high:.2%})"
    loss = f"loss       {summary['loss']:9.6f}"
    head = [f"{summary['split']} errors: {summary['errors']} in {summary['n']:,} images, by {display_path(directory)}"]
    only = only_prediction(summary["confusion"])
    if only is not None:
        answer = summary["digits"][only]
        head.append(f"every image is predicted as {answer}: the network does not distinguish the digits")
    if "macro" in summary:
        middle = [[accuracy, loss], [class_table(summary)], confusion_lines(summary, directory)]
    else:
        figures = [f"{figure:10} {percent(summary[figure])}" for figure in FIGURES]
        middle = [[accuracy, *figures, loss], list(map(in_words, cells(summary)))]
    rules = ["simpler rules, learned from the same training images:", *rule_lines(summary)]
    return "\n\n".join("\n".join(lines) for lines in (head, *middle, rules))


def class_table(summary: dict[str, Any]) -> str:
    """A row for each class with its figures, and a row with their means."""
    values = [summary["macro"], *({name: summary[name][k] for name in FIGURES} for k in range(len(summary["digits"])))]
    means, *rows = ([percent(each[name], 2) for name in FIGURES] for each in values)
    images = map(sum, summary["confusion"])
    body = [[str(digit), f"{n:,}", *row] for digit, n, row in zip(summary["digits"], images, rows, strict=True)]
    return aligned([["digit", "images", *FIGURES.values()], *body, ["mean", "", *means]], str.rjust)


def confusion_lines(summary: dict[str, Any], directory: Path) -> list[str]:
    """The confusion matrix for more than two classes; if it is wider than a terminal, the most frequent confusions."""
    digits, rows = list(map(str, summary["digits"])), summary["confusion"]
    counts = [[digit, *(str(count or ".") for count in row)] for digit, row in zip(digits, rows, strict=True)]
    matrix = aligned([["", *digits], *counts], str.rjust)
    if len(matrix.partition("\n")[0]) <= MAX_WIDTH:
        return ["confusion matrix (rows: true digits, columns: predicted digits, . is 0)", matrix]
    wrong = sorted((cell for cell in cells(summary) if cell[0] and cell[1] != cell[2]), key=lambda cell: -cell[0])
    shown, file = wrong[:MAX_CONFUSIONS], directory / file_name(summary["split"])
    return ["most frequent confusions:", *map(in_words, shown), f"the whole confusion matrix: {display_path(file)}"]


Cell = tuple[int, int, int]
"""A cell of the confusion matrix: the count, the true digit and the predicted one."""


def cells(summary: dict[str, Any]) -> Iterator[Cell]:
    """The cells of the confusion matrix, row by row."""
    for true, row in zip(summary["digits"], summary["confusion"], strict=True):
        for predicted, count in zip(summary["digits"], row, strict=True):
            yield count, true, predicted


def in_words(cell: Cell) -> str:
    count, true, predicted = cell
    return f"{count:7,} of digit {true} predicted as {predicted}"


def rule_lines(summary: dict[str, Any]) -> Iterator[str]:
    """A line for each baseline: its accuracy, its errors and what it does."""
    nearest = "nearer" if len(summary["digits"]) == 2 else "nearest"
    for name, rule in summary["baselines"].items():
        words = WORDING[name].format(**rule, nearest=nearest) + (f", else {rule['below']}" if "below" in rule else "")
        yield f"{rule['accuracy']:9.2%}   errors: {rule['errors']:<5,}   {words}"


WORDING = {
    "majority_class": "always {digit}",
    "single_pixel": "{above} where the pixel in row {row}, column {column} is above {threshold}",
    "nearest_class_mean": "the digit whose mean image is {nearest}",
    "svd_coordinate": "{above} where the first centred SVD coordinate is above {threshold:.1f}",
    "svd_plane": "the digit whose mean is nearest in the first two centred SVD coordinates",
}


def percent(value: float | None, digits: int = 4) -> str:
    """A share in percent, as wide as 100 % is."""
    return "undefined" if value is None else f"{value:{digits + 5}.{digits}%}"
