"""Promises of mlp.pages.live: a page follows a run, costs little, and never costs the run."""

import json
import re
import signal
from errno import ENOSPC
from functools import partial
from types import SimpleNamespace

import pytest

import mlp
from mlp.evaluation import Evaluation
from mlp.pages import frame, live
from mlp.system import signals
from tests.conftest import run_here
from tests.faults.fault_helpers import at_step, one_message, outcome, project, train


@pytest.fixture
def config(tmp_path):
    """Three epochs of three steps, each with an update of the page."""
    return project(tmp_path)


@pytest.fixture
def every_epoch(monkeypatch):
    """However short an epoch is, the page is updated."""
    monkeypatch.setattr(live, "SHORTEST", 0)
    monkeypatch.setattr(live, "REST", 0)


def title_of(text):
    return re.search("<title[^>]*>(.*?)</title>", text)[1]


def facts_of(text):
    """What the page's script gets."""
    return json.loads(re.search('id="facts">(.*?)</script>', text)[1])


@pytest.mark.usefixtures("every_epoch", "nothing_drawn")
def test_a_complete_page_names_each_epoch_while_the_run_trains_and_the_last_one_its_end(config, tmp_path):
    page, seen = tmp_path / "run" / "live.html", []
    run = mlp.train(
        mlp.config.load(config, ["output.live=true"]),
        output=tmp_path / "run",
        on_epoch=lambda row: seen.append(page.read_text(encoding="utf-8")),
    )
    seen.append(page.read_text(encoding="utf-8"))
    assert [title_of(text) for text in seen] == [
        *(f"{done}/3 training: run run" for done in range(3)),
        "3/3 finished: run run",
    ]
    for done, text in enumerate(seen):
        assert text.startswith("<!DOCTYPE html>")
        assert text.endswith("</html>")
        facts = facts_of(text)
        assert (facts["reload"] is None) == (done == 3)
        losses = [[row.epoch, pytest.approx(row.train_loss, rel=1e-5)] for row in run.history[:done]]
        assert facts["curves"]["train_loss"] == losses
        assert [int(number) for number in re.findall(r'row" class="number">(\d+)<', text)] == list(range(done, 0, -1))


@pytest.mark.usefixtures("every_epoch")
def test_weights_history_and_exit_code_are_the_same_with_the_page_and_without(config, tmp_path):
    done = [
        run_here("train.py", "--config", config, "--output", tmp_path / name, *options)
        for name, options in (("with", ["--live"]), ("without", []))
    ]
    assert [each.returncode for each in done] == [0, 0]
    assert outcome(tmp_path / "with") == outcome(tmp_path / "without")
    files = [{path.name for path in (tmp_path / name).iterdir()} for name in ("with", "without")]
    assert files[0] - files[1] == {"live.html"}
    assert f"live:  {tmp_path / 'with' / 'live.html'}\n" in done[0].stdout
    assert "live" not in done[1].stdout + done[1].stderr


def no_room(*_):
    raise OSError(ENOSPC, "No space left on device")


def in_its_place(page):
    page.unlink()
    page.mkdir()


def no_template(monkeypatch):
    monkeypatch.setattr(frame, "_environment", partial(frame._environment().overlay, loader=None))


PROBLEMS = {
    "a folder": lambda patch, page: at_step(patch, 4, lambda: in_its_place(page)),
    "a full disk": lambda patch, page: patch.setattr(live, "write_text", no_room),
    "no template": lambda patch, page: no_template(patch),
}


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_a_page_that_cannot_be_written_costs_a_warning_and_nothing_else(
    problem, config, tmp_path, monkeypatch, capsys, injected
):
    assert train(monkeypatch, "--config", config, "--output", tmp_path / "undisturbed") == 0
    capsys.readouterr()
    problem(monkeypatch, tmp_path / "run" / "live.html")
    assert train(monkeypatch, "--config", config, "--output", tmp_path / "run", "--live", "--quiet") == 0
    assert "live.html: no live view, the run goes on without it: " in one_message(capsys.readouterr().err, "warning")
    assert outcome(tmp_path / "run") == outcome(tmp_path / "undisturbed")
    injected("live views that cannot be written")


def interrupt():
    signal.raise_signal(signal.SIGINT)


def fail():
    raise OSError(ENOSPC, "No space left on device", "checkpoint.npz")


ENDS = {
    "interrupted": (130, interrupt, [], "--resume"),
    "failed": (2, fail, [], "checkpoint.npz: No space left on device"),
    "diverged": (3, lambda: None, ["training.learning_rate=1000", "model.activation=relu"], "lower training.learning"),
}


@pytest.mark.parametrize("status", ENDS)
def test_the_last_page_says_how_the_run_ended_and_how_to_go_on_and_does_not_reload(
    status, config, tmp_path, monkeypatch, capsys
):
    code, happens, options, words = ENDS[status]
    with monkeypatch.context() as patch:
        at_step(patch, 5, happens)
        command = ["--config", config, "--output", tmp_path / "run", "--live", "--set", *options, "training.seed=1"]
        assert train(patch, *command) == code
    signals.clear()
    text = (tmp_path / "run" / "live.html").read_text(encoding="utf-8")
    assert f"Run run: {status}" in text
    assert words in text
    assert facts_of(text)["reload"] is None
    capsys.readouterr()


def test_on_resume_the_option_may_change_and_no_old_page_stays(config, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        at_step(patch, 4, interrupt)
        assert train(patch, "--config", config, "--output", run) == 130
    assert not (run / "live.html").exists()
    signals.clear()
    with monkeypatch.context() as patch:
        at_step(patch, 2, interrupt)
        assert train(patch, "--resume", run, "--live") == 130
    assert title_of((run / "live.html").read_text(encoding="utf-8")) == "1/3 interrupted: run run"
    signals.clear()
    assert train(monkeypatch, "--resume", run, "--set", "output.live=false") == 0
    assert not (run / "live.html").exists()


@pytest.mark.usefixtures("nothing_drawn")
def test_an_update_waits_until_it_costs_less_than_a_fiftieth_but_the_last_epoch_is_always_shown(tmp_path, monkeypatch):
    now, titles, silences = [0.0], [], []

    def write(path, text):
        now[0] += 1  # second
        titles.append(title_of(text))
        silences.append(facts_of(text)["silence"])

    def pass_time(row):
        now[0] += 20

    monkeypatch.setattr(live, "perf_counter", lambda: now[0])
    monkeypatch.setattr(live, "write_text", write)
    settings = mlp.config.load(project(tmp_path, epochs=9), ["output.live=true"])
    mlp.train(settings, output=tmp_path / "run", on_epoch=pass_time)
    assert [int(title.split("/")[0]) for title in titles] == [0, 1, 4, 7, 9, 9]
    assert silences == [60_000, 60_000, *[110_000] * 4]  # a run that waits is not called killed


@pytest.mark.usefixtures("every_epoch", "nothing_drawn")
def test_it_promises_and_rounds_nothing_up_and_knows_its_run_by_any_path(config, tmp_path, monkeypatch):
    monkeypatch.setattr(Evaluation, "accuracy", 0.99996)
    folder, seen = tmp_path / "run", []
    folder.mkdir()
    monkeypatch.chdir(folder)
    settings = mlp.config.load(config, ["output.live=true", "output.report=true", "training.patience=2"])

    def stop(row):
        seen.append((folder / "live.html").read_text(encoding="utf-8"))
        return row.epoch == 2

    monkeypatch.setattr("mlp.run.make_report", lambda directory, warn: None)
    mlp.train(settings, output=".", on_epoch=stop)
    end = (folder / "live.html").read_text(encoding="utf-8")
    assert "at most about" in seen[1]
    assert "2 of 3 epochs, stopped early" in end
    assert ">99.99&nbsp;%" in end
    assert "100.00" not in end
    assert title_of(end) == "2/3 finished: run run"
    assert "a few seconds after the end of the run" in end  # at this moment there is no report yet


def test_a_long_curve_keeps_its_peaks_its_end_and_a_bounded_number_of_points():
    losses = [{3_333: 9.0, 7_777: -9.0}.get(epoch, epoch % 7) for epoch in range(1, 10_001)]
    points = live.curve([SimpleNamespace(epoch=k, train_loss=loss) for k, loss in enumerate(losses, 1)], "train_loss")
    assert len(points) <= 801
    assert points == sorted(points)
    assert {(3_333, 9.0), (7_777, -9.0)} <= set(points)
    assert points[-1] == (10_000, 4.0)
