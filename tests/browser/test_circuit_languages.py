"""Promises of circuit pages in two languages: in Chinese nothing is in English, and a switch changes only texts."""

import pytest

from mlp.circuits.examples import EXAMPLES
from tests.browser.circuit_pages import HIDE, open_tool, press, text, texts, tick, write_page
from tests.browser.conftest import READ, SAME, WIDTHS
from tests.languages.english import in_english

GATES = "softmax loss", "svm loss"
"""The names of gates that have two words: rules have them, as the code has."""
TYPICAL = "staged", "reciprocal", "row-times-matrix", "softmax-loss"
"""Examples whose fields and answers have every text: numbers, arrays, a class index; one and several mistakes."""
WALK = f"""([name, tries]) => {{
    const read = {READ}, found = [];
    const add = (root = chosen.section) => found.push(...read(root));
    location.hash = `${{name}}/0`;
    follow();
    for (const part of chosen.section.querySelectorAll("details")) part.open = true;
    add();
    for (const step of chosen.steps.keys()) {{
        chosen.showStep(step);
        add(chosen.find(".step"));
        add(chosen.find(".controls"));
    }}
    for (const number of chosen.drawing.numbers) {{
        chosen.drawing.point(number);
        found.push(chosen.drawing.tip.textContent);
    }}
    add();
    if (!tries) return found;
    chosen.go("renew");
    chosen.go("descend");
    add();
    chosen.inputs.rate.value = "-1";
    chosen.go("descend");
    add();
    const [leaf] = chosen.inputs.leaves;
    for (const wrong of ["", "1e308"]) {{
        for (const field of leaf.fields) field.value = wrong;
        leaf.fields[0]?.oninput();
        add();
    }}
    chosen.go("original");
    const [gradients, values] = chosen.exercise.hides;
    values.checked = true;
    values.onchange();
    add();
    for (const wrong of ["a", "0", "123.4"]) {{
        for (const {{ fields }} of chosen.exercise.asked) for (const field of fields) field.value = wrong;
        chosen.changedAnswers();
        add();
    }}
    for (const {{ what, node, fields }} of chosen.exercise.asked) {{
        fields.forEach((field, k) => {{ field.value = flat(node[what])[k]; }});
    }}
    chosen.changedAnswers();
    add();
    gradients.checked = values.checked = false;
    gradients.onchange();
    return found;
}}"""
"""What a reader of a circuit sees and hears: each step and number; with ``tries`` also the fields and the exercise."""

NOTES = "chosen.steps.map((step) => SAYS[step.kind]({ ...step, of: chosen.of, output: chosen.graph.output }).note)"


def test_in_chinese_nothing_of_the_gallery_is_in_english_in_any_state(visit, gallery):
    page = visit(gallery, locale="zh-CN", reduced_motion="reduce")
    seen = {name: page.evaluate(WALK, [name, name in TYPICAL]) for name in [*EXAMPLES, "sigmoid-stages"]}
    left = {name: in_english(found, *GATES) for name, found in seen.items()}
    assert {name: found for name, found in left.items() if found} == {}
    page.get_by_role("button", name="English").click()
    assert len(in_english(page.evaluate(WALK, ["max-gate", False]), *GATES)) > 50


def test_in_chinese_nothing_is_in_english_at_ties_jacobians_and_where_no_gradient_arrives(visit, tmp_path):
    text = "q = max(x, y) + max(x, y, z); w = 3 * x; f = q + sum(softmax(s)) * 2"
    _, path = write_page(tmp_path, text, ["x=2", "y=2", "z=2", "s=[1, 2]"], upstream=2.0)
    page = visit(path, locale="zh-CN")
    assert in_english(page.evaluate(WALK, ["", True])) == []
    assert set(page.evaluate(NOTES)) > {
        "x 被多处使用：各支路传回的梯度累加起来。两个输入相等：梯度全部传给第一个输入。",
        "y 被多处使用：各支路传回的梯度累加起来。两个输入相等：梯度全部传给第一个输入，这一个得不到。",
        "最大的输入不止一个：梯度全部传给其中第一个。",
        "最大的输入不止一个：梯度全部传给其中第一个，这一个得不到。",
        "f 不依赖 w：导数是 0。",
        "各个导数都是 df * f 的导数。",
    }


@pytest.fixture(scope="module")
def sum_times(tmp_path_factory):
    """By hand: q = 3, f = -12, dq = dx = dy = z = -4, dz = q = 3."""
    return write_page(tmp_path_factory.mktemp("page"), "q = x + y; f = q * z", ["x=-2", "y=5", "z=-4"])[1]


def switch(page, to):
    page.get_by_role("button", name=to, exact=True).evaluate("(part) => part.click()")


def rows(page):
    return texts(page, ".step dt"), texts(page, ".step dd")


def test_a_step_in_chinese_and_after_a_switch_in_english(visit, sum_times):
    page = visit(sum_times, locale="zh-CN", fragment="#step=4")
    numbers = ["multiply: C = A * B, dA = dC * B", "dq = df * z", "df = 1", "∂f/∂q = z = -4", "dq = 1 * (-4) = -4"]
    assert (text(page, "[data-says=title]"), text(page, ".phase")) == ("反向传播：从 f 到 q", "反向 2/5")
    assert rows(page) == (["规则", "本步", "上游梯度", "局部梯度", "上游 × 局部"], numbers)
    assert text(page, "[data-says=about]") == "乘法门（转换器）：用另一个输入的值去乘梯度。"
    switch(page, "English")
    assert (text(page, "[data-says=title]"), text(page, ".phase")) == ("Backward: from f to q", "backward 2 of 5")
    assert rows(page) == (["Rule", "Here", "Upstream gradient", "Local gradient", "Upstream × local"], numbers)
    assert page.url.endswith("#step=4")


def test_a_switch_leaves_what_was_typed_and_found_and_play_goes_on(visit, sum_times):
    page = visit(sum_times, locale="zh-CN", fragment="#step=0&exercise=gradients?dq=4&dx=4")
    typed = page.get_by_label("dz", exact=True)
    typed.press_sequentially("3")  # and the field is not left yet
    assert texts(page, ".worksheet p")[::2] == [
        "multiply: C = A * B, dA = dC * B，这里是 df * z。把你的 dq 乘以 -1。",
        "由你的 dq 引起：这里的规则用对了。",
    ]
    assert text(page, ".score") == "共 4 题，答对 0 题。第一个错误：dq。仅由它引起的错误：dx。"
    switch(page, "English")
    assert texts(page, ".worksheet p")[::2] == [
        "multiply: C = A * B, dA = dC * B, here df * z. Multiply your dq by -1.",
        "Follows from your dq: the rule is right here.",
    ]
    assert text(page, ".score") == "1 of 4 right. First mistake: dq. Wrong only because of it: dx."
    assert typed.input_value() == "3"
    tick(page, HIDE)
    open_tool(page, "Gradient descent")
    press(page, "Step")
    switch(page, "中文")
    assert text(page, ".outcome") == "f 从 -12 变为 -16.34：变化了 -4.34。梯度预测的变化是 -4.1。"
    press(page, "播放")
    timer = page.evaluate("chosen.timer")
    switch(page, "English")
    assert timer is not None
    assert page.evaluate("chosen.timer") == timer
    assert text(page, "[data-go=play]") == "Pause"


OVERLAP = """() => {
    const range = document.createRange();
    range.selectNodeContents(document.querySelector("h1"));
    const button = document.getElementById("language").getBoundingClientRect();
    return [...range.getClientRects()].some((line) => line.right > button.left && line.top < button.bottom);
}"""


def test_the_switch_covers_no_heading_on_a_phone(visit, gallery, accessible):
    page = visit(gallery, width=WIDTHS["phone"], locale="zh-CN", fragment="#multiply/1", reduced_motion="reduce")
    page.evaluate("document.querySelectorAll('.circuit:not(.chosen)').forEach((hidden) => hidden.remove())")  # time
    accessible(page, SAME)
    assert not page.evaluate(OVERLAP)
    switch(page, "English")
    assert not page.evaluate(OVERLAP)
    assert page.locator("#choice option").first.inner_text() == "multiply: a gate: the product swaps its inputs"
