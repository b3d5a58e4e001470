"""Evaluate a run on images that it never saw.

    mlp evaluate [RUN]

Writes RUN/evaluation-test.json, confusion.png and mistakes.png, and prints the results.
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

from mlp.commands.arguments import Parser, run_directory
from mlp.data.baselines import key_and_values
from mlp.data.sources import class_names
from mlp.evaluation import CONFIDENCE, Evaluation, only_prediction
from mlp.languages.catalogue import Say, say
from mlp.languages.choice import add_language
from mlp.runs.finished import FinishedRun, Split, read_run
from mlp.system import blas_threads, command_line
from mlp.system.command_line import display_path, warn
from mlp.system.errors import InputError
from mlp.system.files import is_write_protected, write_text
from mlp.system.printable import printable
from mlp.system.text_table import aligned, justified, width

FIGURES = {
    "precision": "evaluate.precision",
    "recall": "evaluate.recall",
    "f1": "evaluate.f1",
    "roc_auc": "evaluate.roc_auc",
}
"""The figures of a class, and the keys of their headings in the table for more than two classes."""
NAME_WIDTH = 10
"""Columns for the name of a figure."""
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
    add_language(parser)
    options = parser.parse_args(arguments)
    if options.run and options.config:
        raise InputError("RUN and --config each choose a run: give one of them")
    run = read_run(run_directory(options, options.config))
    with blas_threads.threads(run.config.training.threads):
        evaluation, summary = run.summary(options.split)
    try:
        save(run, evaluation, summary, options.lang)
    except OSError as error:
        if not is_write_protected(error):
            raise
        what = f"{error.filename}: {error.strerror}"
        if not options.json:
            raise InputError(f"{what}: use --json, which prints the results even if they cannot be saved") from None
        warn(f"{what}: the results are printed, not saved")
    in_words = partial(say, language=options.lang)
    print(json.dumps(summary, indent=2) if options.json else describe(summary, run.directory, in_words))
    names = {} if options.json else class_names.read(run.config.data.directory, warn)
    if names:
        named = (f"{digit} {printable(names[digit])}" for digit in summary["digits"] if digit in names)
        print(f"\n{in_words('evaluate.classes', names=', '.join(named))}")


def save(run: FinishedRun, evaluation: Evaluation, summary: dict[str, Any], language: str) -> None:
    """Write the figures and the two pictures, with labels in this language, into the run's directory."""
    from mlp.figures import evaluation as figures  # matplotlib is slow to import, and bad input does not need it

    split = summary["split"]
    ending = "" if split == "test" else f"-{split}"
    figures.confusion(run.file(f"confusion{ending}.png"), evaluation, language)
    figures.mistakes(run.file(f"mistakes{ending}.png"), evaluation, language)
    write_text(run.file(file_name(split)), json.dumps(summary, indent=2) + "\n")


def file_name(split: str) -> str:
    """The name of the file of all results."""
    return f"evaluation-{split}.json"


def describe(summary: dict[str, Any], directory: Path, say: Say = say) -> str:
    """The results for people."""
    low, high = (f"{bound:.2%}" for bound in summary["accuracy_interval"])
    interval = say("evaluate.interval", confidence=f"{CONFIDENCE:.0%}", low=low, high=high)
    accuracy = f"{figure('evaluate.accuracy', say)} {summary['accuracy']:9.4%}   ({interval})"
    loss = f"{figure('evaluate.loss', say)} {summary['loss']:9.6f}"
    head = [heading(summary, directory, say)]
    only = only_prediction(summary["confusion"])
    if only is not None:
        head.append(say("evaluate.only", digit=summary["digits"][only]))
    if "macro" in summary:
        middle = [[accuracy, loss], [class_table(summary, say)], confusion_lines(summary, directory, say)]
    else:
        figures = [f"{figure(key, say)} {percent(summary[name], say)}" for name, key in FIGURES.items()]
        middle = [[accuracy, *figures, loss], [describe_cell(cell, say) for cell in cells(summary)]]
    rules = [say("evaluate.rules"), *rule_lines(summary, say)]
    return "\n\n".join("\n".join(lines) for lines in (head, *middle, rules))


def heading(summary: dict[str, Any], directory: Path, say: Say) -> str:
    """The first line: the number of errors, the images and the run."""
    keys = {"test": "evaluate.test", "validation": "evaluate.validation", "training": "evaluate.training"}
    errors, images = summary["errors"], f"{summary['n']:,}"
    return say(keys[summary["split"]], errors=errors, images=images, run=display_path(directory))


def figure(key: str, say: Say) -> str:
    """The name of a figure, as wide as all names."""
    return justified(say(key), NAME_WIDTH)


def class_table(summary: dict[str, Any], say: Say) -> str:
    """A row for each class with its figures, and a row with their means."""
    values = [summary["macro"], *({name: summary[name][k] for name in FIGURES} for k in range(len(summary["digits"])))]
    means, *rows = ([percent(each[name], say, 2) for name in FIGURES] for each in values)
    images = map(sum, summary["confusion"])
    body = [[str(digit), f"{n:,}", *row] for digit, n, row in zip(summary["digits"], images, rows, strict=True)]
    titles = [say("evaluate.digit"), say("evaluate.images"), *map(say, FIGURES.values())]
    return aligned([titles, *body, [say("evaluate.mean"), "", *means]], str.rjust)


def confusion_lines(summary: dict[str, Any], directory: Path, say: Say) -> list[str]:
    """The confusion matrix for more than two classes; if it is wider than a terminal, the most frequent confusions."""
    digits, rows = list(map(str, summary["digits"])), summary["confusion"]
    counts = [[digit, *(str(count or ".") for count in row)] for digit, row in zip(digits, rows, strict=True)]
    matrix = aligned([["", *digits], *counts], str.rjust)
    if width(matrix.partition("\n")[0]) <= MAX_WIDTH:
        return [say("evaluate.matrix"), matrix]
    wrong = sorted((cell for cell in cells(summary) if cell[0] and cell[1] != cell[2]), key=lambda cell: -cell[0])
    shown, file = wrong[:MAX_CONFUSIONS], display_path(directory / file_name(summary["split"]))
    return [
        say("evaluate.most_confused"),
        *(describe_cell(cell, say) for cell in shown),
        say("evaluate.whole_matrix", file=file),
    ]


Cell = tuple[int, int, int]
"""A cell of the confusion matrix: the count, the true digit and the predicted one."""


def cells(summary: dict[str, Any]) -> Iterator[Cell]:
    """The cells of the confusion matrix, row by row."""
    for true, row in zip(summary["digits"], summary["confusion"], strict=True):
        for predicted, count in zip(summary["digits"], row, strict=True):
            yield count, true, predicted


def describe_cell(cell: Cell, say: Say) -> str:
    count, true, predicted = cell
    return say("evaluate.cell", images=f"{count:7,}", true=true, predicted=predicted)


def rule_lines(summary: dict[str, Any], say: Say) -> Iterator[str]:
    """A line for each baseline: its accuracy, its errors and what it does."""
    for name, rule in summary["baselines"].items():
        key, values = key_and_values(name, rule, len(summary["digits"]))
        counts = {"accuracy": f"{rule['accuracy']:9.2%}", "errors": f"{rule['errors']:<5,}"}
        yield say("evaluate.rule", **counts, rule=say(key, **values))


def percent(value: float | None, say: Say, digits: int = 4) -> str:
    """A share in percent, as wide as 100 % is."""
    return say("evaluate.undefined") if value is None else f"{value:{digits + 5}.{digits}%}"
