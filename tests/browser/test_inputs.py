"""Promises of a circuit's inputs in a browser: after any change the page shows the library's numbers."""

import json
import re
from itertools import pairwise

import numpy as np

from mlp.circuits.drawing.picture import drawn
from mlp.circuits.examples import EXAMPLES
from mlp.circuits.expression import parse
from mlp.circuits.listing import staged
from mlp.circuits.notation import rounded, rows_of
from mlp.circuits.source_text import parse_values
from mlp.pages.circuit import STAGED
from mlp.system.errors import InputError
from tests.browser.circuit_pages import (
    SHOWN,
    enter,
    field,
    open_tool,
    park_miller,
    press,
    text,
    texts,
    tick,
    whole_number,
    write_page,
)

STAGES = {other: EXAMPLES[name] for name, other in STAGED.items()}
CLASSES = 3
"""The number of classes in every example that has class indices."""
CHANGES = """([name, changes]) => {
    const digits = (A) => (A === undefined ? [] : Array.from(flat(A), String));
    location.hash = `${name}/999`;
    follow();
    const fields = new Map([...document.querySelectorAll(".chosen .fields input")].map((one) => [one.ariaLabel, one]));
    const trouble = chosen.section.querySelector(".trouble");
    return JSON.stringify(changes.map(([label, texts]) => {
        const field = fields.get(label);
        const before = field.value;
        const found = texts.map((text) => {
            field.value = text;
            field.dispatchEvent(new Event("input"));
            const drawn = chosen.drawing.numbers.map(({ key, row, text }) => [`${key}-${row}`, text.textContent]);
            const full = chosen.graph.nodes.flatMap(({ value, gradient }) => [...digits(value), ...digits(gradient)]);
            return [trouble.textContent, Object.fromEntries(drawn), full, chosen.listing.frame.textContent];
        });
        field.value = before;
        read(chosen.inputs.leaves.find(({ fields }) => fields.includes(field)));
        return found;
    }));
}"""
"""In a circuit, at its last step: type texts into fields, one after the other, and find what the page then shows."""


def circuit_of(name):
    """The library's circuit of an example of the gallery."""
    example = EXAMPLES.get(name) or STAGES[name]
    values = parse_values([f"{leaf}={value}" for leaf, value in example.values.items()])
    return parse(example.expression, values, stages=name in STAGES)


def changes_of(circuit, random, all_entries):
    """Inputs to change: for each the node, the index of the entry, the field's label, and the values.

    Each entry gets five values; or else each array: three in its first entry, two in its last one.
    """
    for leaf in circuit.nodes:
        if leaf.gate is None:
            indices = list(np.ndindex(leaf.value.shape))
            few = {indices[0]: 5} if len(indices) == 1 else {indices[0]: 3, indices[-1]: 2}
            for index, count in (dict.fromkeys(indices, 5) if all_entries else few).items():
                label = f"{leaf.name}{list(index) if index else ''}"
                is_class = leaf in circuit.graph.class_indices
                numbers = random.integers(0, CLASSES, count) if is_class else random.uniform(-3, 3, count)
                yield leaf, index, label, numbers.tolist()


def expected(circuit):
    """What the page must show: the trouble, and without any the numbers drawn, all numbers, and the listing."""
    try:
        circuit.run()
    except InputError as error:
        what, name, number = re.search(r"the (\w+) of this \(.*, (.*)\) is (\S+): it", str(error)).groups()
        return f"{'d' * (what == 'gradient')}{name} is {number}: it overflows or is not defined here.", None
    lines, full = {}, []
    in_drawing = drawn(circuit.graph)
    for node in circuit.graph.nodes:
        gradient = None if node.constant else circuit.gradient(node)
        for what, array in [("value", circuit.graph.value(node.name)), ("gradient", gradient)]:
            if array is not None:
                full.append(array.ravel())
                if node in in_drawing:
                    lines |= {f"{what}-{node.index}-{row}": line for row, line in enumerate(rows_of(array))}
    return "", lines, np.concatenate(full), in_one_line(staged(circuit.graph, circuit.output))


def in_one_line(listing):
    """A listing without the breaks in its long lines, which depend on their lengths, and without needless blanks."""
    return re.sub(r",\n +", ", ", re.sub(" +# ", "  # ", listing)).strip()


def compare(circuit, changes, found):
    """Make the same changes here, one after the other, and compare."""
    for (leaf, index, label, numbers), answers in zip(changes, found, strict=True):
        old = leaf.value.copy()
        for number, (trouble, lines, full, listing) in zip(numbers, answers, strict=True):
            new = old.copy()
            new[index] = number
            leaf.value = new
            where, (right_trouble, *right) = f"{label} = {number}", expected(circuit)
            assert re.sub("^([^ ]+) = .* is ", r"\1 is ", trouble) == right_trouble, where
            if not trouble:
                right_lines, right_full, right_listing = right
                assert lines == right_lines, where
                full = np.array(full, float)
                assert np.all(np.abs(full - right_full) <= 1e-12 * np.maximum(1, np.abs(right_full))), where
                assert in_one_line(listing) == right_listing, where
        leaf.value = old


def test_every_input_changed_shows_the_librarys_numbers(visit, gallery, request):
    page = visit(gallery)
    random = np.random.default_rng(25)
    for name in [*EXAMPLES, *STAGES]:
        circuit = circuit_of(name)
        circuit.run()
        changes = list(changes_of(circuit, random, request.config.getoption("--all-trials")))
        texts = [[label, list(map(repr, numbers))] for _, _, label, numbers in changes]
        compare(circuit, changes, json.loads(page.evaluate(CHANGES, [name, texts])))


TYPED = (
    """([label, texts]) => texts.map((text) => {
    const field = [...document.querySelectorAll(".fields input")].find((one) => one.ariaLabel === label);
    field.value = text;
    field.dispatchEvent(new Event("input"));
    return [document.querySelector(".trouble").innerText, """
    + SHOWN
    + """];
})"""
)


def test_fields_are_named_and_what_is_no_number_changes_nothing(visit, tmp_path):
    _, path = write_page(
        tmp_path, "f = sum(x @ W) + svm_loss(s, k)", ["x=[1, 2]", "W=[[1, 2], [3, 4]]", "s=[3, 5, -1]", "k=1"]
    )
    page = visit(path, fragment="#step=99")
    open_tool(page, "Inputs")
    assert page.locator(".fields input[type=number]:visible").count() == 2 + 4 + 3 + 1
    shown = page.evaluate(SHOWN)
    whole = "k must be a whole number from 0 to 2: it is still 1."
    told = "W[1, 0] must be a number: it is still 3."
    wrong = {"": whole, "3": whole, "-1": whole, "0.5": whole, "1": ""}
    assert page.evaluate(TYPED, ["k", list(wrong)]) == [[trouble, shown] for trouble in wrong.values()]
    assert page.evaluate(TYPED, ["W[1, 0]", ["", "3"]]) == [[told, shown], ["", shown]]
    field(page, "W[1, 0]").press("e")  # a browser lets it into a field of numbers
    assert text(page, ".trouble") == told
    enter(page, "s[2]", "7")  # the others can be changed nonetheless
    assert page.evaluate(SHOWN) != shown
    press(page, "Original numbers")
    assert (texts(page, ".trouble:visible"), page.evaluate(SHOWN)) == ([], shown)


BOXES = """(wire) => [chosen.drawing.parts.get(wire), ...document.querySelectorAll(".drawing, .trouble")]
    .map((part) => part.getBoundingClientRect().toJSON())"""


def test_what_becomes_infinite_is_said_at_its_gate_and_taken_back(visit, tmp_path):
    circuit, path = write_page(tmp_path, "q = log(x); p = y + 1; r = sqrt(p); f = q * r", ["x=2", "y=9"])
    page = visit(path, fragment="#step=99", width=390)
    told = {
        ("x", "-1"): "q = np.log(-1) is nan",
        ("x", "0"): "q = np.log(0) is -inf",
        ("y", "-2"): "r = np.sqrt(-1) is nan",
        ("y", "-1"): "dp is inf",
    }
    for (label, wrong), found in told.items():
        leaf = circuit.node(label)
        old, leaf.value = leaf.value.item(), float(wrong)
        node, _, number = found.partition(" is ")
        assert expected(circuit)[0].startswith(f"{node.split(' ')[0]} is {number}: ")
        enter(page, label, wrong)
        assert text(page, ".trouble") == f"{found}: it overflows or is not defined here."
        wire, drawing, box = page.evaluate(BOXES, f"lead-{circuit.node(node[0].replace('d', 'p')).index}")
        assert 0 <= box["y"] - (drawing["y"] + drawing["height"]) < 10
        assert 0 <= box["x"] <= wire["x"] + wire["width"]
        assert wire["x"] <= box["x"] + box["width"] <= 390
        assert page.locator(".broken").count() == 2
        leaf.value = old
        enter(page, label, str(old))
        assert (texts(page, ".trouble:visible"), page.locator(".broken").count()) == ([], 0)


def test_a_step_moves_the_chosen_inputs_against_their_gradients(visit, tmp_path):
    """By hand: f = (x + y) z has dx = dy = z = -4 and dz = x + y = 3; x and z move, y does not."""
    _, path = write_page(tmp_path, "f = (x + y) * z", ["x=-2", "y=5", "z=-4"])
    page = visit(path)
    open_tool(page, "Gradient descent")
    tick(page, "y")
    press(page, "Step")
    assert text(page, ".outcome") == ("f went from -12 to -14.62: it changed by -2.62. The gradient predicted -2.5.")
    assert [field(page, name).input_value() for name in "xyz"] == ["-1.6", "5", "-4.3"]
    enter(page, "rate", "0.01")
    press(page, "Step")  # dx = -4.3, dz = 3.4: x = -1.557, z = -4.334
    assert text(page, ".outcome") == (
        "f went from -14.62 to -14.92: it changed by -0.302. The gradient predicted -0.3005."
    )
    enter(page, "x", "1")
    assert texts(page, ".outcome:visible") == []


def test_a_step_of_arrays_is_the_librarys_whatever_the_upstream_gradient(visit, tmp_path):
    upstream = np.array([[1.0, -2.0]])
    circuit, path = write_page(tmp_path, "Z = X @ W + b", ["X=[[1, 2]]", "W=[[1, 0.5], [3, 2]]", "b=[1, 2]"], upstream)
    before = np.sum(upstream * circuit.output.value)
    gradients = {name: circuit.node(name).gradient.copy() for name in "XW"}
    page = visit(path)
    open_tool(page, "Gradient descent")
    tick(page, "b")
    press(page, "Step")
    for name, gradient in gradients.items():
        circuit.node(name).value = circuit.node(name).value - 0.1 * gradient
    circuit.run(upstream)
    after, promised = np.sum(upstream * circuit.output.value), -0.1 * sum(np.sum(dx**2) for dx in gradients.values())
    from_, to, change, predicted = map(rounded, (before, after, after - before, promised))
    assert text(page, ".outcome") == (
        f"sum(dZ * Z) went from {from_} to {to}: it changed by {change}. The gradient predicted {predicted}."
    )
    full = page.evaluate("chosen.graph.leaves.map(({ value }) => Array.from(flat(value)))")
    np.testing.assert_allclose(np.concatenate(full), np.concatenate([circuit.node(n).value.ravel() for n in "XWb"]))


def test_a_step_never_makes_an_input_infinite_and_stays_told_on_paper(visit, tmp_path):
    _, path = write_page(tmp_path, "f = exp(x) * y", ["x=1", "y=2"])
    page = visit(path)
    open_tool(page, "Gradient descent")
    press(page, "Step")
    told = text(page, ".outcome")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert text(page, ".outcome") == told != ""
    shown = page.evaluate("[chosen.listing.frame.textContent, address()]")
    enter(page, "rate", "1e308")
    press(page, "Step")
    assert text(page, ".outcome") == "No step: an input would become infinite."
    assert page.evaluate("[chosen.listing.frame.textContent, address()]") == shown
    enter(page, "x", "800")  # so are both gradients
    enter(page, "rate", "0.1")
    press(page, "Step")
    assert (field(page, "x").input_value(), text(page, ".outcome")) == (
        "800",
        "No step: an input would become infinite.",
    )


def test_a_step_at_a_rate_that_is_no_number_from_0_is_none(visit, tmp_path):
    page = visit(write_page(tmp_path, "f = x * y", ["x=3", "y=2"])[1])
    open_tool(page, "Gradient descent")
    for rate in ("-1", ""):
        enter(page, "rate", rate)
        press(page, "Step")
        assert text(page, ".outcome") == "No step: the rate must be a number from 0."
        assert field(page, "x").input_value() == "3"
    enter(page, "rate", "0")
    press(page, "Step")
    assert text(page, ".outcome") == "f went from 6 to 6: it changed by 0. The gradient predicted 0."


STEPS = """(changes) => changes.map((change) => ["first", "next"].map((where) => {
    chosen.go("first");
    chosen.go(where);
    change === "field" ? chosen.inputs.leaves[0].fields[0].dispatchEvent(new Event("input")) : chosen.go(change);
    return chosen.section.querySelector(".counter").textContent;
}))"""


def test_a_change_shows_all_numbers_if_only_the_inputs_were_shown_and_else_the_same_step(visit, tmp_path):
    page = visit(write_page(tmp_path, "q = x + y; f = q * z", ["x=-2", "y=5", "z=-4"])[1])
    changes = ["field", "descend", "renew", "original"]
    assert page.evaluate(STEPS, changes) == [["step 7 of 7", "step 1 of 7"]] * len(changes)


NEW_NUMBERS = """(seeds) => JSON.stringify(circuits.map((circuit) => seeds.map((seed) => {
    if (seed === null) circuit.inputs.takeOriginal();
    else circuit.inputs.takeSeed(seed);
    circuit.compute();
    const leaves = circuit.inputs.leaves.map(({ name, value }) => [name, Array.from(flat(value))]);
    const all = circuit.graph.nodes.flatMap(({ value, gradient = 0 }) => [...flat(value), ...flat(gradient)]);
    const slopes = circuit.inputs.leaves.flatMap(({ gradient = 0 }) => Array.from(flat(gradient), Math.abs));
    return [leaves, all.map(String), Math.max(...slopes) >= 0.01];
})))"""


def test_new_numbers_are_finite_and_of_the_kind_of_the_original_ones_and_a_seeds_are_the_same(visit, gallery):
    page = visit(gallery)
    seeds = [None, *range(40), 999_999_999]
    answers = json.loads(page.evaluate(NEW_NUMBERS, seeds))
    names = page.evaluate("circuits.map(({ name }) => name)")
    for name, sets in zip(names, answers, strict=True):
        circuit = circuit_of(name)
        originals = dict(sets[0][0])
        assert originals == {leaf.name: leaf.value.ravel().tolist() for leaf in circuit.nodes if leaf.gate is None}
        assert len({json.dumps(leaves) for leaves, *_ in sets}) > 5  # a whole number from -9 to 9 repeats soon
        for leaves, computed, is_moving in sets[1:]:
            assert np.isfinite(np.array(computed, float)).all(), name
            assert is_moving, (name, leaves)  # a loss of 0, say, has nothing to work out
            for leaf, numbers in leaves:
                old = originals[leaf]
                if circuit.node(leaf) in circuit.graph.class_indices:
                    assert set(numbers) <= set(range(CLASSES)), (name, leaf)
                elif set(old) == {0, 1}:
                    assert set(numbers) <= {0, 1}, (name, leaf)
                elif all(number.is_integer() for number in map(float, old)):
                    assert all(float(number).is_integer() for number in numbers), (name, leaf)
                else:
                    assert all(number == round(number, 2) for number in numbers), (name, leaf)


def test_new_numbers_are_never_those_before(visit, tmp_path):
    """Of two zeros or ones there are four sets."""
    _, path = write_page(tmp_path, "f = 3 * x", ["x=[0, 1]"])
    page = visit(path)
    sets = page.evaluate("""Array.from({ length: 40 }, () => {
        chosen.renew();
        return String(chosen.inputs.leaves[0].value.data);
    })""")
    assert all(old != new for old, new in pairwise(sets))
    assert len(set(sets)) == 4
    last = page.evaluate(SHOWN)
    assert visit(path, fragment=f"#step=99&seed={page.evaluate('chosen.inputs.seed')}").evaluate(SHOWN) == last


def test_a_seeds_numbers_are_those_of_the_generator_by_park_and_miller(visit, tmp_path):
    page = visit(write_page(tmp_path, "q = x + y; f = q * z", ["x=-2", "y=5", "z=-4"])[1], fragment="#step=0&seed=7")
    random = park_miller(7)
    assert [field(page, name).input_value() for name in "xyz"] == [str(whole_number(random)) for _ in "xyz"]
    assert text(page, ".seed") == "seed 7"


def test_the_same_seed_is_the_same_numbers_in_another_page(visit, tmp_path):
    _, path = write_page(tmp_path, "f = log(x) * exp(y)", ["x=0.5", "y=2"])
    page = visit(path)
    ((_, *sets),) = json.loads(page.evaluate(NEW_NUMBERS, [None, *range(20)]))
    assert all(np.isfinite(np.array(numbers, float)).all() for _, numbers, _ in sets)  # x is positive
    press(page, "Original numbers")
    original = page.evaluate(SHOWN)
    press(page, "New numbers")
    press(page, "New numbers")
    first = page.evaluate(SHOWN)
    assert text(page, ".seed") == "seed 2"
    other = visit(path, fragment="#step=99&seed=2")
    assert other.evaluate(SHOWN) == first != original
    press(other, "Original numbers")
    assert other.evaluate(SHOWN) == original
    assert other.url.endswith(f"#step={other.evaluate('chosen.last')}")
