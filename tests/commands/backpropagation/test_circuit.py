"""Promises of scripts/circuit.py, mostly run in this process, which is faster."""

import json
import re
import sys
import unicodedata

import numpy as np
import pytest

from mlp.circuits.examples import EXAMPLES, shows
from mlp.commands.backpropagation import circuit as circuit_command
from mlp.system import command_line
from tests.conftest import finished_run, write_folder
from tests.languages.english import english_left


@pytest.fixture
def circuit(monkeypatch, capsys):
    """Run it: exit code, stdout, stderr."""
    module = circuit_command

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["circuit.py", *map(str, arguments)])
        code = command_line.run(module.main)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def nodes(circuit):
    """Run it with --json: each node by its name."""

    def run(*arguments):
        code, out, error = circuit(*arguments, "--json")
        assert (code, error) == (0, "")
        found = json.loads(out)
        return {"output": found["output"]} | {node["name"]: node for node in found["nodes"]}

    return run


def test_the_command_of_the_design_as_a_user_types_it(command):
    done = command("scripts/circuit.py", "(x + y) * z", "x=-2", "y=5", "z=-4")
    assert (done.returncode, done.stderr) == (0, "")
    header, *rows = [re.split(r"  +", line) for line in done.stdout.splitlines()]
    assert header == [
        *("name", "gate", "forward", "value", "local gradient", "gradient", "numeric gradient", "relative error")
    ]
    assert [row[:-1] for row in rows] == [
        ["x", "-2.0", "-4.0", "-4"],
        ["y", "5.0", "-4.0", "-4"],
        ["t1", "add", "x + y", "3.0", "x: 1.0, y: 1.0", "-4.0", "-4"],
        ["z", "-4.0", "3.0", "3"],
        ["f", "multiply", "t1 * z", "-12.0", "t1: -4.0, z: 3.0", "1.0", "1"],
    ]
    assert all(float(row[-1]) < 1e-9 for row in rows)


def test_json_has_the_keys_of_the_design_in_topological_order(circuit):
    code, out, _ = circuit("2 * (x + exp(y)) ** 2", "x=1", "y=0", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["output"] == found["nodes"][-1]["name"]
    seen = set()
    for node in found["nodes"]:
        assert {"name", "gate", "inputs", "local", "value", "gradient"} <= node.keys()
        assert len(node["local"]) == len(node["inputs"])
        assert seen.issuperset(node["inputs"])
        seen.add(node["name"])
    gates = {node["name"]: node["gate"] for node in found["nodes"]}
    assert list(gates.values()) == [None, None, "exp", "add", "power", "multiply"]
    assert (found["nodes"][-1]["value"], found["nodes"][-1]["gradient"]) == (8, 1)


# What the examples of the lecture notes compute is tested in tests/notes.


def test_a_local_gradient_is_a_number_an_array_or_the_size_of_a_jacobian(nodes):
    found = nodes("--example", "vector-norm")
    assert found["q"]["local"] == [{"jacobian": [2, 4]}, {"jacobian": [2, 2]}]
    np.testing.assert_allclose(found["t1"]["local"], [[0.44, 0.52]], rtol=1e-12)
    assert (found["f"]["local"], found["W"]["local"]) == ([{"jacobian": [1, 2]}], [])
    found = nodes("f = x * x + 3 * softmax_loss(s, y, w)", "x=3", "s=[0, 0]", "y=1", "w=2")
    assert (found["t1"]["inputs"], found["t1"]["local"]) == (["x", "x"], [3, 3])
    assert found["t2"]["local"] == [{"jacobian": [1, 2]}, None, pytest.approx(np.log(2))]
    assert (found["t3"]["inputs"], found["t3"]["local"]) == (["t2"], [3])


def test_the_table_names_the_input_of_each_local_gradient(circuit):
    def column(*arguments):
        _, out, _ = circuit(*arguments)
        header, *rows = out.splitlines()
        begin, end = header.index("local gradient"), header.index("gradient", header.index("local gradient") + 10)
        return {row.split()[0]: row[begin:end].strip() for row in rows}

    found = column("--example", "linear-softmax")
    assert found["t1"] == "X: Jacobian (12, 8), W: Jacobian (12, 6)"
    assert (found["S"], found["E"]) == ("t1: shape (4, 3), b: Jacobian (12, 3)", "S: Jacobian (1, 12), y: none")
    assert column("add(x, x, x, 2, x, x)", "x=1")["f"] == "x: 1.0, x: 1.0, x: 1.0, x: 1.0, ..."


def test_an_infinite_local_gradient_through_which_no_gradient_flows_is_shown(circuit, nodes):
    arguments = "q = x ** 0.5; f = x * 1", "x=0"
    assert nodes(*arguments)["q"]["local"] == [None]
    assert re.search(r"^q .* x: inf +0\.0$", circuit(*arguments)[1], re.MULTILINE)


def test_the_json_of_a_jacobian(circuit):
    code, out, _ = circuit("--example", "jacobian-product", "--json")
    assert code == 0
    jacobian = json.loads(out)["jacobian"]
    assert jacobian["matrix"] == [[1, -1], [2, 0], [0, 4], [4, 1]]
    assert jacobian["df_dx"] == [-2542, 3096, 5842, 2550]
    assert jacobian["product"] == jacobian["df_dz"] == [13850, 28460]
    assert jacobian["equal"] is True
    assert (jacobian["outputs"], jacobian["inputs"]) == (["x1", "x2", "x3", "x4"], ["z1", "z2"])


def test_a_jacobian_is_headed_by_the_names_asked_for(circuit):
    _, out, _ = circuit("a = u * v; b = u + v; g = a * b", "u=2", "v=3", "--jacobian", "a,b", "--wrt", "u,v")
    assert out.endswith("""
the Jacobian J of (a, b) with respect to (u, v)

   u  v
a  3  2
b  1  1

dg/d(a, b)    = (5, 6)
J' dg/d(a, b) = (21, 16)
dg/d(u, v)    = (21, 16)

dg/d(u, v) is from g's own backward pass; J' dg/d(a, b) equals it.
""")


def test_the_jacobian_of_a_value_with_respect_to_itself_has_both_sides(circuit):
    """It is 1, so both derivatives are f's."""
    _, out, _ = circuit("f = x * y", "x=1", "y=2", "--jacobian", "x", "--wrt", "x")
    assert "\ndf/dx    = (2)\nJ' df/dx = (2)\ndf/dx    = (2)\n" in out


@pytest.mark.parametrize("loss", ["softmax_loss", "svm_loss"])
def test_a_loss_with_weights_is_the_sum_of_its_rows_losses_times_these(nodes, loss):
    values = ("S=[[3.2, 5.1, -1.7], [1, 2, 2.5]]", "y=[0, 2]")
    found = nodes(f"{loss}(S, y, w)", *values, "w=[2, 0.5]")
    first, second = (nodes(f"{loss}(S, y, w)", *values, f"w={w}") for w in ("[1, 0]", "[0, 1]"))
    losses = [first["f"]["value"], second["f"]["value"]]
    assert nodes(f"{loss}(S, y)", *values)["f"]["value"] == pytest.approx(sum(losses), rel=1e-14)
    assert found["f"]["value"] == pytest.approx(2 * losses[0] + 0.5 * losses[1], rel=1e-14)
    assert found["w"]["gradient"] == pytest.approx(losses, rel=1e-14)


def test_the_softmax_of_scores(nodes):
    found = nodes("L = sum(softmax(s) * [1, 0])", "s=[0, 0]")
    assert (found["L"]["value"], found["s"]["gradient"]) == (0.5, [0.25, -0.25])


def test_the_circle_of_the_softmax_is_not_that_of_its_loss(circuit, tmp_path):
    circuit("softmax(s)", "s=[1, 2]", "--draw", tmp_path / "gate.svg")
    circuit("softmax_loss(s, 0)", "s=[1, 2]", "--draw", tmp_path / "loss.svg")
    symbols = [re.search(r">(eˢ/Σeˢ|softmax)<", (tmp_path / f"{name}.svg").read_text())[1] for name in ("gate", "loss")]
    assert symbols == ["eˢ/Σeˢ", "softmax"]


# Everything else.


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("stages", [[], ["--stages"]])
def test_every_example_agrees_with_numeric_gradients_and_its_code_runs(circuit, nodes, name, stages):
    code, table, error = circuit("--example", name, *stages)
    assert (code, error) == (0, "")
    errors = re.findall(r"\d\.\de-?\+?\d\d$", table.split("\n\n")[0], re.MULTILINE)
    assert len(errors) > 1
    assert max(map(float, errors)) < 1e-6
    code, listing, _ = circuit("--example", name, *stages, "--code")
    scope = {}
    exec(listing, scope)
    for node in nodes("--example", name, *stages).values():
        if isinstance(node, dict):
            np.testing.assert_allclose(scope[node["name"]], node["value"], rtol=1e-12, atol=1e-12)
            if node["gradient"] is not None:
                np.testing.assert_allclose(scope[f"d{node['name']}"], node["gradient"], rtol=1e-12, atol=1e-12)


def test_the_examples_are_listed_and_one_can_be_changed(circuit, nodes):
    code, out, _ = circuit("--list-examples")
    assert code == 0
    for name, example in EXAMPLES.items():
        assert re.search(rf"^{name} +{re.escape(shows(name))}\n +{re.escape(example.expression)}$", out, re.MULTILINE)
    _, out, _ = circuit("--list-examples", "--lang", "zh")
    assert re.search(r"^sum-times +第一个电路：链式法则就是把局部梯度相乘$", out, re.MULTILINE)
    assert nodes("--example", "sum-times", "z=10", "x=0")["f"]["value"] == 50


def test_the_upstream_gradient_is_ones_unless_given(nodes):
    assert nodes("x * [1, 2, 3]", "x=[1, 1, 1]")["x"]["gradient"] == [1, 2, 3]
    assert nodes("x * [1, 2, 3]", "x=[1, 1, 1]", "--upstream", "[1, 0, -1]")["x"]["gradient"] == [1, 0, -3]
    assert nodes("x * 3", "x=1", "--upstream", "-2")["x"]["gradient"] == -6


def test_an_expression_may_begin_with_a_minus_and_options_may_stand_anywhere(nodes):
    assert nodes("-x * y", "--stages", "x=2", "y=3")["f"]["value"] == -6


def test_a_path_or_an_upstream_gradient_may_begin_with_a_dash(circuit, nodes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert circuit("x", "x=1", "--draw", "-x.svg")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["-x.svg"]
    assert nodes("-x", "x=1", "--upstream", "-[2]"[:1] + "2")["x"]["gradient"] == 2
    assert nodes("--x*3", "x=2")["f"]["value"] == 6


def test_the_table_explains_a_difference_that_is_only_rounding(circuit):
    _, out, _ = circuit("x ** 2 + 1e12", "x=1")
    x = out.splitlines()[1].split()
    assert x[:3] == ["x", "1.0", "2.0"]
    assert float(x[-1]) > 0.01
    assert "the output is so large that rounding hides the difference" in " ".join(out.split())


def test_a_large_array_is_compared_along_directions(circuit):
    code, out, _ = circuit("f = sum(x * x)", f"x={[k / 500 for k in range(500)]}")
    assert code == 0
    x, t1, f = (line.split() for line in out.splitlines()[1:])
    assert x[:-1] == ["x", "shape", "(500,)", "shape", "(500,)", "(not", "computed)"]
    assert float(x[-1]) < 1e-6
    assert float(t1[-1]) < 1e-6
    assert f[-3:-1] == ["1.0", "1"]


def test_the_table_explains_a_tie(circuit):
    code, out, _ = circuit("max(x, y)", "x=1", "y=1")
    assert code == 0
    assert "at a tie max gives its whole gradient to the first input" in " ".join(out.split())
    assert "tie" not in circuit("max(x, y)", "x=1", "y=2")[1]


def test_a_jacobian_of_arrays_has_a_row_and_a_column_for_each_element(circuit):
    code, out, _ = circuit("x = A @ z; f = sum(x)", "A=[[1, 2], [3, 4]]", "z=[5, 6]", "--jacobian", "x", "--wrt", "z")
    assert code == 0
    assert "\nthe Jacobian J of x with respect to z\n\n" in out
    assert "      z[0]  z[1]\nx[0]     1     2\nx[1]     3     4\n" in out
    assert "J' df/dx = (4, 6)\ndf/dz    = (4, 6)\n\ndf/dz is from f's own backward pass; J' df/dx equals it." in out


def test_a_path_past_the_outputs_is_named_as_the_cause_of_a_difference(circuit):
    arguments = "x = z ** 2; f = x + z", "z=3", "--jacobian", "x", "--wrt", "z"
    _, out, _ = circuit(*arguments)
    assert "J' df/dx = (6)\ndf/dz    = (7)\n\ndf/dz is from f's own backward pass; J' df/dx differs from it: " in out
    assert " some path from z to f avoids x, " in out
    assert json.loads(circuit(*arguments, "--json")[1])["jacobian"]["equal"] is False


def test_a_nudge_is_printed_below_the_table_and_stands_in_json(circuit):
    arguments = "q = x + y; f = q * z", "x=-2", "y=5", "z=-4", "--nudge", "x=0.001", "--nudge", "z=-0.5"
    plain, printed = circuit(*arguments[:4])[1], circuit(*arguments)[1]
    table, *nudge = printed.partition("\nafter x += 0.001, z += -0.5\n")
    assert table == plain
    assert "change of f, predicted  -1.504 " in nudge[1]  # -4 * 0.001 + 3 * (-0.5)
    found = json.loads(circuit(*arguments, "--json")[1])
    assert found["nodes"] == json.loads(circuit(*arguments[:4], "--json")[1])["nodes"]
    assert found["nudge"]["predicted"] == pytest.approx(-1.504)
    assert found["nudge"]["made"] == pytest.approx(3.001 * -4.5 + 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["L = svm_loss(s, y)", "s=[1, 2]", "y=0", "--jacobian", "L", "--wrt", "y"], "y is a class index: it has no"),
        (["L = svm_loss(s, y)", "s=[1, 2]", "y=0", "--jacobian", "y", "--wrt", "s"], "y is a class index: it has no"),
        (
            ["a = x * 1e100; b = a * 1e100; f = b * 1.0e108", "x=1e-250", "--jacobian", "a,b", "--wrt", "x"],
            "the product of the Jacobian's transpose and df/d(a, b) overflows",
        ),
    ],
)
def test_a_jacobian_that_does_not_exist_or_overflows_is_an_error(here, arguments, message):
    for form in ([], ["--json"]):
        done = here("scripts/circuit.py", *arguments, *form)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: {message}")
        assert done.stderr.count("\n") == 1


def test_a_value_that_the_output_does_not_need_has_gradient_0_and_a_class_index_none(circuit, nodes):
    arguments = "a = x * 2; L = svm_loss(s, y)", "x=[1, 2]", "s=[1, 2, 3]", "y=0"
    found = nodes(*arguments)
    assert (found["a"]["gradient"], found["x"]["gradient"], found["y"]["gradient"]) == ([0, 0], [0, 0], None)
    scope = {}
    exec(circuit(*arguments, "--code")[1], scope)
    np.testing.assert_array_equal([scope["da"], scope["dx"]], np.zeros((2, 2)))
    assert "dy" not in scope
    table = circuit(*arguments)[1]
    assert re.search(r"^y +0 +none$", table, re.MULTILINE)
    assert re.search(r"^a .* \[0, 0\]$", table, re.MULTILINE)


def test_after_two_dashes_there_are_no_options():
    module = circuit_command
    assert module.parse(["--json", "--", "--a-b", "a=1"]).words == ["--a-b", "a=1"]
    assert module.parse(["--example", "add", "--json"]).json is True


def test_a_jacobian_changes_nothing_else(circuit):
    arguments = "x = z ** 2; f = x * x + 3 * z", "z=3"
    jacobian = json.loads(circuit(*arguments, "--jacobian", "x", "--wrt", "z", "--json")[1])
    assert jacobian["nodes"] == json.loads(circuit(*arguments, "--json")[1])["nodes"]


@pytest.mark.parametrize("ending", [".svg", ".png", ".pdf", ".SVG"])
def test_a_drawing_is_written_in_the_format_of_its_ending(circuit, tmp_path, ending):
    path = tmp_path / f"neuron{ending}"
    code, out, error = circuit("--example", "sigmoid-neuron", "--draw", path)
    assert (code, error) == (0, "")
    assert f"drawing: {path}" in out
    head = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[ending.lower()]
    assert path.read_bytes().startswith(head)
    assert list(tmp_path.iterdir()) == [path]


def test_a_drawing_holds_the_values_and_gradients_rounded(circuit, tmp_path):
    for kind in ("first", "again"):
        circuit("--example", "sigmoid-neuron", "--stages", "--draw", tmp_path / f"{kind}.svg", "--json")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "first.svg").read_text())
    for exact in ("0.3679", "-0.5344", "1.368", "0.7311", "-0.5898", "×-1", "exp", "+1", "1/x", "w0", "f"):
        assert exact in texts
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()


def test_a_page_to_step_through_is_written_beside_the_table_of_any_circuit(circuit, tmp_path):
    for k, arguments in enumerate((["x * y", "x=2", "y=3", "--upstream", "5"], ["--example", "exp"])):
        path = tmp_path / f"{k}.html"
        code, out, error = circuit(*arguments, "--draw", path)
        assert (code, error) == (0, "")
        assert out.endswith(f"drawing: {path}\n")
        assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "dx = df * y" in (tmp_path / "0.html").read_text(encoding="utf-8")
    assert circuit("--example", "sigmoid-neuron", "--stages", "--code", "--draw", tmp_path / "2.HTML")[0] == 0
    assert "np.exp(t5)" in (tmp_path / "2.HTML").read_text(encoding="utf-8")


def test_the_gallery_is_written(gallery):
    assert "softmax-loss" in gallery.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give an expression"),
        (["x + y", "x=1"], "the expression, column 5: y has no value: add y=NUMBER"),
        (["x", "x=1", "y=2"], "y has a value but is not in the expression: its names are x"),
        (["x", "x"], "x: must be NAME=VALUE"),
        (["x", "x=1", "--code", "--json"], "--code prints only code: leave out --json"),
        (["x", "x=1", "--code", "--jacobian", "x", "--wrt", "x"], "leave out --jacobian"),
        (["x", "x=1", "--jacobian", "x"], "--jacobian OUTS and --wrt INS go together"),
        (["x", "x=1", "--jacobian", "", "--wrt", "x"], "--jacobian : must be names separated by commas"),
        (
            ["q = x ** 0.5; f = x * 1", "x=0", "--jacobian", "q", "--wrt", "x"],
            "gradient of this .* is inf",
        ),
        (
            ["x", f"x={[0] * 101}", "--jacobian", "x", "--wrt", "x"],
            "the Jacobian has 10,201 entries: at most 10,000 are computed",
        ),
        (["x", "x=1", "--wrt", "x"], "--jacobian OUTS and --wrt INS go together"),
        (["x", "x=1", "--jacobian", "x,q", "--wrt", "x"], "there is no 'q' in the expression: it has x"),
        (["x", "x=1", "--jacobian", "x,", "--wrt", "x"], "--jacobian x,: must be names separated by commas"),
        (["x", "x=1", "--jacobian", "x", "--wrt", "x,x"], "--wrt x,x: must be names separated by commas, each once"),
        (["x", "x=1", "--draw", "x.jpg"], "--draw x.jpg: must end in .svg, .png, .pdf, .html"),
        (["x", "x=1", "--nudge", "x"], "--nudge x: must be NAME=STEP, as in --nudge x=0.001"),
        (["x", "x=1", "--nudge", "x=a"], "the value of --nudge x, column 1: must be a number"),
        (["x", "x=1", "--nudge", "x=1", "--nudge", "x=2"], "--nudge x=2: x already has a step"),
        (["x", "x=1", "--nudge", "w=1"], "--nudge w: there is no 'w' in the expression: nudge x"),
        (["q = x + y; q", "x=1", "y=2", "--nudge", "q=1"], "--nudge q: q is computed, not given: nudge x, y"),
        (["svm_loss(s, y)", "s=[1, 2]", "y=0", "--nudge", "y=1"], "y is a class index, a whole number: nudge s"),
        (["2 + 3", "--nudge", "x=1"], "no value of this expression can be nudged"),
        (["x", "x=1", "--nudge", "x=0"], "--nudge x: the step is 0, or too small to change x: give a larger one"),
        (["x", "x=1", "--nudge", "x=1e-30"], "--nudge x: the step is 0, or too small to change x"),
        (
            ["x", "x=[1, 2]", "--nudge", "x=[1]"],
            r"--nudge x: the step has shape \(1,\), but x has shape \(2,\): give a number, or an array of this shape",
        ),
        (["log(x)", "x=1", "--nudge", "x=-2"], r"after --nudge: .* \(log, f\) is nan: .*: take a smaller step"),
        (["x", "x=-1.5e308", "--nudge", "x=3e308"], "the number is too large"),
        (
            ["f = x + y", "x=-1.7e308", "y=0", "--nudge", "x=1.7e308", "--nudge", "y=1.7e308"],
            "after --nudge: the change of a value overflows: take a smaller step",
        ),
        (["x", "x=1", "--nudge", "x=1", "--code"], "--code prints only code: leave out --nudge"),
        (["--network", "--nudge", "x=1"], "--network goes with --digit and --draw only: leave out --nudge"),
        (["x", "x=1", "--local"], "--local draws local gradients: give it with --draw and a picture"),
        (
            ["x", "x=1", "--local", "--draw", "x.html"],
            "--local draws local gradients: give it with --draw and a picture",
        ),
        (["--gallery", "x.svg"], "--gallery x.svg: must end in .html"),
        (["x", "x=1", "--gallery", "x.html"], "--gallery goes with no other option"),
        (["--gallery", "config.yaml/x.html"], "^error: config.yaml: File exists\n$"),
        (
            ["--network", "--digit", "0", "--draw", "x.html"],
            "--draw x.html: must end in .svg, .png, .pdf: a network is",
        ),
        (["--network", "--digit", "0", "--draw", "x.jpg"], "--draw x.jpg: must end in .svg, .png, .pdf"),
        (["x", "x=1", "--draw", ""], "a path must not be empty"),
        (["x", "x=1", "--draw", "config.yaml/x.svg"], "^error: config.yaml: File exists\n$"),
        (["x", "x=1", "--digit", "0"], "--digit goes with --network only"),
        (["x", "x=1", "--upstream", "a"], "the value of --upstream, column 1: must be a number"),
        (
            ["x", "x=1", "--upstream", "[1, 2]"],
            r"the upstream gradient has shape \(2,\), which does not fit the output x of shape \(\)",
        ),
        (["x", "x=1", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["--example", "nonsense"], "--example nonsense: no such example: there are multiply, add"),
        (["--example", "multiply", "q=1"], "q has a value but is not in the expression"),
        (["--list-examples", "--json"], "--list-examples goes with no other option"),
        (["--network", "--json"], "--network goes with --digit and --draw only: leave out --json"),
        (["--network", "run", "x", "x=1"], "--network goes with --digit and --draw only: leave out EXPRESSION"),
        (["--network", "--example", "add", "--code"], "leave out --code, --example"),
        (["--network", "--digit", "0"], "--digit INDEX and --draw FILE go together"),
        (["--network", "--draw", "x.svg"], "--digit INDEX and --draw FILE go together"),
        (["--network", "--digit", "x", "--draw", "x.svg"], "argument --digit: invalid int value: 'x'"),
        (["--network", "no-run"], "no-run/manifest.json: no such file"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(circuit, arguments, message):
    code, out, error = circuit(*arguments)
    assert (code, out) == (2, "")
    assert error.startswith("error: ")
    assert error.count("error: ") == 1
    assert re.search(message, error)


@pytest.mark.parametrize("text", ["__import__('os').system('echo owned')", "(" * 10_000, "9**9**9**9", "x.__class__"])
def test_hostile_text_ends_in_exit_code_2_and_one_message(here, text):
    done = here("scripts/circuit.py", text, "x=1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: the expression, column ")
    assert "Traceback" not in done.stderr


def test_a_trained_network_is_shown_as_by_the_command_for_it(here, settings, tmp_path):
    write_folder(tmp_path / "data", [0, 1] * 3, [1, 7, 0], side=2)
    run = finished_run(settings)[0]
    shown = here("scripts/show_network.py", run)
    assert here("scripts/circuit.py", "--network", run).stdout == shown.stdout
    assert here("scripts/circuit.py", "--network", ".", cwd=run).stdout.startswith(".: 4-3-1")
    assert here("scripts/circuit.py", "--network", cwd=tmp_path).stdout.startswith("outputs/0001: 4-3-1")
    pictures = []
    for command in (["scripts/show_network.py"], ["scripts/circuit.py", "--network"]):
        path = tmp_path / f"{len(pictures)}.svg"
        done = here(*command, run, "--digit", 2, "--draw", path)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", f"drawing: {path}\n")
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]


def test_a_picture_shows_local_gradients_only_if_asked(circuit, tmp_path):
    for name, options in {"with": ["--local"], "without": []}.items():
        assert circuit("x * y", "x=3", "y=5", "--draw", tmp_path / f"{name}.svg", *options)[0] == 0
    assert 'id="local-2-0-0"' in (tmp_path / "with.svg").read_text()
    assert "local" not in (tmp_path / "without.svg").read_text()


@pytest.mark.parametrize("name", ["x.svg", "x.html"])
def test_the_folder_of_a_drawing_is_made(circuit, tmp_path, name):
    path = tmp_path / "new" / name
    assert circuit("x * 2", "x=3", "--draw", path)[0] == 0
    assert path.stat().st_size > 0


def test_a_table_in_chinese_has_its_columns_below_their_headings(here):
    """Each full-width character takes two columns of a terminal (Unicode, East Asian Width)."""
    done = here("scripts/circuit.py", "f = a * b", "a=2", "b=[3, 4]", "--lang", "zh")
    header, *rows = done.stdout.splitlines()
    assert done.returncode == 0
    assert header.split() == ["名称", "门", "前向传播", "值", "局部梯度", "梯度", "数值梯度", "相对误差"]

    def begins(line, word):
        before = line[: line.index(word)]
        return len(before) + sum(unicodedata.east_asian_width(character) in "WF" for character in before)

    assert [begins(rows[-1], word) for word in ("multiply", "a * b", "[6, 8]")] == [
        begins(header, word) for word in ("门", "前向传播", "值")
    ]


def test_explanations_in_chinese_and_facts_in_no_language(here):
    arguments = ["max(x, y)", "x=1", "y=1", "--nudge", "x=0.1", "--jacobian", "f", "--wrt", "x,y"]
    chinese, english = (here("scripts/circuit.py", *arguments, "--lang", language) for language in ("zh", "en"))
    assert (chinese.returncode, english.returncode) == (0, 0)
    assert english_left(chinese.stdout) == []
    facts = [here("scripts/circuit.py", *arguments, "--json", "--lang", language).stdout for language in ("zh", "en")]
    assert facts[0] == facts[1]
