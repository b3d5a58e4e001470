"""The figures of an evaluation: the confusion matrix and the misclassified images."""

from mlp.figures.style import MUTED, own_settings, save  # must come before matplotlib

# isort: split
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mlp.evaluation import Evaluation
from mlp.figures.images import image_grid, show_image

MAX_MISTAKES = 40
"""Images in the figure of misclassified images."""


@own_settings()
def confusion(path: Path, evaluation: Evaluation) -> None:
    """The confusion matrix: each cell has its count and its share of the true class."""
    counts = evaluation.confusion()
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    digits = [str(digit) for digit in evaluation.images.digits]
    figure = Figure(figsize=(4.6, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        text = f"{count:,}\n{shares[row, column]:.2%}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=14)
    axes.set(xticks=[0, 1], xticklabels=digits, yticks=[0, 1], yticklabels=digits)
    axes.set(xlabel="predicted digit", ylabel="true digit")
    axes.axhline(0.5, color=MUTED, linewidth=1)
    axes.axvline(0.5, color=MUTED, linewidth=1)
    axes.set_title(f"Errors: {len(evaluation.mistakes)} in {len(evaluation.images):,} images")
    save(figure, path)


@own_settings()
def mistakes(path: Path, evaluation: Evaluation) -> None:
    """The misclassified images, the most confident predictions first, each with its digit, prediction and index."""
    images, wrong = evaluation.images, evaluation.mistakes
    shown = evaluation.most_confident_mistakes[:MAX_MISTAKES]
    title = f"{len(wrong):,} of {len(images):,} images misclassified"
    if len(shown) < len(wrong):
        title += f": the {len(shown)} most confident"
    grid = image_grid(title, len(shown), columns=min(max(len(shown), 1), 8), caption_lines=3)
    for axes, position in zip(grid.axes, shown, strict=True):
        digit, predicted = images.labels[position], images.digits[int(evaluation.predicted[position])]
        show_image(axes, images.pixels(np.array([position])), images.image_shape)
        output, probability = evaluation.shown_output(position)
        caption = f"a {digit}, predicted {predicted}\np({images.digits[output]}) = {probability:.4f}"
        axes.set_title(f"{caption}\nindex {images.indices[position]}", fontsize=9)
    save(grid, path)
