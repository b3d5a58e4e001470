"""Promises of the playground's page: what its buttons and fields do, and what it shows."""

import shlex

import numpy as np
import pytest

from mlp import config
from mlp.commands.arguments import Parser, config_of
from mlp.data import xor
from mlp.network import MLP
from mlp.pages import playground
from mlp.training import from_config
from mlp.training.loop import Trainer
from mlp.training.random_streams import Stream, generator
from tests.browser.conftest import leftovers, page_of
from tests.conftest import write_folder
from tests.pages.untrained import untrained_run

SETTINGS = """
data: {digits: [3, 5, 9], scale: 100, validation_fraction: 0.25}
model: {hidden_sizes: [6]}
training: {batch_size: 4, momentum: 0.25}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """IDX files of three classes, and each page that the tests open, made once."""
    folder = tmp_path_factory.mktemp("playground")
    write_folder(folder / "data", [3, 5, 9] * 8, [3, 5, 9])
    (folder / "config.yaml").write_text(SETTINGS)
    settings = config.load(folder / "config.yaml")
    command = playground.Command(f"python train.py --config {folder / 'config.yaml'}", "--set", settings)
    (folder / "digits.html").write_text(playground.of_config(settings, command))
    (folder / "xor.html").write_text(playground.of_xor())
    run = untrained_run(folder, SETTINGS, change=lambda network: network.parameter_block.fill(0.5))
    (folder / "run.html").write_text(playground.of_run(run.directory))
    return folder


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """A page of the scripts that read the fields."""
    return page_of(tmp_path_factory.mktemp("rules"), "numbers.js", "playground/options.js")


@pytest.fixture
def opened(visit, folder):
    """Open one of these pages, and wait for its network."""

    def opened(name, **look):
        page = visit(folder / f"{name}.html", **look)
        until(page, "globalThis.playground?.latest()")
        return page

    return opened


def until(page, condition):
    """Wait until a condition holds in the page, for at most ten seconds."""
    page.evaluate(
        f"""async () => {{
          const end = performance.now() + 10000;
          while (!({condition})) {{
            if (performance.now() > end) throw new Error("never: " + {condition!r});
            await new Promise(requestAnimationFrame);
          }}
        }}"""
    )


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def switch(page, language):
    """As a script clicks: a user's click takes longer on a page that trains."""
    page.get_by_role("button", name=language, exact=True).evaluate("(part) => part.click()")


def steps(page, count):
    for _ in range(count):
        before = page.evaluate("playground.latest().steps")
        press(page, "Step")
        until(page, f"playground.latest().steps === {before + 1}")


def enter(page, label, value):
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.blur()


def weights(page):
    return page.evaluate("Array.from(playground.latest().parameters)")


def reset(page):
    press(page, "Reset")
    until(page, "playground.latest().steps === 0")


def figure(page, name):
    return page.locator("dt", has_text=name).locator("+ dd").text_content()


def state(page):
    return page.locator("#controls [role=status]").text_content()


def test_step_and_epoch_train_so_far_and_reset_begins_again(opened):
    page = opened("digits")
    first = weights(page)
    assert "press Run" in state(page)
    steps(page, 2)
    assert figure(page, "step of epoch") == "2 of 5"  # 18 images, 4 in a batch
    press(page, "Epoch")
    until(page, "playground.latest().epoch === 2 && !playground.latest().isRunning")
    assert "End of epoch 1" in state(page)
    assert figure(page, "total steps") == "5"
    trained = weights(page)
    assert trained != first
    reset(page)
    assert weights(page) == first
    assert "seed 0" in state(page)
    press(page, "Epoch")
    until(page, "playground.latest().epoch === 2 && !playground.latest().isRunning")
    assert weights(page) == trained


def test_xor_is_learned_and_pause_stops(opened):
    page = opened("xor")
    press(page, "Run")
    until(page, "playground.latest().judged.wrong.length === 0")
    press(page, "Pause")
    until(page, "!playground.latest().isRunning")
    paused = page.evaluate("playground.latest().steps")
    assert page.locator(".large").text_content().split() == ["4", "of", "4", "rows", "are", "right"]
    steps(page, 1)
    assert page.evaluate("playground.latest().steps") == paused + 1


def test_a_reset_stops_the_training(opened):
    page = opened("digits")
    first = weights(page)
    press(page, "Run")
    until(page, "playground.latest().isRunning && playground.latest().steps > 0")
    reset(page)
    assert weights(page) == first
    steps(page, 1)
    assert not page.evaluate("playground.latest().isRunning")
    press(page, "Run")
    until(page, "playground.latest().steps > 1")
    enter(page, "hidden units", "4, 2")
    until(page, f"playground.latest().parameters.length === {16 * 4 + 4 + 4 * 2 + 2 + 2 * 3 + 3}")
    assert state(page) == "Reset, because hidden units changed: new weights from seed 0."


def test_another_learning_rate_acts_on_the_next_step(opened):
    page = opened("xor")
    steps(page, 2)
    enter(page, "learning rate", "0.25")
    enter(page, "momentum", "0.5")
    assert "momentum is now 0.5" in state(page)
    steps(page, 2)
    network = MLP([2, 8, 1], precision="float64", generator=generator(0, Stream.WEIGHTS))
    velocity = np.zeros_like(network.parameter_block)
    for rate, momentum in [(1.0, 0.0), (1.0, 0.0), (0.25, 0.5), (0.25, 0.5)]:
        network.loss(xor.X, xor.Y)
        network.backward()
        velocity = momentum * velocity + network.gradient_block
        network.parameter_block -= rate * velocity
    assert np.abs(np.array(weights(page)) - network.parameter_block).max() < 1e-12


def command(page):
    """The config of the command that the page shows."""
    words = shlex.split(page.locator("#command").text_content())
    assert words[:2] == ["python", "train.py"]
    parser = Parser()
    parser.add_config()
    return config_of(parser.parse_args(words[2:]))


def test_the_command_repeats_the_training(opened):
    page = opened("digits")
    enter(page, "hidden units", "5, 3")
    page.get_by_label("activation").select_option("tanh")
    page.get_by_label("loss", exact=True).select_option("cross_entropy")
    enter(page, "learning rate", "0.1")
    enter(page, "momentum", "0")  # the default, but not the config's
    enter(page, "seed", "7")
    assert "Reset, because seed changed" in state(page)
    for epoch in (2, 3):
        press(page, "Epoch")
        until(page, f"playground.latest().epoch === {epoch} && !playground.latest().isRunning")
    settings = from_config.resolved(command(page))
    training, held_out = from_config.split(settings, from_config.training_images(settings))
    trainer = Trainer(from_config.network(settings, training.inputs), training, held_out, settings.training)
    for _ in range(settings.training.epochs):
        trainer.run_epoch()
    assert np.abs(np.array(weights(page)) - trainer.network.parameter_block).max() < 1e-9
    enter(page, "learning rate", "0.2")
    steps(page, 1)
    assert not page.locator("#command").is_visible()  # no command changes the rate on the way


def test_a_wrong_value_is_explained_and_changes_nothing(opened):
    page = opened("xor")
    assert_refused(page, "batch size", "2.5", "1,000,000,000")  # as in a config
    press(page, "Run")
    assert_refused(page, "hidden units", "4, none", "whole numbers from 1 to 256")
    steps_now = page.evaluate("playground.latest().steps")
    until(page, f"playground.latest().isRunning && playground.latest().steps > {steps_now}")
    assert len(weights(page)) == 2 * 8 + 8 + 8 + 1


def assert_refused(page, label, value, must):
    """Until the value is right again, the field is marked, and a note says which one still counts."""
    field = page.get_by_label(label, exact=True)
    before = field.input_value()
    enter(page, label, value)
    assert field.get_attribute("aria-invalid") == "true"
    [note] = filter(None, page.locator("#notes p").all_text_contents())
    assert note.startswith(f"{label}: must be")
    assert must in note
    assert note.endswith(f"still {before}.")
    enter(page, label, before)
    assert field.get_attribute("aria-invalid") is None


def test_the_language_switches_while_it_trains_and_nothing_is_lost(opened):
    page = opened("xor", locale="zh-CN")
    shown = [leftovers(page)]
    press(page, "下一步")
    press(page, "运行")
    until(page, "playground.latest().isRunning && playground.latest().steps > 0")
    shown.append(leftovers(page))
    switch(page, "English")
    assert state(page) == "Training."
    begun = page.evaluate("playground.latest().steps")
    until(page, f"playground.latest().isRunning && playground.latest().steps > {begun}")
    switch(page, "中文")
    assert state(page) == "正在训练。"
    press(page, "暂停")
    until(page, "!playground.latest().isRunning")
    enter(page, "批次大小", "0")
    page.get_by_label("优化器").select_option("adam")  # which begins anew
    enter(page, "学习率", "0.5")
    until(page, "playground.latest().steps === 0")
    press(page, "一步")
    until(page, "playground.latest().steps === 1")
    shown.append(leftovers(page))
    trained = weights(page)
    switch(page, "English")
    assert state(page).startswith("End of epoch 1: batch loss 0.")
    assert "batch size: must be a whole number, at least 1 and" in page.locator("#notes").inner_text()
    assert page.get_by_text("only for sgd").is_visible()
    assert page.locator(".large").text_content().split()[1:] == ["of", "4", "rows", "are", "right"]
    assert "in the next batch" in page.locator(".which").text_content()
    assert {"epoch", "each batch", "all rows"} < set(page.locator(".chart text").all_text_contents())
    fields = [page.get_by_label(label).input_value() for label in ("batch size", "optimizer", "learning rate")]
    assert fields == ["0", "adam", "0.5"]
    assert page.locator(".slider input").input_value() == "1"
    assert weights(page) == trained
    switch(page, "中文")
    press(page, "重置")
    until(page, "playground.latest().steps === 0")
    assert state(page) == "已重置：由种子 0 生成的新权重。"
    shown.append(leftovers(page))
    assert shown == [[]] * 4


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("hidden_sizes", ["4, none", "1, 2, 3, 4", "0", "257", "1,", "1.5"], {"": [], " 16 , 8 ": [16, 8]}),
        ("learning_rate", ["0", "", "1001", "-1", "inf", "1e"], {"1e-3": 0.001, "1000": 1000}),
        ("momentum", ["1", "-0.1"], {"0": 0, "0.9": 0.9}),
        ("weight_decay", ["-1"], {"0": 0}),
        ("batch_size", ["0", "2.5", "1000000001"], {"5": 5}),
        ("seed", ["-1", "1e3", "1" * 16], {"0": 0, "1" * 15: int("1" * 15)}),
    ],
)
def test_a_field_takes_what_a_config_takes(visit, rules, name, wrong, right):
    read = "([ranges, name, texts]) => texts.map(rulesFor({ layers: 3, units: 256 }, ranges)[name][0])"
    page, ranges = visit(rules), playground.ranges()
    assert page.evaluate(read, [ranges, name, wrong]) == [None] * len(wrong)
    assert page.evaluate(read, [ranges, name, list(right)]) == list(right.values())


def test_momentum_is_for_sgd_alone(opened):
    page = opened("digits")
    page.get_by_label("optimizer").select_option("adam")
    momentum = page.get_by_label("momentum")
    assert momentum.is_disabled()
    assert page.get_by_text("only for sgd").is_visible()
    until(page, "document.querySelector('#command').textContent.includes('adam')")
    settings = command(page)  # which refuses a momentum with adam
    assert (settings.training.optimizer, settings.training.momentum) == ("adam", 0)


@pytest.mark.parametrize("name", ["digits", "run"])
def test_a_press_on_a_button_after_input_in_a_field_counts(opened, name):
    page = opened(name)  # a run's page also says that the run's weights need the run's network
    enter(page, "learning rate", "much")
    page.get_by_label("learning rate").fill(" 025e-2 ")
    page.get_by_label("hidden units").focus()
    page.get_by_label("hidden units").fill("5,  3")
    button = page.get_by_role("button", name="Step", exact=True).bounding_box()
    page.mouse.move(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)
    page.mouse.down()
    page.evaluate("new Promise(requestAnimationFrame)")  # as a finger is slower than the page
    page.mouse.up()
    until(page, "playground.latest().steps === 1")
    shown = [page.get_by_label(label).input_value() for label in ("learning rate", "hidden units")]
    assert shown == ["0.25", "5, 3"]


def test_divergence_is_said_and_the_last_weights_stay(visit, folder):
    (folder / "decay.html").write_text(
        playground.of_config(config.load(folder / "config.yaml", ["training.weight_decay=0.001"]))
    )
    page = visit(folder / "decay.html")
    until(page, "globalThis.playground?.latest()")
    enter(page, "learning rate", "1000")
    enter(page, "weight decay", "1000")  # each step multiplies the weights by a million
    press(page, "Run")
    until(page, "playground.latest().hasDiverged")
    done = page.evaluate("playground.latest().steps")
    assert f"Diverged at step {done + 1}:" in state(page)
    assert "Lower the learning rate" in state(page)
    assert np.isfinite(weights(page)).all()
    assert page.get_by_role("button", name="Run", exact=True).get_attribute("aria-disabled") == "true"
    enter(page, "learning rate", "0.1")
    enter(page, "weight decay", "0")
    assert state(page) == "The weight decay is now 0. Press Reset to train again."
    reset(page)
    steps(page, 1)


def test_a_runs_weights_or_new_ones(opened):
    page = opened("run")
    assert set(weights(page)) == {0.5}
    page.get_by_label("weights", exact=True).select_option("new")
    until(page, "!playground.latest().parameters.every((number) => number === 0.5)")
    page.get_by_label("weights", exact=True).select_option("run")
    until(page, "playground.latest().parameters.every((number) => number === 0.5)")
    enter(page, "hidden units", "")
    until(page, f"playground.latest().parameters.length === {16 * 3 + 3}")
    assert page.get_by_label("weights", exact=True).input_value() == "new"
    assert page.get_by_text("weights: the run's weights need hidden units 6 and sigmoid.").is_visible()


def test_the_keyboard_alone_runs_and_pauses(opened):
    page = opened("xor")
    page.get_by_label("seed").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, "playground.latest().isRunning")
    assert page.locator(":focus").text_content() == "Run"  # which is disabled, and keeps the focus
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, "!playground.latest().isRunning")
    assert page.locator(":focus").text_content() == "Pause"


def test_a_page_without_barriers_whose_important_parts_are_seen_together(opened, look, accessible):
    page = opened("digits", **look)
    press(page, "Epoch")
    until(page, "playground.latest().epoch === 2 && !playground.latest().isRunning")
    enter(page, "batch size", "0")
    accessible(page)
    shown, needed = page.locator("#options select").evaluate_all(
        "(all) => ['', 'max-content'].map((width) => all.map((one) => {"
        " one.style.width = width; return one.offsetWidth; }))"
    )
    assert all(width >= least for width, least in zip(shown, needed, strict=True)), "a choice is cut off"
    page.locator("#options select").evaluate_all("(all) => all.forEach((one) => one.removeAttribute('style'))")
    if look["width"] > 1000:
        enter(page, "batch size", "4")
        assert page.locator("#results").bounding_box()["y"] + page.locator("#results").bounding_box()["height"] <= 900


def test_the_image_is_one_of_the_next_batch(opened):
    page = opened("digits")
    which = page.locator(".which")
    batch = page.evaluate(
        "playground.latest().batch.map((k) => [playground.facts.data.digits[playground.facts.data.classes[k]],"
        " playground.facts.data.indices[k]])"
    )
    for label, index in [*batch, batch[0]]:
        assert f"label {label}, training image {index};" in which.text_content()
        press(page, "Next image")
    assert "2 of 4" in which.text_content()
    press(page, "Previous image")
    assert "1 of 4" in which.text_content()


def test_the_drawing_has_the_gradients_of_the_image(opened):
    page = opened("digits")
    press(page, "Last step")
    gradients = page.locator(".drawing [id*=gradient]:not(.unknown)")
    shown = dict(label.split(" = ") for label in gradients.evaluate_all("(all) => all.map((one) => one.ariaLabel)"))
    assert (shown["dL"], shown["dE"], shown["dW1"]) == ("1", "0.25", "(16, 6)")  # n = 4
    assert shown["db2"] == shown["dZ5"]  # of one row
    assert np.isfinite(np.array(shown["db2"].strip("[]").split(), float)).all()


def test_paper_has_the_options_and_no_number_that_is_not_known(opened):
    page = opened("digits")
    press(page, "Next")
    page.emulate_media(media="print")
    assert page.get_by_label("learning rate").is_visible()
    assert not page.get_by_role("button", name="Run", exact=True).is_visible()
    printed = page.locator(".drawing [id*=gradient] text").evaluate_all(
        "(all) => all.filter((one) => getComputedStyle(one).visibility === 'visible').length"
    )
    assert printed == 0  # before the backward pass


def test_forced_colors_keep_the_classes_apart_and_what_can_be_pressed(opened):
    page = opened("digits")
    page.emulate_media(forced_colors="active")
    page.reload()
    until(page, "globalThis.playground?.latest()")
    run, pause = (page.get_by_role("button", name=name, exact=True) for name in ("Run", "Pause"))
    color = "(button) => getComputedStyle(button).color"
    buttons = {run.evaluate(color), pause.evaluate(color)}
    markers = page.locator(".marker").evaluate_all(
        """(all) => all.map((one) => {
          const middle = one.width >> 1;
          return one.getContext("2d").getImageData(middle, middle, 1, 1).data.join();
        })"""
    )
    page.emulate_media(forced_colors="none")
    assert len(buttons) == 2
    assert len(set(markers)) == 3


def test_a_curve_of_many_steps_keeps_few_points_and_its_peaks(visit, tmp_path):
    page = visit(page_of(tmp_path, "charts/growing_curve.js"))
    kept = page.evaluate(
        """() => {
          const curve = new GrowingCurve();
          for (let step = 0; step < 100000; step += 1) curve.add([step, step === 70001 ? 9 : step === 123 ? -9 : 1]);
          return curve.points;
        }"""
    )
    assert len(kept) < 1500
    assert [70001, 9] in kept
    assert [123, -9] in kept
    assert kept[-1][0] == 99999
    assert kept == sorted(kept)


def test_a_batch_without_loss_leaves_the_other_curves_readable(visit, tmp_path):
    charts = ("charts/scale.js", "charts/curve.js", "charts/growing_curve.js", "playground/curves.js")
    page = visit(page_of(tmp_path, *charts))
    texts = page.evaluate(
        """async () => {
          globalThis.say = (key) => key;
          const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
          svg.style = "display: block; width: 600px; height: 300px";
          document.body.append(svg);
          const curves = new LossCurves(svg, "held_out");
          curves.add([[0, 0.1], [0.5, 1e-200]], [{ epoch: 0, loss: 0.1 }, { epoch: 1, loss: 0.01 }]);
          curves.draw();
          return [...svg.querySelectorAll("text")].map((text) => text.textContent);
        }"""
    )
    assert "0.01" in texts
    assert not [text for text in texts if "200" in text or text.startswith("10⁻¹")]


def test_the_boundary_is_where_two_classes_are_equally_probable(visit, tmp_path):
    scripts = ("passes/decide.js", *(f"playground/{name}.js" for name in ("boundary", "network", "worker")))
    page = visit(page_of(tmp_path, *scripts))
    size = 16
    column, row = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    scores = np.stack([column, row, 20 - 0.6 * column - 0.7 * row])  # of three classes, which meet in a point
    P = 1 / 3 + 1e-5 * scores.reshape(3, -1).T  # an untrained network's are as near to each other
    lines = page.evaluate(
        "([shape, data, size]) => boundary(surfaceOf({ shape, data: Float64Array.from(data) }), size)",
        [P.shape, P.ravel().tolist(), size],
    )
    x, y = np.array(lines).reshape(-1, 2).T
    found = np.sort(np.stack([x, y, 20 - 0.6 * x - 0.7 * y]), axis=0)
    inside = (x > 0.5) & (x < size - 0.5) & (y > 0.5) & (y < size - 0.5)
    assert len(lines) > size
    assert np.abs(found[2] - found[1])[inside].max() < 0.5  # less than half a place away
    assert np.median(np.abs(found[2] - found[1])) < 1e-9
