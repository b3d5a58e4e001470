"""Promises of mlp.pages.report, seen in a browser: everyone can read the page, and its points show their images."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from mlp.pages import report
from tests.browser.conftest import SAME, leftovers, watched
from tests.browser.test_pad import ONE, answered, array, draw
from tests.conftest import write_folder
from tests.pages.untrained import untrained_run


@pytest.fixture(scope="module")
def with_an_image(chromium, short_run):
    """The page with an image on the pad, so that all of its answer is there."""
    with watched(chromium) as visit:
        page = visit(short_run / "report.html")
        page.locator("#samples button").first.click()
        page.wait_for_selector("#draw-a-digit:not(.blank)")
        yield page


def test_everyone_can_read_it_anywhere(with_an_image, look, accessible):
    page = with_an_image
    page.set_viewport_size({"width": look["width"], "height": 900})
    page.emulate_media(color_scheme="dark" if look["dark"] else "light")
    accessible(page)
    figures = page.locator("svg").evaluate_all("all => all.filter((svg) => svg.getBoundingClientRect().height > 0)")
    assert len(figures) == 9


def test_nothing_sticks_out_of_it_on_the_smallest_phone_even_unfolded(with_an_image):
    with_an_image.set_viewport_size({"width": 320, "height": 700})
    with_an_image.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    width = with_an_image.evaluate("document.documentElement.scrollWidth")
    with_an_image.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = false; })")
    assert width == 320


def test_on_a_phone_the_pad_fills_the_width(with_an_image):
    with_an_image.set_viewport_size({"width": 390, "height": 900})
    pad, text = (with_an_image.locator(part).bounding_box() for part in (".paper", "#draw"))
    assert pad["width"] == text["width"] > 350


def test_ink_is_seen_on_the_pad_whatever_colours_the_reader_has_chosen(with_an_image):
    with_an_image.emulate_media(color_scheme="dark", forced_colors="active")
    paper = with_an_image.locator("#pad").evaluate("pad => getComputedStyle(pad).backgroundColor")
    with_an_image.emulate_media(forced_colors="none")
    assert paper == "rgb(255, 255, 255)"  # the ink is black


def test_it_is_half_as_high_as_it_was_and_paper_has_what_is_folded(short_run, visit):
    page = visit(short_run / "report.html")
    page.wait_for_selector(".scripted")
    assert page.evaluate("document.documentElement.scrollHeight") <= 6226 / 2
    folded = [page.get_by_text(words) for words in ("learning_rate: 1.0", "threadpoolctl")]
    assert not any(text.is_visible() for text in folded)
    page.emulate_media(media="print")
    assert all(text.is_visible() for text in folded)


def test_the_contents_lead_to_each_section_stay_in_sight_and_mark_the_current_one(short_run, visit):
    page = visit(short_run / "report.html")
    names = page.locator("main section").evaluate_all(
        "all => all.map((one) => `#${one.getAttribute('aria-labelledby')}`)"
    )
    links = page.locator(".contents a")
    assert links.evaluate_all("all => all.map((link) => link.hash)") == names
    current = page.locator(".contents [aria-current]")
    for name in ("Decision boundary", "Confusion matrix"):  # a high section, and the lowest one
        page.get_by_role("link", name=name).click()
        current.filter(has_text=name).wait_for()
        assert current.filter(has_text=re.compile("Confidence|Weights")).count() == 0  # those that follow
        assert page.locator(page.evaluate("location.hash")).bounding_box()["y"] == pytest.approx(0, abs=20)
        assert 0 <= current.first.bounding_box()["y"] < 900


def points_of(page, digit):
    """The places of a digit's points in the plane, in the window."""
    return page.evaluate(
        """(digit) => {
            const path = document.querySelector(`[data-digit="${digit}"]`);
            const toWindow = path.getScreenCTM();
            return Array.from(path.getAttribute("d").matchAll(/(-?[\\d.]+) (-?[\\d.]+)/g), ([, x, y]) => {
                const { x: right, y: down } = new DOMPoint(x, y).matrixTransform(toWindow);
                return [right, down];
            });
        }""",
        digit,
    )


def test_a_point_shows_its_image_and_can_be_pinned(short_run, visit, training_digits):
    page = visit(short_run / "report.html")
    plane = page.locator("#plane")
    plane.focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    caption = page.inner_text("#point")
    digit, index = re.fullmatch(r"a (\d), p = [\d.]+, training image (\d+)", caption).groups()
    position = int(np.flatnonzero(training_digits.indices == int(index))[0])
    assert int(digit) == training_digits.labels[position]
    drawn = page.evaluate("""() => {
      const canvas = document.querySelector("#pins canvas");
      return Array.from(canvas.getContext("2d").getImageData(0, 0, 28, 28).data).filter((_, k) => k % 4 == 0); }""")
    np.testing.assert_array_equal(255 - np.array(drawn), training_digits.pixels(np.array([position]))[0])
    ring = page.locator("#ring").bounding_box()
    middle = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    assert min(np.hypot(*(np.array(points_of(page, digit)) - middle).T)) < 0.5
    cards = page.locator("#pins li")
    assert cards.all_inner_texts() == [caption]  # pinned
    page.keyboard.press("ArrowUp")
    assert cards.count() == 2
    page.mouse.move(0, 0)
    page.mouse.click(*middle)
    assert page.inner_text("#point") == caption
    assert cards.all_inner_texts() == [caption]
    page.keyboard.press("Escape")
    assert cards.count() == 0


def used(page):
    """The page with a drawing on its pad, a pinned point and all parts open: every text is there."""
    page.wait_for_selector(".scripted")
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    draw(page, ONE)
    page.wait_for_selector("#draw-a-digit:not(.blank)")
    for key in ("ArrowRight", "Enter", "ArrowUp"):
        page.locator("#plane").press(key)
    page.mouse.move(0, 0)
    expect(page.locator("#said")).to_have_text(page.inner_text("#answer"))
    return page


def everything(page):
    """What a reader of the page sees or hears."""
    labels = "Array.from(document.querySelectorAll('[alt], [aria-label]'), (one) => one.alt ?? one.ariaLabel)"
    return page.inner_text("body"), page.evaluate(labels)


def test_in_chinese_all_of_it_is_and_a_switch_keeps_what_was_drawn_and_pinned(short_run, visit, accessible):
    page = visit(short_run / "report.html", locale="zh-CN")
    page.wait_for_selector(".scripted")
    assert page.inner_text("#answer") == "画板是空的：写一个数字，或者选一张测试图像。"
    used(page)
    assert re.fullmatch(r"网络预测为 1，概率 [\d.]+。", page.inner_text("#answer"))
    assert re.fullmatch(r"[01]，p = [\d.]+，训练图像 \d+", page.inner_text("#point"))
    assert {"训练", "验证", "轮次", "准确率", "激活值 Z3", "第一奇异方向"} <= set(
        page.locator("svg text").all_text_contents()
    )
    assert leftovers(page) == []
    accessible(page, SAME)
    ink = array(page, "pad.ink()")
    page.get_by_role("button", name="English").click()
    assert answered(page)[0] == 1
    assert np.array_equal(array(page, "pad.ink()"), ink)
    english = used(visit(short_run / "report.html"))
    assert everything(page) == everything(english)


def test_a_tap_shows_an_image_once_and_a_second_one_pins_it(short_run, visit):
    page = visit(short_run / "report.html", width=390, has_touch=True, is_mobile=True)
    page.locator("#plane").scroll_into_view_if_needed()
    cards, shown = page.locator("#pins li"), []
    for digit, taps in (("0", 2), ("1", 1), ("0", 1)):
        place = points_of(page, digit)[0]
        for _ in range(taps):
            page.touchscreen.tap(*place)
        shown.append(page.inner_text("#point"))
        pinned, *others = reversed(cards.all_inner_texts())
        assert pinned == shown[0]
        assert others == ([shown[1]] if shown[-1] != shown[0] else [])


@pytest.mark.parametrize(
    "options", [["model.hidden_sizes=[]"], ["model.hidden_sizes=[5, 3]", "training.precision=float64"]]
)
def test_any_network_on_any_images_has_its_page(options, tmp_path, here, visit, accessible):
    write_folder(tmp_path / "made", [1, 7] * 20, [1, 7] * 5, side=5)
    (tmp_path / "config.yaml").write_text(
        "data: {directory: made, digits: [7, 1], validation_fraction: 0}\noutput: {report: true}\n"
    )
    done = here("train.py", "--config", tmp_path / "config.yaml", "--output", tmp_path / "run", "--set", *options)
    assert done.returncode == 0, done.stderr
    page = visit(tmp_path / "run" / "report.html", width=390)
    page.locator("#samples button").first.click()
    page.wait_for_selector("#draw-a-digit:not(.blank)")
    accessible(page)
    assert page.inner_text("#distance").startswith("Distance to the nearest of 40 training images: ")
    assert "too few to say which drawings are unlike them" in page.inner_text("#distance")
    red = "rgb(197, 34, 31)"  # of the smaller digit, here the second
    assert "towards 1 (purple) or towards 7 (orange)" in page.inner_text("#pushes + span")
    assert page.locator("#share").evaluate("bar => getComputedStyle(bar).backgroundColor") == red
    dX, (red, _, blue) = page.evaluate(
        """() => {
            const dX = pad.answer.network.backward(0)[0];
            const k = dX.reduce((best, d, k) => (Math.abs(d) > Math.abs(dX[best]) ? k : best), 0);
            const copy = new OffscreenCanvas(5, 5).getContext("2d");
            copy.drawImage(document.querySelector("#pushes"), 0, 0);
            return [dX[k], Array.from(copy.getImageData(k % 5, Math.floor(k / 5), 1, 1).data).slice(0, 3)];
        }"""
    )
    assert (blue > red) == (dX > 0)  # purple pushes P up, towards the second digit, whichever it is
    assert "7 or 1?" in page.inner_text("h1")
    assert "a 1 is a red circle, a 7 a blue triangle" in page.inner_text(".plane-and-point p")


def test_of_any_network_and_images_the_page_has_at_most_three_megabytes(tmp_path, visit):
    """Of images that do not compress, and weights for which there is no room: it says so, and has all else."""
    folder = write_folder(tmp_path / "made", [0, 1] * 650, [0, 1] * 250, side=28)
    run = untrained_run(tmp_path, f"data: {{directory: {folder}}}\nmodel: {{hidden_sizes: [900]}}\n", epochs=3000)
    path = report.write(run)
    assert 1_000_000 < path.stat().st_size <= 3_000_000
    page = visit(path)
    assert "The network is too large for this page" in page.inner_text("#draw + p")
    page.locator("#plane").press("ArrowRight")
    assert page.locator("#pins canvas").count() == 1
    assert "the first 64 of 900 units" in page.inner_text("#weights + p")
