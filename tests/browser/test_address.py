"""Promises of the address of a circuit page: it has the page's state, and one that makes no sense does no harm."""

import pytest

import mlp
from tests.browser.circuit_pages import (
    HIDE,
    HIDE_VALUES,
    SHOWN,
    answer,
    enter,
    field,
    open_tool,
    press,
    text,
    tick,
    write_page,
)

NAMES = "a = rate * seed; ñ = a + step; f = ñ * exercise", ["rate=0.5", "seed=[1, 2]", "step=3", "exercise=-2"]
"""Names that the address, or the page, uses too."""
STATE = """[
    chosen.name, chosen.step, chosen.inputs.seed, chosen.exercise.mode,
    [...document.querySelectorAll(".chosen input")].map(({ checked, value }) => [checked, value]),
    Array.from(chosen.section.querySelectorAll("svg text"), ({ textContent }) => textContent),
    chosen.section.innerText,
]"""
"""What a reader sees of the chosen circuit, without its hidden parts."""


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), *NAMES)[1]


def test_numbers_seed_step_and_answers_survive_a_reload_whatever_the_names(visit, names):
    page = visit(names)
    entries = page.evaluate("history.length")
    press(page, "New numbers")
    for label, number in [("rate", "-0.25"), ("seed[1]", "1e-7"), ("step", "12"), ("exercise", "1e+22")]:
        enter(page, label, number)
    press(page, "First step")  # a changed number shows the last one
    for _ in range(3):
        press(page, "Next")
    assert page.url.startswith(names.as_uri() + "#step=3&seed=1?rate=-0.25&seed=")
    open_tool(page, "Exercise")
    tick(page, HIDE_VALUES)
    answer(page, **{"ñ[0]": "3", "da[1]": "-0.5", "dstep": "7"})
    before = page.evaluate(STATE)
    assert before[1:4] == [3, 1, "all"]
    values = [value for _, value in before[4]]
    assert {"-0.25", "1e-7", "12", "1e+22", "3", "-0.5", "7"} <= set(values)
    assert page.evaluate("location.hash === address()")
    page.reload()
    assert page.evaluate(STATE) == before
    press(page, "Original numbers")
    tick(page, HIDE)
    assert page.url == names.as_uri() + "#step=3"
    assert page.evaluate("history.length") == entries


def test_a_key_held_down_changes_the_address_no_more_often_than_browsers_allow(visit, names):
    """A hundred times in ten seconds; the last change is in the address a little later."""
    page = visit(names)
    count, waits, late = page.evaluate("""() => {
        const [replace, timers] = [history.replaceState.bind(history), []];
        let count = 0;
        history.replaceState = (...address) => { count += 1; replace(...address); };
        window.setTimeout = (run, time) => timers.push([run, time]);
        const field = document.querySelector(".fields input");
        for (let k = 1; k <= 200; k += 1) {
            field.value = k;
            field.dispatchEvent(new Event("input"));
        }
        const waits = timers.map(([, time]) => time);
        timers[0][0]();
        return [count, waits, location.hash];
    }""")
    assert 1 <= count <= min(waits) / 100
    assert late == "#step=10?rate=200"


HOSTILE = [
    "#step=2&seed=-1?nothing=3&rate=1,2&seed=5&step=&exercise=huge",
    "#step=2&seed=1e9&exercise=nonsense?rate=&seed=,&step=NaN&exercise=Infinity&f=3&a=1,2",
    "#step=2&seed=99999999999999?rate=1e999&step=10px&exercise=%3Cb%3E&seed=1,%E0%A4%A",
    "#step=2&__proto__=1?__proto__=1&constructor=2&rate=--1&toString=3&rate",
    "#step=2&seed=%zz?%zz=%&&==&rate=%",
    "#step=2&seed=?rate=1%2C2&step=one&exercise= ",
]


def test_what_makes_no_sense_in_an_address_is_left_out(visit, names):
    """``visit`` asserts that nothing is on the console."""
    page = visit(names, fragment=HOSTILE[0])
    found = page.evaluate(STATE)
    page.evaluate("() => { location.hash = '#step=2'; follow(); }")
    right = page.evaluate(STATE)
    assert found == right
    for fragment in HOSTILE:
        page.evaluate("(hash) => { location.hash = hash; follow(); }", fragment)
        assert page.evaluate(STATE) == right, fragment
        assert page.evaluate("location.hash") == "#step=2"


def test_in_the_gallery_each_circuit_has_its_own_state_and_back_returns_to_it(visit, gallery):
    page = visit(gallery, fragment="#softmax-loss/3")
    entries = page.evaluate("history.length")
    enter(page, "s[0]", "-2.5")
    enter(page, "y", "2")
    open_tool(page, "Exercise")
    tick(page, HIDE)
    answer(page, **{"ds[0]": "1", "ds[2]": "0.5"})
    field(page, "s[1]").evaluate("""(field) => {  // more often than the address may change
        for (let k = 1; k <= 30; k += 1) {
            field.value = k;
            field.dispatchEvent(new Event("input"));
        }
    }""")
    before = page.evaluate(STATE)
    page.locator("#choice").select_option("linear-svm")
    page.wait_for_function("chosen.name === 'linear-svm'")
    press(page, "Next")
    open_tool(page, "Inputs")
    enter(page, "y[2]", "1")
    assert page.url.endswith("#linear-svm/1?y=0,1,1,0")
    assert page.evaluate("history.length") == entries + 1
    page.locator("#choice").select_option("softmax-loss")
    page.wait_for_function("chosen.name === 'softmax-loss'")
    assert page.evaluate(STATE) == before
    page.go_back()
    page.wait_for_function("chosen.name === 'linear-svm'")
    page.go_back()
    page.wait_for_function("chosen.name === 'softmax-loss'")
    assert page.evaluate(STATE) == before
    for tail in ["y=3", "y=-1", "y=0.5", "y=1,2", "s=1,2", "s=1,2,3,4"]:
        page.evaluate("(tail) => { location.hash = `softmax-loss/3?${tail}`; follow(); }", tail)
        assert page.evaluate("[location.hash, ...chosen.inputs.leaves.map(({ value }) => String(flat(value)))]") == [
            "#softmax-loss/3",
            "3.2,5.1,-1.7",
            "0",
        ], tail


ON_PAPER = """circuits.map(({ section }) => [...section.querySelectorAll("svg [id]")]
    .filter((part) => /-(value|gradient)-/.test(part.id) && getComputedStyle(part).visibility === "visible")
    .map((part) => [part.id, part.textContent.trim()]))"""


def test_on_paper_the_gallery_has_all_numbers_of_circuits_that_were_never_opened(visit, gallery):
    """But for those of an exercise."""
    page = visit(gallery, fragment="#sum-times/0&exercise=all?q=7")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    printed, names = page.evaluate(f"[{ON_PAPER}, circuits.map(({{ name }}) => name)]")
    found = dict(zip(names, map(dict, printed), strict=True))
    assert [name for name, numbers in found.items() if not numbers] == []
    exercise = found.pop("sum-times")
    assert sorted(exercise.values()) == ["-2", "-4", "1", "5", "7 ✗", *["?"] * 5]
    assert "?" not in {number for numbers in found.values() for number in numbers.values()}
    assert found["multiply"] == {
        f"multiply-{key}-0": number
        for key, number in {
            "value-0": "4",
            "value-1": "-3",
            "value-2": "-12",
            "gradient-0": "-3",
            "gradient-1": "4",
            "gradient-2": "1",
        }.items()
    }
    everything = page.evaluate("circuits.map(({ drawing }) => drawing.numbers.length)")
    assert [len(numbers) for numbers in printed] == everything
    page.emulate_media(media="screen")


def test_in_a_notebook_the_address_is_left_alone_and_all_works(visit, tmp_path):
    path = tmp_path / "notebook.html"
    circuit = mlp.circuit("q = x + y; f = q * z", x=-2, y=5, z=-4)
    path.write_text(f"<!DOCTYPE html><title>notebook</title><body>{circuit._repr_html_()}", encoding="utf-8")
    page = visit(path)
    before = page.evaluate("[history.length, location.href]")
    frame = page.frames[1]
    enter(frame, "x", "1")
    press(frame, "Last step")
    assert frame.evaluate(SHOWN)["value-4-0"] == "-24"
    open_tool(frame, "Exercise")
    tick(frame, HIDE)
    answer(frame, dz="6", dq="4", dx="4")
    assert text(frame, ".score") == "1 of 4 right. First mistake: dq. Wrong only because of it: dx."
    press(frame, "New numbers")
    assert frame.evaluate("[location.href, location.hash]") == ["about:srcdoc", ""]
    assert page.evaluate("[history.length, location.href]") == before
