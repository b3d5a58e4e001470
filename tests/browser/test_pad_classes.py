"""Promises of the report's pad for any number of classes, each activation and both losses: it computes as NumPy."""

import json
import re
from io import BytesIO
from itertools import product

import numpy as np
import pytest
from PIL import Image

from mlp.network import ACTIVATIONS, LOSSES, by_class, decide
from mlp.pages import report
from tests.browser.conftest import leftovers
from tests.browser.test_pad import array, at_work, draw
from tests.conftest import write_folder
from tests.pages.untrained import untrained_run

SOME = [(10, "relu", "cross_entropy"), (3, "tanh", "euclidean"), (2, "sigmoid", "cross_entropy")]
ALL = [*SOME, *(kind for kind in product((2, 3, 10), ACTIVATIONS, LOSSES) if kind not in SOME)]
"""The first ones, which are always tried, have each activation, each loss and each number of classes."""
SCALE = 100
"""What pixels are divided by: not 255, so that the page must take it from the run."""
RANGE = {"sigmoid": "from 0 to 1", "tanh": "from −1 to 1"}
STROKE = [(0.3, 0.2), (0.7, 0.3), (0.3, 0.8), (0.7, 0.8)]


def made_run(path, classes, activation, loss):
    labels = list(range(classes))
    folder = write_folder(path / "made", labels * 40, labels * 5, side=12)
    model = f"{{hidden_sizes: [9, 7], activation: {activation}, loss: {loss}}}"
    return untrained_run(path, f"data: {{directory: {folder}, digits: all, scale: {SCALE}}}\nmodel: {model}\n")


@pytest.mark.trials(len(SOME), len(ALL))
def test_both_passes_of_any_network_are_numpys(tmp_path, visit, trial):
    classes, activation, loss = ALL[trial]
    run = made_run(tmp_path, classes, activation, loss)
    page = at_work(visit(report.write(run)))
    network = run.network.copy("float64")

    pixels = run.images("test").pixels()
    answer = "(pixels) => { pad.answer.showImage(pixels); return Array.from(pad.answer.network.activations.at(-1)); }"
    P = np.array(page.evaluate(f"(images) => images.map({answer})", pixels.tolist()))
    np.testing.assert_allclose(P, network.predict(pixels / SCALE), rtol=0, atol=1e-6)

    draw(page, STROKE)
    page.wait_for_selector("#draw-a-digit:not(.blank)")
    X = array(page, "pad.answer.network.activations[0]", 1, -1)
    assert 1 < X.max() <= 255 / SCALE
    P = network.predict(X)
    predicted, output = int(decide(P)[0]), int(decide(P)[0]) % P.shape[1]
    change = 1e-6 * np.eye(144)
    numeric = (network.predict(X + change) - network.predict(X - change))[:, output] / 2e-6
    gradients = [
        np.array(dA)
        for dA in json.loads(
            page.evaluate(
                "(output) => JSON.stringify(pad.answer.network.backward(output).map((dA) => Array.from(dA)))", output
            )
        )
    ]
    np.testing.assert_allclose(gradients[0], numeric, rtol=0, atol=1e-6 * np.abs(numeric).max())

    network.loss(X, np.eye(1, P.shape[1]))
    layers = [network.graph.value(name)[0] for name in ("Z3", "Z6")]
    for layer, A, dA in zip(page.locator(".layer").all(), layers, gradients[1:], strict=False):
        shown = [
            [-float(height) for height in re.findall(r"M[\d.]+,0v(\S+?)h", path.get_attribute("d"))]
            for path in layer.locator("path").all()
        ]
        top = A.max() if activation == "relu" else 1
        np.testing.assert_allclose(shown[0], A / top, atol=1e-6)
        np.testing.assert_allclose(shown[1], dA / np.abs(dA).max(), atol=1e-6)
        assert RANGE.get(activation, f"from 0 to {top:.4f}") in layer.inner_text()

    chances = by_class(P)[0]
    answer = page.inner_text("#answer")
    assert (
        f"predicts {'an' if predicted == 8 else 'a'} {predicted}, with probability {chances[predicted]:.4f}." in answer
    )
    if classes > 2:
        second = int(np.argsort(-chances)[1])
        assert f"The second most probable is {'an' if second == 8 else 'a'} {second}, with probability" in answer
        bars = page.locator(".outputs li").all()
        assert [bar.inner_text().split() for bar in bars] == [[str(k), f"{p:.4f}"] for k, p in enumerate(chances)]
        widths = [bar.locator("div > div").evaluate("bar => parseFloat(bar.style.width)") for bar in bars]
        np.testing.assert_allclose(widths, 100 * chances, atol=1e-4)
        assert page.locator(".outputs .predicted").inner_text().split()[0] == str(predicted)
        assert f"the probability of {predicted}: more ink raises it" in page.inner_text("#pushes + span")
        assert ("need not sum to 1" in page.inner_text("#draw-a-digit")) == (loss == "euclidean")


@pytest.fixture(scope="module")
def ten(tmp_path_factory):
    return report.write(made_run(tmp_path_factory.mktemp("ten"), *SOME[0]))


@pytest.mark.one_look
def test_everyone_can_read_the_page_of_ten_digits(ten, visit, accessible, look):
    page = at_work(visit(ten, **look))
    assert page.locator("#samples button").count() == 20
    page.locator("#samples button").first.click()
    page.wait_for_selector("#draw-a-digit:not(.blank)")
    accessible(page)


def test_the_page_of_ten_digits_is_in_chinese_too(ten, visit):
    page = at_work(visit(ten, locale="zh-CN"))
    page.locator("#samples button").first.click()
    page.wait_for_selector("#draw-a-digit:not(.blank)")
    page.locator("#plane").press("ArrowRight")
    assert re.fullmatch(r"网络预测为 \d，概率 [\d.]+。其次是 \d，概率 [\d.]+。", page.inner_text("#answer"))
    assert "数字 0 到 9" in page.title()
    assert leftovers(page) == []


def test_the_legend_of_the_plane_has_a_mark_for_each_digit(ten, visit):
    page = at_work(visit(ten))
    marks = page.locator("#plane path[transform]")
    assert marks.count() == 10
    page.locator("#plane").scroll_into_view_if_needed()
    for place in marks.evaluate_all(
        "all => all.map((mark) => { const { e, f } = mark.getScreenCTM(); return [e, f]; })"
    ):
        clip = {"x": place[0] - 2, "y": place[1] - 2, "width": 4, "height": 4}
        assert np.asarray(Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")).max(axis=2).min() < 240


def test_what_is_unlike_ten_digits_resembles_none_of_them_and_a_point_says_whose_probability_it_has(ten, visit):
    page = at_work(visit(ten))
    page.evaluate("pad.answer.facts.novelty.threshold = 0.01")
    draw(page, STROKE)
    page.wait_for_selector("#draw-a-digit.neither")
    assert page.inner_text("#answer").startswith(
        "This resembles none of the digits. The network, which must choose one"
    )
    page.locator("#plane").press("ArrowRight")
    assert re.fullmatch(r"an? \d, p\(\d\) = [\d.]+, training image \d+", page.inner_text("#point"))


def test_what_is_unlike_three_digits_resembles_neither_of_them(tmp_path, visit):
    page = at_work(visit(report.write(made_run(tmp_path, 3, "relu", "euclidean"))))
    page.evaluate("pad.answer.facts.novelty.threshold = 0.01")
    draw(page, STROKE)
    page.wait_for_selector("#draw-a-digit.neither")
    assert page.inner_text("#answer").startswith("This resembles neither a 0 nor a 1 nor a 2. The network")
