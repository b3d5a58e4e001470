"""Promises of the exercise on circuit pages: it tells a mistake from what follows from it, and never the answer."""

import pytest

from mlp.circuits.examples import EXAMPLES
from mlp.circuits.expression import parse
from tests.browser.circuit_pages import (
    HIDE,
    HIDE_VALUES,
    SHOWN,
    answer,
    enter,
    open_tool,
    park_miller,
    press,
    text,
    texts,
    tick,
    whole_number,
    write_page,
)

SUM_TIMES = "q = x + y; f = q * z", ["x=-2", "y=5", "z=-4"]
"""By hand: q = 3, f = -12, dq = dx = dy = z = -4, dz = q = 3."""
RIGHT = "Right."
TIMES_A, TIMES_B = (f"multiply: C = A * B, d{x} = dC * {y}, here" for x, y in ["AB", "BA"])


@pytest.fixture(scope="module")
def sum_times(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), *SUM_TIMES)[1]


@pytest.fixture
def exercise(visit, tmp_path):
    """Open the page of an expression, in exercise mode."""

    def exercise(text, *values, mode="gradients"):
        return visit(write_page(tmp_path, text, values)[1], fragment=f"#step=0&exercise={mode}")

    return exercise


def asked(page):
    return page.evaluate("chosen.exercise.asked.map(({ label }) => label)")


def follows(*labels):
    return f"Follows from your {' and '.join(labels)}: the rule is right here."


def test_three_answers_right_one_mistake_and_one_with_consequences(visit, sum_times):
    page = visit(sum_times)
    open_tool(page, "Exercise")
    tick(page, HIDE)
    assert asked(page) == ["dq", "dz", "dx", "dy"]
    assert text(page, ".score") == "0 of 4 right."
    assert set(answer(page, dy="-4", dz="3", dx="-4", dq="-4").values()) == {RIGHT}
    assert text(page, ".score") == "All 4 right."
    assert answer(page, dz="5") == {
        "dq": RIGHT,
        "dz": f"{TIMES_B} df * q. Multiply your dz by 0.6.",
        "dx": RIGHT,
        "dy": RIGHT,
    }
    assert text(page, ".score") == "3 of 4 right. First mistake: dz."
    assert answer(page, dx="4", dz="3", dy="4", dq="4") == {
        "dq": f"{TIMES_A} df * z. Multiply your dq by -1.",
        "dz": RIGHT,
        "dx": follows("dq"),
        "dy": follows("dq"),
    }
    assert text(page, ".score") == "1 of 4 right. First mistake: dq. Wrong only because of it: dx, dy."
    assert answer(page, dz="5", dx="7", dy="")["dx"] == "add: C = A + B, dA = dC, here dq. Multiply your dx by 0.5714."
    assert text(page, ".score") == "0 of 4 right. First mistake: dq. Other mistakes: dz, dx."
    assert answer(page, dq="0")["dq"] == f"{TIMES_A} df * z. dq is not 0."
    tick(page, HIDE)
    assert (texts(page, ".worksheet :visible"), texts(page, ".score:visible")) == ([], [])
    press(page, "Last step")
    assert page.evaluate(SHOWN)["gradient-2-0"] == "-4"


def test_values_too_a_wrong_value_makes_gradients_follow(exercise):
    """By hand: q = 3, p = -12, f = -36, dp = q = 3, dq = p + dp z = -24."""
    page = exercise("q = x + y; p = q * z; f = p * q", "x=-2", "y=5", "z=-4")
    tick(page, HIDE)
    tick(page, HIDE_VALUES)
    assert page.get_by_role("checkbox", name=HIDE).is_checked()
    assert asked(page) == ["q", "p", "f", "dp", "dq", "dz", "dx", "dy"]
    assert {key for key, text in page.evaluate(SHOWN).items() if text == "?"} == {
        f"{what}-{node}-0" for what, nodes in [("value", "245"), ("gradient", "01234")] for node in nodes
    }
    verdicts = answer(page, q="4", p="-12", f="-48", dp="4", dq="-28")
    assert verdicts["q"] == "add: C = A + B, here x + y. Multiply your q by 0.75."
    assert (verdicts["p"], verdicts["f"], verdicts["dp"]) == (RIGHT, follows("q"), follows("q"))
    assert verdicts["dq"] == follows("dp")
    assert text(page, ".score") == "1 of 8 right. First mistake: q. Wrong only because of it: f, dp, dq."


def test_a_fan_out_is_asked_for_its_sum_by_the_rules_of_all_its_uses(exercise):
    """By hand: f = x + x y has dx = 1 + y = -3, which is known after da."""
    page = exercise("a = x * y; f = x + a", "x=3", "y=-4")
    assert asked(page) == ["da", "dx", "dy"]
    assert answer(page, da="1", dx="2")["dx"] == (
        "x fans out: add up its gradients. "
        "multiply: C = A * B, dA = dC * B, here da * y; add: C = A + B, dA = dC, here df. Multiply your dx by -1.5."
    )
    assert answer(page, da="2", dx="-7", dy="6") == {
        "da": "add: C = A + B, dB = dC, here df. Multiply your da by 0.5.",
        "dx": follows("da"),
        "dy": follows("da"),
    }
    assert answer(page, da="", dx="-3")["dx"] == RIGHT


def test_what_is_infinite_is_not_judged(exercise):
    page = exercise("q = log(x); f = q * y", "x=2", "y=3")
    enter(page, "x", "0")
    assert answer(page, dq="3", dx="5", dy="5") == {"dq": RIGHT, "dy": "", "dx": ""}
    enter(page, "x", "-1")  # q is not a number, and so is dy
    assert answer(page, dq="3", dy="5")["dq"] == RIGHT


def test_what_would_follow_from_a_mistake_may_be_infinite(exercise):
    """By hand: p = 2, q = log(2) = 0.693, dq = 3, dp = 3 / 2; the log of a wrong p is -inf or not a number."""
    page = exercise("p = x - y; q = log(p); f = q * z", "x=3", "y=1", "z=3", mode="all")
    for p in ("0", "-2"):
        verdicts = answer(page, p=p, q="5", dq="3", dp="7")
        assert verdicts["q"] == "log: C = np.log(A), here np.log(p). Multiply your q by 0.1386."
        assert verdicts["dp"].startswith("log: C = np.log(A), dA = dC / A, here dq / p. ")
        assert answer(page, q="0.693")["q"] == RIGHT


def verdicts(page, label, *texts):
    """The verdict of each of these texts as the answer."""
    return [answer(page, **{label: text})[label] for text in texts]


def test_a_tiny_number_is_right_as_0_but_not_with_the_wrong_sign(exercise):
    """By hand: dx = y = 4e-5 and dy = x = 1."""
    page = exercise("f = x * y", "x=1", "y=4e-5")
    assert verdicts(page, "dx", "0", "4e-5", "0.00041") == [RIGHT] * 3
    assert verdicts(page, "dx", "-4e-4") == [f"{TIMES_A} df * y. Multiply your dx by -0.1."]


def test_two_per_cent_off_is_still_right_and_so_is_what_follows_from_it(visit, sum_times):
    """By hand: dq = -4 and dx = dq; 2.5 % off is -4.1, and 1.5 % off from a dq that is 1.5 % off is -4.12."""
    page = visit(sum_times, fragment="#step=0&exercise=gradients")
    assert verdicts(page, "dq", "-4.06", "-3.94") == [RIGHT] * 2
    assert [one != RIGHT for one in verdicts(page, "dq", "-4.1", "-3.9")] == [True] * 2
    assert answer(page, dx="-4.12")["dx"].startswith("add: ")
    assert answer(page, dq="-4.06")["dx"] == RIGHT


def test_fractions_commas_and_a_real_minus_sign_are_numbers(exercise):
    """By hand: dx = y = -1/3 and dy = x = 4.5."""
    page = exercise("f = x * y", "x=4.5", "y=-0.333333333")
    assert verdicts(page, "dx", "-1/3", "\N{MINUS SIGN}1/3", "1 / -3", "-0,333", "-3333e-4") == [RIGHT] * 5
    assert verdicts(page, "dx", "1/3") == [f"{TIMES_A} df * y. Multiply your dx by -1."]
    unread = ["a third", "1/2/3", "1/", "1/0", "/3", "1,000.5", "--1"]
    assert verdicts(page, "dx", *unread) == ["dx must be a number, such as 0.5 or 1/3."] * len(unread)
    answer(page, dx="-1/3", dy="4,5")
    assert text(page, ".score") == "All 2 right."
    page.reload()
    assert text(page, ".score") == "All 2 right."


def test_a_sum_without_one_of_its_parts_is_wrong_however_small_that_is(visit, gallery):
    """In the staged example x fans out to num, xpy, and sigx; the last part is smaller than a thousandth of the sum."""
    example = EXAMPLES["staged"]
    random = park_miller(7)
    y, x = whole_number(random), whole_number(random)
    circuit = parse(example.expression, {"x": x, "y": y})
    circuit.run()
    num, xpy, sigx = (circuit.node(name).gradient.item() for name in ("num", "xpy", "sigx"))
    value = circuit.node("sigx").value.item()
    parts = [num, xpy, sigx * value * (1 - value)]
    page = visit(gallery, fragment=f"#staged/0&seed=7&exercise=gradients?dx={sum(parts):.3g}")
    assert page.evaluate("chosen.exercise.asked.find(({ label }) => label === 'dx').state") == "right"
    for without in parts:
        (found,) = verdicts(page, "dx", repr(sum(parts) - without))
        assert found.startswith("x fans out: add up its gradients. ")


def test_nothing_follows_from_numbers_that_lead_to_something_undefined(exercise):
    """By hand: q = 3 and f = 1/3; 1/0 is infinite. In the other, 0/0 is not a number."""
    page = exercise("q = x + y; f = 1 / q", "x=-2", "y=5", mode="all")
    assert answer(page, q="0", f="-123")["f"].endswith("Multiply your f by -0.00271.")
    page = exercise("q = x + y; p = x * y; f = p / q", "x=-2", "y=5", mode="all")
    assert answer(page, q="0", p="0", f="-123")["f"].endswith("Multiply your f by 0.0271.")


FIELDS = "Array.from(document.querySelectorAll('.worksheet input'), ({ value }) => value)"


def test_answers_are_kept_until_the_numbers_are_others(visit, sum_times):
    page = visit(sum_times, fragment="#step=0&exercise=gradients?dq=-4&dz=a")
    for button in ("New numbers", "Original numbers"):
        for _ in range(2):
            tick(page, HIDE)
        assert page.evaluate(FIELDS) == ["-4", "a", "", ""]
        press(page, button)
        for _ in range(2):
            tick(page, HIDE)
        assert page.evaluate(FIELDS) == [""] * 4
        answer(page, dq="-4", dz="a")


def test_arrays_whose_numbers_are_not_shown_are_not_asked_for(exercise):
    page = exercise("f = sum(x * w) * y", "x=[1, 2, 3, 4, 5]", "w=[1, 0, 1, 0, 1]", "y=2")
    assert not {"dx", "dw"} & set(asked(page))
    assert "dy" in asked(page)


def test_an_exercise_stops_play(visit, sum_times):
    page = visit(sum_times)
    press(page, "Play")
    assert page.evaluate("chosen.timer") is not None
    open_tool(page, "Exercise")
    tick(page, HIDE)
    assert page.evaluate("chosen.timer") is None


def test_arrays_zeros_ties_and_class_indices(exercise):
    """By hand: each entry of dW is an x, those of dx are sums of rows of W; rounded numbers count as right."""
    page = exercise(
        "q = exp(v); Z = x @ W; L = svm_loss(s, y); f = sum(Z) + 3 * max(a, b) + 0 * w + L",
        *["v=1", "x=[3, -2]", "W=[[1, 2], [0.125, 0.5]]", "s=[3.5, 5, -1.75]", "y=0", "a=2", "b=2", "w=5"],
    )
    assert {"dv", "dq", "dx", "dW", "ds", "da", "db", "dw"} < set(asked(page))
    assert "dy" not in asked(page)
    verdicts = answer(page, **{"dx[0]": "3", "dx[1]": "0.63", "dW[0, 0]": "3", "dW[0, 1]": "3", "dW[1, 0]": "2"})
    assert verdicts["dx"] == RIGHT
    assert (
        verdicts["dW"] == "matmul: C = A @ B, dB = np.outer(A, dC), here np.outer(x, dZ). Multiply your dW[1, 0] by -1."
    )
    states = page.evaluate(
        "chosen.exercise.asked.find(({ label }) => label === 'dW').fields.map((one) => one.className)"
    )
    assert states == ["right", "right", "wrong", "open"]
    verdicts = answer(page, dv="0", dq="0", da="3", db="0", dw="0", **{"ds[0]": "-1", "ds[1]": "1", "ds[2]": "0"})
    assert [verdicts[label] for label in ("dv", "dq", "da", "db", "dw", "ds")] == [RIGHT] * 6
    assert answer(page, db="3")["db"].startswith("max: ")


WORDS = """() => {
    const section = chosen.section;
    const attributes = [...section.querySelectorAll("*")].flatMap((part) => [...part.attributes])
        .filter(({ name }) => name.startsWith("aria") || name.startsWith("data") || name === "title");
    return [section.innerText, ...attributes.map(({ value }) => value),
            ...Array.from(section.querySelectorAll("svg text"), ({ textContent }) => textContent)].join("\\n");
}"""


def test_an_answer_is_nowhere_while_it_is_hidden(visit, gallery):
    """In the example with the Jacobian, which says the gradients of z1 and z2; pointed at, typed, and on paper."""
    page = visit(gallery, fragment="#jacobian-product/999")
    open_tool(page, "Exercise")
    for label in (HIDE, HIDE_VALUES):
        tick(page, label)
        answers = page.evaluate(
            "chosen.exercise.asked.flatMap(({ what, node }) => Array.from(flat(node[what]), (x) => rounded(x)))"
        )
        distinct = {one for one in answers if len(one.lstrip("-").replace(".", "")) > 3}
        assert len(distinct) > 5
        answer(page, dz1="7", dz2="-7")
        page.evaluate("for (const number of chosen.drawing.numbers) chosen.drawing.point(number)")
        found = page.evaluate(WORDS)
        assert "dz1: your answer, 7 ✗" in found
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        found += page.evaluate(WORDS)
        assert [one for one in distinct if one in found] == []
        page.emulate_media(media="screen")


def test_new_numbers_clear_the_answers_and_a_changed_input_judges_anew(visit, sum_times):
    page = visit(sum_times, fragment="#step=0&exercise=gradients?dq=-4&dz=3")
    assert text(page, ".score") == "2 of 4 right."
    enter(page, "z", "2")
    assert text(page, ".score") == "1 of 4 right. First mistake: dq."
    enter(page, "z", "-4")
    assert text(page, ".score") == "2 of 4 right."
    press(page, "New numbers")
    assert text(page, ".score") == "0 of 4 right."
    assert {one.input_value() for one in page.locator(".worksheet input").all()} == {""}


FOCUSED = """(({ ariaLabel, labels, innerText }) => (
    ariaLabel ?? labels?.[0]?.innerText ?? innerText).trim())(document.activeElement)"""


def test_the_keyboard_alone_solves_it(visit, sum_times):
    page = visit(sum_times)

    def tab_to(name):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED) == name:
                return
        pytest.fail(f"Tab does not lead to {name}")

    tab_to("Exercise")
    page.keyboard.press("Enter")
    tab_to(HIDE)
    page.keyboard.press("Space")
    tab_to("drawing")
    page.keyboard.press("Tab")  # of its numbers one is a stop
    assert page.evaluate(FOCUSED) == "x = -2: an input"
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "dq"
    page.keyboard.press("Shift+Tab")
    for label, number in [("dq", "-4"), ("dz", "3"), ("dx", "-4"), ("dy", "-4")]:
        tab_to(label)
        page.keyboard.type(number)
    page.keyboard.press("Enter")
    assert text(page, ".score") == "All 4 right."


def test_all_tools_open_half_answered_and_with_trouble_it_is_accessible(visit, tmp_path, look, accessible):
    _, path = write_page(
        tmp_path, "q = log(x) + y; Z = X @ W; f = sum(Z) * q", ["x=2", "y=5", "X=[[1, 2]]", f"W={[[1] * 10] * 2}"]
    )
    page = visit(path, fragment="#step=3", reduced_motion="reduce", **look)
    for name in ("Inputs", "Gradient descent", "Exercise"):
        open_tool(page, name)
    press(page, "Step")
    if look["dark"]:
        tick(page, HIDE)  # which closes the step
        answer(page, dq="1", dy="1", dx="3")
    else:
        enter(page, "x", "-1")
        assert texts(page, ".trouble:visible") != []
    accessible(page)
