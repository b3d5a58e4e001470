"""The figures of an evaluation: the confusion matrix and the misclassified images."""

from mlp.figures.style import MUTED, own_settings, save  # must come before matplotlib

# isort: split

import numpy as np
from matplotlib.figure import Figure

from mlp.evaluation import Evaluation
from mlp.figures.fonts.labels import labels_in
from mlp.figures.images import image_grid, show_image
from mlp.languages.catalogue import Say
from mlp.system.files import StrPath

MAX_MISTAKES = 40
"""Images in the figure of misclassified images."""
FIGURE_SIDE, CELL_SIDE, MAX_FIGURE_SIDE = 4.0, 0.62, 13.0
"""Inches: the least height of a confusion matrix, the height of a class if there are many, and the largest height."""
AXES_SHARE = 0.85
"""The share of the height that the cells take."""
MAX_POINTS, MIN_SHARE_POINTS, MIN_POINTS = 14, 12, 5
"""Font sizes: of numbers that have room, the smallest of a cell with its share, and the smallest of a count."""
DIGIT_WIDTH, FILLED = 0.64, 0.9
"""The width of a digit divided by its font size, and the share of a cell's width that its text may take."""
MAX_TICKS = 64
"""Labels along a side."""


@own_settings()
def confusion(path: StrPath, evaluation: Evaluation, language: str = "en") -> None:
    """The confusion matrix: a cell's colour is its share of the true class, its number the count, as far as both fit.

    With few classes each cell shows its share, too.
    """
    with labels_in(language) as say:
        save(confusion_figure(evaluation, say), path)


def confusion_figure(evaluation: Evaluation, say: Say) -> Figure:
    """The figure of ``confusion``."""
    counts = evaluation.confusion()
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    classes, digits = len(counts), [str(digit) for digit in evaluation.images.digits]
    side = min(max(FIGURE_SIDE, CELL_SIDE * classes), MAX_FIGURE_SIDE)
    cell = AXES_SHARE * side / classes
    figure = Figure(figsize=(1.15 * side, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = fitting_size(cell, "100.00%")
    has_shares = size >= MIN_SHARE_POINTS
    if not has_shares:
        figure.colorbar(image, label=say("figure.share"), shrink=0.8)
        size = fitting_size(cell, f"{counts.max():,}")
    for (row, column), count in np.ndenumerate(counts) if size >= MIN_POINTS else ():
        if not (has_shares or count):
            continue  # most cells of many classes are 0, and an empty text takes as long as any other
        color = "white" if shares[row, column] > 0.5 else "black"
        text = f"{count:,}\n{shares[row, column]:.2%}" if has_shares else f"{count:,}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size, in_layout=False)
    ticks = range(0, classes, -(-classes // MAX_TICKS))
    names = [digits[tick] for tick in ticks]
    axes.set(xticks=ticks, xticklabels=names, yticks=ticks, yticklabels=names)
    axes.tick_params(labelsize=min(10, fitting_size(cell * ticks.step, max(names, key=len))))
    axes.set(xlabel=say("figure.predicted_digit"), ylabel=say("figure.true_digit"))
    for edge in np.arange(classes - 1) + 0.5:
        axes.axhline(edge, color=MUTED, linewidth=min(1, cell))  # thinner between small cells
        axes.axvline(edge, color=MUTED, linewidth=min(1, cell))
    errors, images = len(evaluation.mistakes), f"{len(evaluation.images):,}"
    axes.set_title(say("figure.errors", errors=errors, images=images))
    return figure


def fitting_size(width: float, text: str) -> float:
    """The font size in points, at most 14, at which a text of digits fits into this width in inches."""
    return min(MAX_POINTS, 72 * FILLED * width / (DIGIT_WIDTH * len(text)))


@own_settings()
def mistakes(path: StrPath, evaluation: Evaluation, language: str = "en") -> None:
    """The misclassified images, the most confident predictions first, each with its digit, prediction and index."""
    images, shown = evaluation.images, evaluation.most_confident_mistakes[:MAX_MISTAKES]
    errors, count = len(evaluation.mistakes), f"{len(images):,}"
    with labels_in(language) as say:
        key = "figure.mistakes" if len(shown) == errors else "figure.most_confident_mistakes"
        title = say(key, errors=f"{errors:,}", images=count, shown=len(shown))
        grid = image_grid(title, len(shown), columns=min(max(len(shown), 1), 8), caption_lines=3)
        for axes, position in zip(grid.axes, shown, strict=True):
            show_image(axes, images.pixels(np.array([position])), images.image_shape)
            axes.set_title(caption(evaluation, position, say), fontsize=9)
    save(grid, path)


def caption(evaluation: Evaluation, position: int, say: Say) -> str:
    """What stands above a misclassified image: its digit, the prediction, its probability and the image's index."""
    images, (output, probability) = evaluation.images, evaluation.shown_output(position)
    predicted = images.digits[int(evaluation.predicted[position])]
    return "\n".join(
        [
            say("figure.mistake", digit=images.labels[position], predicted=predicted),
            f"p({images.digits[output]}) = {probability:.4f}",
            say("figure.index", index=images.indices[position]),
        ]
    )
