"""Promises of mlp.figures.evaluation: the confusion matrix and the misclassified images, whatever the numbers are."""

import pytest

from mlp.evaluation import Evaluation
from mlp.figures import evaluation as figures
from tests.figures.conftest import pixels


@pytest.fixture
def drawn(monkeypatch):
    """The figures, kept instead of written."""
    kept = []
    monkeypatch.setattr(figures, "save", lambda figure, path: kept.append(figure))
    return kept


def test_the_confusion_matrix_has_true_rows_and_predicted_columns(images, drawn, tmp_path):
    probabilities = images.targets.astype(float)
    probabilities[0] = 1.0  # one of thirty zeros is predicted as 1
    figures.confusion(tmp_path / "confusion.png", Evaluation(images, probabilities, 0.0))
    (axes,) = drawn[0].axes
    cells = {text.get_position(): text.get_text() for text in axes.texts}  # (column, row)
    assert cells == {(0, 0): "29\n96.67%", (1, 0): "1\n3.33%", (0, 1): "0\n0.00%", (1, 1): "30\n100.00%"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted digit", "true digit")


def test_misclassified_images_have_captions_and_the_most_confident_predictions_come_first(images, drawn, tmp_path):
    probabilities = images.targets.astype(float)
    probabilities[[4, 7, 10]] = [0.6, 0.1, 0.9]
    figures.mistakes(tmp_path / "mistakes.png", Evaluation(images, probabilities, 0.0))
    assert [axes.get_title() for axes in drawn[0].axes] == [
        "a 1, predicted 0\np(1) = 0.1000\nindex 7",
        "a 0, predicted 1\np(1) = 0.9000\nindex 10",
        "a 0, predicted 1\np(1) = 0.6000\nindex 4",
    ]


@pytest.mark.parametrize("wrong", [0, 1, 9, 60])
def test_confusion_and_mistakes_for_any_number_of_mistakes(images, wrong, tmp_path):
    probabilities = images.targets.astype(float)
    probabilities[:wrong] = 1 - probabilities[:wrong]
    evaluation = Evaluation(images, probabilities, 0.0)
    assert len(evaluation.mistakes) == wrong
    figures.confusion(tmp_path / "confusion.png", evaluation)
    figures.mistakes(tmp_path / "mistakes.png", evaluation)
    pixels(tmp_path / "confusion.png")
    pixels(tmp_path / "mistakes.png")
