"""Promises of the report's pad: a drawing is prepared, classified and explained in the page as by the NumPy code."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mlp import idx
from mlp.data import novelty
from mlp.data.preparation import Prepared, prepare
from mlp.figures import style
from mlp.pages import report
from mlp.runs import finished as finished_runs
from tests.browser.conftest import watched
from tests.conftest import write_folder
from tests.pages.untrained import untrained_run


@pytest.fixture(scope="module")
def run(short_run):
    """The run whose report it is, read back."""
    return finished_runs.read_run(short_run)


@pytest.fixture(scope="module")
def in_the_plane(training_digits):
    """The training images that are in the page."""
    return training_digits.first_of_each(novelty.MAX_PER_DIGIT)


@pytest.fixture(scope="module")
def opened(chromium, short_run):
    """Its report in a browser, with the pad at work."""
    with watched(chromium) as visit:
        yield at_work(visit(short_run / "report.html"))


def at_work(page):
    page.wait_for_selector(".scripted")
    return page


@pytest.fixture
def page(opened):
    """The same with an empty pad."""
    opened.evaluate("pad.replace([]); pad.pen.at = [140, 140]")
    opened.wait_for_selector("#draw-a-digit.blank")
    return opened


def zero(height, width, slant, start=0.0, turns=1):
    """Places of an ellipse about (0, 0)."""
    angles = start + turns * np.linspace(0, 2 * np.pi, 13)
    return slanted(np.stack([np.cos(angles) * width, np.sin(angles) * height], axis=1) / 2, slant)


def one(height, slant, *, upstroke=False):
    """Places of a stroke about (0, 0), with another towards its top before it, or without."""
    places = [(-0.15 * height, -0.35 * height)] if upstroke else []
    return slanted(np.array([*places, (0, -height / 2), (0, height / 2)]), slant)


def slanted(places, slant):
    return places - np.outer(places[:, 1], [slant, 0])


ZERO, ONE = 0.5 + zero(0.6, 0.4, 0.1), 0.5 + one(0.6, 0.2)
SCRIBBLES = {
    "zigzag": [(0.1, 0.1), (0.9, 0.2), (0.2, 0.5), (0.9, 0.7), (0.1, 0.9)],
    "cross": [(0.1, 0.1), (0.9, 0.9), (0.5, 0.5), (0.9, 0.1), (0.1, 0.9)],
    "lying": [(0.1, 0.5), (0.9, 0.5)],
}


def on_screen(page, places):
    """Shares of the pad as places in the window."""
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]


def draw(page, places):
    """With the mouse, in one stroke."""
    points = on_screen(page, places)
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def answered(page):
    """The digit and its probability, as the page shows them."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    digit, probability = re.search(r"a (\d), with probability ([\d.]+)\.", page.inner_text("#answer")).groups()
    return int(digit), float(probability)


def array(page, expression, *shape):
    """Numbers of the page as an array."""
    return np.array(json.loads(page.evaluate(f"JSON.stringify(Array.from({expression}))"))).reshape(shape or -1)


def ink(page, selector):
    """The ink of a canvas of 28 by 28, 0 to 255: black ink on white paper."""
    return 255 - colors(page, selector)[..., 0]


def colors(page, selector):
    """The colours of a canvas of 28 by 28, (28, 28, 3)."""
    copied = f"""((canvas) => {{
        const copy = new OffscreenCanvas(28, 28).getContext("2d");
        copy.drawImage(canvas, 0, 0);
        return copy.getImageData(0, 0, 28, 28).data;
    }})(document.querySelector("{selector}"))"""
    return array(page, copied, 28, 28, 4)[..., :3]


def test_fifty_zeros_and_fifty_ones_of_any_size_place_thickness_and_slant_are_recognized(page):
    random = np.random.default_rng(1)
    drawings = []
    for k in range(100):
        height, slant = random.uniform(0.35, 0.8), random.uniform(-0.4, 0.4)
        if k < 50:
            turns = random.choice([-1, 1])
            places = zero(height, height * random.uniform(0.5, 0.9), slant, random.uniform(0, 2 * np.pi), turns)
        else:
            places = one(height, slant, upstroke=random.random() < 0.3)
        room = np.maximum(0.92 - np.ptp(places, axis=0), 0.08)
        places = places - places.min(axis=0) + random.uniform(0.08, room)
        drawings.append({"width": 280 * random.uniform(0.04, 0.12), "places": (280 * places).tolist()})
    answers = page.evaluate(
        """(drawings) => drawings.map((mark) => {
            pad.marks = [mark];
            pad.update();
            return [document.querySelector("#answer").textContent, document.querySelector(".neither") !== null];
        })""",
        drawings,
    )
    digits = [int(re.search(r"a (\d), with", answer)[1]) for answer, _ in answers]
    assert digits[:50].count(0) >= 48
    assert digits[50:].count(1) >= 48
    assert sum(is_neither for _, is_neither in answers) <= 4


@dataclass(frozen=True)
class Drawn:
    """A digit on the pad, and as Python prepares it."""

    page: Any
    digit: int
    prepared: Prepared

    @property
    def X(self):  # noqa: N802
        return self.prepared.image.reshape(1, -1)


def prepared_here(page):
    return prepare(array(page, "pad.ink()", 280, 280))


@pytest.fixture(params=[(ZERO, 0), (ONE, 1)], ids=["zero", "one"])
def drawn(request, page):
    places, digit = request.param
    mark = {"width": 20, "places": (280 * places).tolist()}
    page.evaluate("(mark) => { pad.marks = [mark]; pad.update(); }", mark)
    return Drawn(page, digit, prepared_here(page))


@pytest.mark.parametrize(("places", "digit"), [(ZERO, 0), (ONE, 1)], ids=["zero", "one"])
def test_a_digit_drawn_with_the_mouse_is_classified_as_by_numpy(page, run, places, digit):
    draw(page, places)
    found, probability = answered(page)
    P = float(run.network.predict(prepared_here(page).image.reshape(1, -1))[0, 0])
    assert found == digit
    assert probability == pytest.approx(P if digit else 1 - P, abs=1e-4)
    _, _, left, right = prepared_here(page).box
    assert (right - left) / 280 == pytest.approx(np.ptp(places[:, 0]) + 0.08, abs=0.02)  # the pen's width, too


def test_the_stages_shown_are_those_of_python(drawn):
    page, prepared = drawn.page, drawn.prepared
    np.testing.assert_allclose(ink(page, "#scaled"), 255 * prepared.scaled, atol=0.51)
    np.testing.assert_allclose(ink(page, "#input"), 255 * prepared.image, atol=0.51)
    paper, box = (page.locator(selector).bounding_box() for selector in ("#pad", "#box"))
    edges = [
        (box[side] + end * box[size] - paper[side]) / paper["width"] * 280
        for side, size in (("y", "height"), ("x", "width"))
        for end in (0, 1)
    ]
    assert edges == pytest.approx(prepared.box, abs=1)


def test_the_nearest_training_images_are_those_of_numpy(drawn, in_the_plane):
    features = novelty.features(np.concatenate([255 * drawn.X, in_the_plane.pixels()]), (28, 28))
    distances = np.sqrt(2 - 2 * features[1:] @ features[0])
    assert drawn.page.inner_text("#distance").startswith(
        f"Distance to the nearest of 2,000 training images: {distances.min():.2f}; 99\u00a0% of these"
    )
    shown = drawn.page.locator("#nearest canvas").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert shown == [
        f"training image {in_the_plane.indices[k]}, a {in_the_plane.labels[k]}" for k in np.argsort(distances)[:3]
    ]


def test_the_pixels_are_coloured_by_the_numeric_derivative_of_the_probability(drawn, run):
    network, change = run.network.copy("float64"), 1e-5 * np.eye(784)
    numeric = (network.predict(drawn.X + change) - network.predict(drawn.X - change))[:, 0] / 2e-5
    largest = np.abs(numeric).max()
    dX = array(drawn.page, "pad.answer.network.backward(0)[0]")
    np.testing.assert_allclose(dX, numeric, rtol=0, atol=1e-6 * largest)
    assert float(drawn.page.inner_text("#pushes + span .number")) == pytest.approx(largest, rel=0.05)
    expected = style.sign_colors()[128 + np.rint(127 * dX / largest).astype(int)].astype(int)
    np.testing.assert_allclose(colors(drawn.page, "#pushes").reshape(784, 3), expected, atol=8)  # a row of the scale
    red, _, blue = np.moveaxis(colors(drawn.page, "#pushes").reshape(784, 3), 1, 0)
    strong = np.abs(numeric) > 0.02 * largest
    np.testing.assert_array_equal((blue > red)[strong], numeric[strong] > 0)  # purple is towards 1, orange towards 0


def test_the_bars_are_the_hidden_activations_and_the_derivatives_with_respect_to_them(drawn, run):
    network = run.network.copy("float64")
    network.loss(drawn.X, [[0]])
    network.backward()  # of L = P^2 / 2, whose derivative is P times that of P
    activations, gradients = (
        [-float(height) for height in re.findall(r"M[\d.]+,0v(\S+?)h", path)]
        for path in drawn.page.locator(".layer path").evaluate_all("all => all.map((path) => path.getAttribute('d'))")
    )
    np.testing.assert_allclose(activations, network.graph.value("Z3")[0], atol=1e-6)
    dZ3, P = network.graph.gradient("Z3")[0], network.probabilities[0, 0]
    np.testing.assert_allclose(gradients, dZ3 / np.abs(dZ3).max(), atol=1e-6)
    page = drawn.page
    assert float(page.inner_text(".layer .number")) == pytest.approx(np.abs(dZ3).max() / P, rel=0.05)
    forward, back = map(float, page.locator(".ends .number").all_inner_texts())
    assert forward == pytest.approx(P, abs=1e-4)
    assert back == pytest.approx(network.graph.gradient("Z5")[0, 0] / P, rel=0.05)
    assert "dZ5 = P (1 − P) dP" in page.inner_text(".ends")
    assert float(page.locator("#share").evaluate("bar => parseFloat(bar.style.width)")) == pytest.approx(100 * P)


def test_the_page_has_numpys_probabilities_of_all_test_images(page, run, test_digits):
    X, _ = test_digits.arrays("float32")
    pixels = base64.b64encode(test_digits.pixels().tobytes()).decode()
    in_page = page.evaluate(
        """(text) => {
            const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
            const image = (k) => Float64Array.from(bytes.subarray(784 * k, 784 * (k + 1)), (level) => level / 255);
            return Array.from({ length: bytes.length / 784 }, (_, k) => pad.answer.network.forward(image(k))[0]);
        }""",
        pixels,
    )
    assert len(in_page) == 2115
    np.testing.assert_allclose(in_page, run.network.predict(X)[:, 0], rtol=0, atol=1e-6)


def test_a_test_image_lies_on_the_pad_as_it_is_in_the_file(page, run, test_digits):
    buttons = page.locator("#samples button")
    P = run.network.predict(test_digits.arrays("float32")[0])[:, 0]
    of_each = [(np.flatnonzero(test_digits.labels == digit), 1 - P if digit == 0 else P) for digit in (0, 1)]
    orders = [own[np.argsort(-certainty[own], kind="stable")] for own, certainty in of_each]
    expected = [test_digits.indices[order[k]] for order in orders for k in (0, len(order) // 2, -1)]
    names = buttons.locator("canvas").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert [name.split(",")[0] for name in names] == [f"test image {index}" for index in expected]
    for k in range(6):
        buttons.nth(k).click()
        words = buttons.nth(k).locator("canvas").get_attribute("aria-label")
        index, digit = map(int, re.fullmatch(r"test image (\d+), a (\d)", words).groups())
        (position,) = np.flatnonzero(test_digits.indices == index)
        assert digit == test_digits.labels[position]
        pixels = test_digits.pixels(np.array([position]))
        predicted, probability = answered(page)
        P = float(run.network.predict(pixels / 255)[0, 0])
        assert array(page, "pad.answer.network.activations.at(-1)")[0] == pytest.approx(P, abs=1e-6)
        assert probability == pytest.approx(P if predicted else 1 - P, abs=1e-4)
        np.testing.assert_array_equal(ink(page, "#input"), pixels.reshape(28, 28))
        assert "X, the input: the test image's own pixels, not prepared again" in page.inner_text(".stages")
        assert [page.locator(part).is_visible() for part in ("#scaled", "#box")] == [False, False]


def test_a_test_image_with_a_stroke_is_a_drawing_and_without_it_the_image_again(page, run):
    page.locator("#samples button").first.click()
    alone = answered(page)
    draw(page, [(0.05, 0.05), (0.3, 0.1)])
    answered(page)
    X = prepared_here(page).image
    np.testing.assert_allclose(ink(page, "#input"), 255 * X, atol=0.51)
    P = float(run.network.predict(X.reshape(1, -1))[0, 0])
    assert array(page, "pad.answer.network.activations.at(-1)")[0] == pytest.approx(P, abs=1e-6)
    assert "X, the input: the centre of mass is in the middle" in page.inner_text(".stages")
    assert [page.locator(part).is_visible() for part in ("#scaled", "#box")] == [True, True]
    page.get_by_role("button", name="Undo").click()
    assert answered(page) == alone


def test_an_empty_pad_says_so_and_undo_and_clear_lead_back_to_it(page):
    assert page.inner_text("#answer") == "The pad is empty: draw a digit, or take a test image."
    assert page.locator(".drawn:visible").count() == 0
    undo, clear = (page.get_by_role("button", name=name) for name in ("Undo", "Clear"))
    page.locator("#pad").click(button="right")  # for the browser's menu
    assert page.evaluate("pad.marks") == []
    draw(page, ONE)
    first = answered(page)
    draw(page, [(0.2, 0.2), (0.8, 0.3)])
    assert answered(page) != first
    undo.click()
    assert answered(page) == first
    undo.click()
    page.wait_for_selector("#draw-a-digit.blank")
    page.locator("#samples button").first.click()
    answered(page)
    clear.click()
    page.wait_for_selector("#draw-a-digit.blank")
    undo.click()  # of nothing
    page.wait_for_selector("#draw-a-digit.blank")


@pytest.mark.parametrize("places", SCRIBBLES.values(), ids=SCRIBBLES)
def test_a_scribble_resembles_neither_digit(page, places):
    draw(page, places)
    answered(page)
    assert page.inner_text("#answer").startswith("This resembles neither a 0 nor a 1.")
    assert page.locator("#answer").evaluate("words => getComputedStyle(words).fontWeight") == "700"
    page.get_by_role("button", name="Clear").click()
    page.wait_for_selector("#draw-a-digit.blank")
    assert page.locator("#answer").evaluate("words => getComputedStyle(words).fontWeight") == "400"


@pytest.mark.parametrize("lower", ["Space", "Enter"])
def test_the_pen_is_moved_by_keys(page, lower):
    page.keyboard.press("Tab")  # by a key, so that the focus is shown
    page.locator("#pad").focus()
    assert page.locator("#pen").is_visible()
    for key in ["ArrowUp"] * 7 + [lower] + ["ArrowDown"] * 14 + [lower] + ["ArrowLeft"] * 5:
        page.keyboard.press(key)
    assert answered(page)[0] == 1
    ((x, y),) = page.evaluate("pad.marks.map(({ places }) => places.at(-1))")  # lifted before it went to the left
    assert (x, y) == (140, pytest.approx(210))
    page.keyboard.press("Alt+ArrowLeft")  # is the browser's
    page.keyboard.press("Escape")
    page.wait_for_selector("#draw-a-digit.blank")
    page.keyboard.press(lower)
    page.locator("#undo").focus()
    assert not page.locator("#pen").is_visible()
    page.locator("#pad").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("pad.marks.map(({ places }) => places.length)") == [1]  # it was lifted when the focus left


def test_a_dot_is_drawn_and_the_pen_of_the_keys_does_not_join_the_mouses_line(page):
    page.locator("#pad").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.locator("#pad").click(position={"x": 40, "y": 40})
    page.keyboard.press("ArrowDown")
    assert page.evaluate("pad.marks.map(({ places }) => places.length)") == [2, 1]
    answered(page)
    ink = array(page, "pad.ink()", 280, 280)
    assert ink[30:40, 30:40].sum() > 50  # where it was clicked


def test_the_answer_is_read_out_when_the_drawing_has_not_changed_for_a_moment(page):
    page.evaluate("clearTimeout(pad.answer.timer)")  # what was there before
    page.clock.install()
    page.evaluate("document.getElementById('said').textContent = ''")
    draw(page, ONE)
    assert page.locator("#said").text_content() == ""
    page.clock.run_for(1000)
    assert page.locator("#said").text_content() == page.inner_text("#answer")


def test_a_second_finger_neither_draws_nor_stops_the_first(short_run, visit):
    page = at_work(visit(short_run / "report.html", width=390, has_touch=True, is_mobile=True))
    first, second, third, other = on_screen(page, [(0.5, 0.2), (0.5, 0.5), (0.5, 0.8), (0.9, 0.2)])
    devices = page.context.new_cdp_session(page)
    one = {"id": 0, "x": first[0], "y": first[1]}
    two = {"id": 1, "x": other[0], "y": other[1]}

    def touch(kind, *points):
        devices.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", one)
    touch("touchStart", one, two)
    touch("touchMove", one | {"y": second[1]}, two | {"y": other[1] + 9})
    page.evaluate("pad.canvas.dispatchEvent(new PointerEvent('pointerup', { pointerId: 99 }))")  # of the second
    touch("touchMove", one | {"y": third[1]}, two | {"y": other[1] + 9})
    touch("touchEnd")
    (places,) = page.evaluate("pad.marks.map(({ places }) => places)")
    assert [x for x, _ in places] == pytest.approx([140] * len(places), abs=2)
    assert places[-1][1] == pytest.approx(224, abs=2)


def test_a_drawing_is_printed_and_an_empty_pad_is_not(page):
    page.emulate_media(media="print")
    assert not page.locator("#draw").is_visible()
    page.locator("#samples button").first.evaluate("button => button.click()")
    answered(page)
    seen = [page.locator(part).is_visible() for part in ("#pad", "#input", ".layer", "#samples", ".tools")]
    page.emulate_media(media="screen")
    assert seen == [True, True, True, False, False]


@pytest.mark.parametrize("pointer", ["touch", "pen"])
def test_a_finger_and_a_pen_draw_to_the_end_and_do_not_scroll(short_run, visit, pointer):
    page = at_work(visit(short_run / "report.html", width=390, has_touch=True, is_mobile=True))
    points = on_screen(page, np.linspace(ONE[0], ONE[-1], 9))
    before = page.evaluate("window.scrollY")
    devices = page.context.new_cdp_session(page)

    def send(kind, x, y):
        if pointer == "touch":
            where = [] if kind == "End" else [{"x": x, "y": y}]
            devices.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": where})
        else:
            name = {"Start": "mousePressed", "Move": "mouseMoved", "End": "mouseReleased"}[kind]
            pressed = {"button": "left", "buttons": int(kind != "End"), "clickCount": 1, "pointerType": "pen"}
            devices.send("Input.dispatchMouseEvent", {"type": name, "x": x, "y": y, **pressed})

    send("Start", *points[0])
    for point in points[1:]:
        send("Move", *point)
    send("End", *points[-1])
    assert answered(page)[0] == 1
    assert page.evaluate("pad.marks.map(({ places }) => places.at(-1))") == [pytest.approx(280 * ONE[-1], abs=2)]
    assert page.evaluate("window.scrollY") == before


def test_of_large_images_the_distances_are_numpys_too(tmp_path, visit):
    """Of 61 rows, which squares of 2 do not fill."""
    folder = write_folder(tmp_path / "made", [0, 1] * 10, [0, 1] * 3, side=61)
    run = untrained_run(tmp_path, f"data: {{directory: {folder}}}\nmodel: {{hidden_sizes: []}}\n")
    page = at_work(visit(report.write(run)))
    page.locator("#samples button").first.click()
    page.wait_for_selector("#draw-a-digit:not(.blank)")
    X = np.array(page.evaluate("Array.from(pad.answer.network.activations[0])"))[np.newaxis]
    training = idx.read(folder / "train-images-idx3-ubyte").reshape(20, -1)
    unit = novelty.features(np.concatenate([255 * X, training]), (61, 61))
    distances = np.sqrt(2 - 2 * unit[1:] @ unit[0])
    assert f"20 training images: {distances.min():.2f};" in page.inner_text("#distance")
    expected = [f"training image {k}, " for k in np.argsort(distances)[:3]]
    shown = page.locator("#nearest canvas").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert [label[: len(start)] for label, start in zip(shown, expected, strict=True)] == expected
