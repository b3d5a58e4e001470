"""Promises of mlp.figures.evaluation: the confusion matrix and the misclassified images, whatever the numbers are."""

import numpy as np
import pytest

from mlp.data import dataset
from mlp.evaluation import Evaluation
from mlp.figures import evaluation as figures
from tests.conftest import write_folder
from tests.figures.conftest import pixels


@pytest.fixture
def drawn(monkeypatch):
    """The figures, kept instead of written."""
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure))
    return kept


def test_the_confusion_matrix_has_true_rows_and_predicted_columns(images, drawn, tmp_path):
    probabilities = images.targets.astype(float)[:, np.newaxis]
    probabilities[0] = 1.0  # one of thirty zeros is predicted as 1
    figures.confusion(tmp_path / "confusion.png", Evaluation(images, probabilities, 0.0))
    (axes,) = drawn[0].axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}  # (column, row)
    assert cells == {(0, 0): "29\n96.67%", (1, 0): "1\n3.33%", (0, 1): "0\n0.00%", (1, 1): "30\n100.00%"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted digit", "true digit")


def test_misclassified_images_have_captions_and_the_most_confident_predictions_come_first(images, drawn, tmp_path):
    probabilities = images.targets.astype(float)[:, np.newaxis]
    probabilities[[4, 7, 10], 0] = [0.6, 0.1, 0.9]
    figures.mistakes(tmp_path / "mistakes.png", Evaluation(images, probabilities, 0.0))
    assert [axes.get_title() for axes in drawn[0].axes] == [
        "a 1, predicted 0\np(1) = 0.1000\nindex 7",
        "a 0, predicted 1\np(1) = 0.9000\nindex 10",
        "a 0, predicted 1\np(1) = 0.6000\nindex 4",
    ]


@pytest.mark.parametrize("wrong", [0, 1, 60])
def test_confusion_and_mistakes_for_any_number_of_mistakes(images, wrong, tmp_path):
    probabilities = images.targets.astype(float)[:, np.newaxis]
    probabilities[:wrong] = 1 - probabilities[:wrong]
    evaluation = Evaluation(images, probabilities, 0.0)
    assert len(evaluation.mistakes) == wrong
    figures.confusion(tmp_path / "confusion.png", evaluation)
    figures.mistakes(tmp_path / "mistakes.png", evaluation)
    pixels(tmp_path / "confusion.png")
    pixels(tmp_path / "mistakes.png")


def of_classes(folder, classes, images_of_each=3):
    """An evaluation of this many classes; the first image is misclassified as the last class."""
    labels = [*range(classes)] * images_of_each
    images = dataset.load(write_folder(folder, labels, labels[:classes]), "training", tuple(range(classes)))
    P = np.full((len(images), classes), 0.1 / classes)
    P[np.arange(len(images)), images.targets] = 0.9
    P[0, -1] = 0.95
    return Evaluation(images, P, 0.0)


def test_of_more_classes_a_mistake_has_the_probability_of_the_predicted_class(drawn, tmp_path):
    figures.mistakes(tmp_path / "mistakes.png", of_classes(tmp_path / "f", 5))
    assert [axes.get_title() for axes in drawn[0].axes] == ["a 0, predicted 4\np(4) = 0.9500\nindex 0"]


@pytest.mark.parametrize(
    ("classes", "first", "count"), [(3, "2\n66.67%", 9), (10, "2", 11), (47, "2", 48), (256, None, 0)]
)
def test_the_confusion_matrix_of_any_number_of_classes(classes, first, count, drawn, tmp_path):
    """Few classes have counts and shares in all cells, more the counts that are not 0, very many only colours."""
    figures.confusion(tmp_path / "confusion.png", of_classes(tmp_path / "f", classes))
    axes = drawn[0].axes[0]
    drawn[0].draw_without_rendering()
    texts = [text for text in axes.texts if text.get_text()]
    assert len(texts) == count
    assert [text.get_text() for text in texts[:1]] == ([first] if first else [])
    assert len(axes.get_xticklabels()) == min(classes, 64)
    cell = axes.bbox.width / classes
    assert all(text.get_window_extent().width < cell for text in texts)
    assert all(text.get_fontsize() >= 5 for text in texts)
    assert len(drawn[0].axes) == (1 if classes == 3 else 2)  # a scale of colours unless cells have their shares
