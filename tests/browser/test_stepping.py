"""Promises of circuit pages in a browser: each step shows the graph's numbers, however you reach it."""

import re
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mlp.circuits.drawing.picture import drawn
from mlp.circuits.notation import rows_of
from tests.browser.circuit_pages import SHOWN, write_page

FAN_OUT = "a = x * x; b = sigmoid(x); f = a * b + b", ["x=0.5"]
CIRCUITS = {
    "fan-out": FAN_OUT,
    "arrays": ("Z = X @ W + b", ["X=[[1, 2], [3, 4]]", "W=[[1, 0], [0, 1]]", "b=[10, 20]"]),
    "tie and a dead end": ("q = exp(y); f = max(x, y) * 3", ["x=2", "y=2"]),
    "gates of three inputs": ("f = max(sqrt(x), abs(y), 2) + add(x, tanh(z), z)", ["x=16", "y=-3", "z=1"]),
    "class index": ("L = svm_loss(s, y) / 2", ["s=[3.2, 5.1, -1.7]", "y=0"]),
}
LATER = 60_000
"""Milliseconds of the page's clock in which Play surely ends."""


@pytest.fixture(scope="module")
def fan_out(tmp_path_factory):
    """A page that several tests open."""
    return write_page(tmp_path_factory.mktemp("page"), *FAN_OUT)[1]


def shown(page):
    """The numbers that are visible in the drawing."""
    return page.evaluate(SHOWN)


def shown_on_the_way(page, name, times):
    """The same, the counter, the phase and how many lines are current, after each press of a button."""
    button = page.get_by_role("button", name=name, exact=True)
    return button.evaluate(
        f"""(button, times) => Array.from({{ length: times }}, () => {{
            button.click();
            return [{SHOWN}, document.querySelector(".chosen .counter").textContent,
                    document.querySelector(".chosen .phase").textContent,
                    document.querySelectorAll(".line[aria-current]").length];
        }})""",
        times,
    )


def counter(page):
    """The step and the last step, as the page shows them."""
    return tuple(map(int, re.findall(r"\d+", page.locator(".chosen .counter").inner_text())))


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click(force=True)  # where it has no effect, too


def of_the_graph(circuit, what, nodes):
    """The numbers of these nodes, named as in the drawing."""
    arrays = {node: circuit.graph.value(node.name) if what == "value" else circuit.gradient(node) for node in nodes}
    lines = {node: rows_of(array) for node, array in arrays.items() if array is not None}
    return {f"{what}-{node.index}-{row}": line for node, rows in lines.items() for row, line in enumerate(rows)}


@pytest.mark.parametrize("name", CIRCUITS)
def test_next_to_the_end_shows_the_graphs_numbers_and_back_takes_them_away(visit, tmp_path, name):
    circuit, path = write_page(tmp_path, *CIRCUITS[name])
    page = visit(path, reduced_motion="reduce")
    nodes = drawn(circuit.graph)
    given = shown(page)
    assert given == of_the_graph(circuit, "value", [node for node in nodes if node.gate is None])
    _, last = counter(page)
    way = shown_on_the_way(page, "Next", last + 1)  # once more than there are steps
    forward = sum(node.gate is not None for node in circuit.graph.nodes)
    phases = [f"forward {step} of {forward}" for step in range(1, forward + 1)]
    phases += [f"backward {step} of {last - forward}" for step in range(1, last - forward + 1)]
    steps = [[f"step {step} of {last}", phase, 1] for step, phase in enumerate(phases, 1)]
    assert [told for _, *told in way] == [*steps, steps[-1]]
    seen = [given, *(numbers for numbers, *_ in way)]
    assert all(before != after for before, after in pairwise(seen[:-1]))
    assert (
        seen[-1] == seen[-2] == of_the_graph(circuit, "value", nodes) | of_the_graph(circuit, "gradient", circuit.nodes)
    )
    assert seen[forward] == of_the_graph(circuit, "value", nodes)
    back = shown_on_the_way(page, "Back", last)
    assert [numbers for numbers, *_ in back] == seen[-3::-1]
    assert back[-1][2] == "inputs"


def test_a_sum_grows_part_by_part_and_the_step_says_how(visit, fan_out):
    """For f = x^2 b + b with b = sigmoid(x): b (1 - b) (x^2 + 1) comes by b, and b x by either x of x^2."""
    page = visit(fan_out, fragment="#step=2")
    press(page, "Last step")
    rows = zip(page.locator(".step dt").all_text_contents(), page.locator(".step dd").all_inner_texts(), strict=True)
    assert dict(rows) == {
        "rule": "multiply: C = A * B, dB = dC * A",
        "here": "dx += da * x",
        "upstream gradient": "da = 0.6225",
        "local gradient": "∂a/∂x = x = 0.5",
        "upstream × local": "dx += 0.6225 * 0.5 = 0.3112",
        "sum": "dx = 0.605 + 0.3112 = 0.9162",
    }
    assert page.locator(".step dl").evaluate("list => list.innerText").startswith("Rule")
    assert page.locator("[data-says=note]").inner_text().startswith("x fans out")
    assert page.locator(".line[aria-current]").inner_text().startswith("dx += da * x")
    assert page.locator(".at-work").count() == 3
    assert page.locator(".new").text_content().strip() == "0.9162"


def test_play_goes_to_the_end_and_stops_and_a_pause_holds(visit, fan_out):
    page = visit(fan_out, own=True)  # its clock stays
    page.clock.install()
    page.reload()
    last = counter(page)[1]
    press(page, "Play")
    page.clock.run_for(2_000)
    press(page, "Pause")
    held = counter(page)[0]
    assert 0 < held < last
    page.clock.run_for(LATER)
    assert counter(page)[0] == held
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Space")
    page.clock.run_for(LATER)
    assert counter(page) == (last, last)
    assert page.get_by_role("button", name="Play").is_visible()


def test_keys_and_the_slider_step_and_the_address_follows_without_history(visit, fan_out):
    page = visit(fan_out)
    before = page.evaluate("history.length")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert counter(page)[0] == 4
    assert page.url.endswith("#step=4")
    page.locator(".drawing").focus()
    page.keyboard.press("ArrowRight")  # scrolls the drawing
    assert counter(page)[0] == 4
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert counter(page)[0] == 5
    assert slider.get_attribute("aria-valuetext") == "step 5 of 12, backward 1 of 8"
    page.keyboard.press("End")
    assert counter(page)[0] == counter(page)[1]
    assert page.evaluate("history.length") == before


def test_a_mark_under_the_slider_stands_where_forward_ends(visit, fan_out):
    """Under the knob, which is found by its colour in a row above the slider's track."""
    page = visit(fan_out, fragment="#step=4")
    assert page.locator(".chosen .phase").inner_text() == "forward 4 of 4"
    slider, mark = (page.locator(f".chosen .slider > {part}").bounding_box() for part in ("input", "span"))
    image = Image.open(BytesIO(page.screenshot(clip=slider))).convert("RGB")
    row = np.asarray(image)[round(slider["height"] / 2) - 6].astype(int)
    (knob,) = np.nonzero(row[:, 2] - row[:, 0] > 50)
    assert 3 <= len(knob) <= 16
    assert knob.mean() + 0.5 + slider["x"] == pytest.approx(mark["x"] + mark["width"] / 2, abs=1.5)
    assert mark["height"] > 4
    page.mouse.click(mark["x"] + 1, slider["y"] + slider["height"] / 2)
    assert counter(page)[0] == 4


@pytest.mark.parametrize(
    ("fragment", "step"), [("#step=3", 3), ("#step=999999999999999999999", "last"), ("#step=-1", 0), ("#%zz", 0)]
)
def test_an_address_opens_its_step_or_the_nearest(visit, fan_out, fragment, step):
    page = visit(fan_out, fragment=fragment)
    found, last = counter(page)
    assert found == (last if step == "last" else step)
    assert page.url.endswith(f"#step={found}")
    page.evaluate("location.hash = 'step=2'")
    page.wait_for_function("chosen.step === 2")


def test_the_gallery_shows_the_circuit_and_step_of_its_address_and_back_returns(visit, gallery):
    page = visit(gallery, fragment="#sum-times/4")
    assert page.locator(".circuit:visible").count() == 1
    assert (page.locator("#choice").input_value(), counter(page)) == ("sum-times", (4, 7))
    press(page, "Next")
    page.locator("#choice").select_option("staged")
    page.wait_for_function("chosen.name === 'staged'")
    assert counter(page)[0] == 0
    press(page, "Next")
    assert page.url.endswith("#staged/1")
    page.go_back()
    page.wait_for_function("chosen.name === 'sum-times'")
    assert counter(page)[0] == 5
    page.go_forward()
    page.wait_for_function("chosen.name === 'staged'")
    assert counter(page)[0] == 1
    page.evaluate("location.hash = 'nonsense/3'")
    page.wait_for_function("chosen.name === 'multiply'")
    assert counter(page)[0] == 3


def test_a_wide_circuit_is_scrolled_in_its_place_to_what_is_at_work_and_stays_readable(visit, gallery):
    page = visit(gallery, width=390, fragment="#xor-network/0", reduced_motion="reduce")
    press(page, "Last step")
    press(page, "First step")
    for step in (1, 12, 20, 28):
        page.evaluate(f"chosen.moveTo({step})")
        frame, new = page.locator(".chosen .drawing").bounding_box(), page.locator(".chosen .new").first.bounding_box()
        assert frame["x"] - 1 <= new["x"] <= new["x"] + new["width"] <= frame["x"] + frame["width"] + 1
    scale = page.evaluate("document.querySelector('.chosen svg').getScreenCTM().a")
    assert 9 * scale >= 9


def test_without_scripts_and_on_paper_everything_is_there(visit, gallery, fan_out):
    page = visit(gallery, java_script_enabled=False)
    assert page.locator(".circuit:visible").count() == page.locator(".circuit").count() > 19
    assert page.locator(".controls:visible").count() == 0
    page = visit(fan_out)
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".controls:visible").count() == 0
    assert page.locator("svg [id*=-gradient-]").count() == len([*filter(re.compile("gradient").match, shown(page))])
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not any("gradient" in number for number in shown(page))


FIRST, MIDDLE, LAST = 0, 6, 999
STEPS = {(390, True): (FIRST, LAST), (1280, False): (MIDDLE,), (390, False): (MIDDLE,), (1280, True): (FIRST, LAST)}
"""Checked by axe, which takes half a second: each width and each colour scheme at the first, a middle, the last step.

The first two entries are those of the default run."""


def test_a_page_is_accessible(visit, fan_out, look, accessible):
    page = visit(fan_out, reduced_motion="reduce", **look)
    for step in STEPS[look["width"], look["dark"]]:
        page.evaluate(f"chosen.moveTo({step})")
        accessible(page)


@pytest.mark.one_look
def test_the_gallery_is_accessible(visit, gallery, look, accessible):
    """Its parts are those of the page above, and the menu and the Jacobian."""
    page = visit(gallery, reduced_motion="reduce", fragment=f"#jacobian-product/{LAST}", **look)
    page.evaluate("document.querySelectorAll('.circuit:not(.chosen)').forEach((hidden) => hidden.remove())")  # time
    accessible(page)
