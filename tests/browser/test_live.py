"""Promises of the live view in a browser: it reloads itself while its run goes on, and the reader can stop that."""

import re

import pytest

import mlp
from mlp.pages import live
from tests.browser.conftest import leftovers
from tests.conftest import undrawn
from tests.faults.fault_helpers import project


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The pages of a run: before each of three epochs, and at its end."""
    folder, seen = tmp_path_factory.mktemp("live"), []
    settings = mlp.config.load(project(folder), ["output.live=true"])
    page = folder / "run" / "live.html"
    with pytest.MonkeyPatch.context() as patch, undrawn():
        patch.setattr(live, "SHORTEST", 0)
        patch.setattr(live, "REST", 0)
        mlp.train(settings, output=folder / "run", on_epoch=lambda row: seen.append(page.read_text(encoding="utf-8")))
    return [*seen, page.read_text(encoding="utf-8")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "live.html"


def at_time(visit, path, text, seconds, **options):
    """The page at this number of seconds after it was written; from then on time passes only as the test says."""
    path.write_text(text, encoding="utf-8")
    page = visit(path, own=True, **options)
    page.clock.install(time=int(re.search(r'"updated":(\d+)', text)[1]) / 1000 + seconds)
    page.reload()
    return page


@pytest.mark.parametrize("number", [0, 2, 3], ids=["no epoch", "training", "finished"])
def test_everyone_can_read_it(number, texts, path, visit, look, accessible):
    path.write_text(texts[number], encoding="utf-8")
    page = visit(path, **look)
    accessible(page)
    assert page.locator(".chart .curve").count() == (8 if number else 0)  # with those of the legends
    assert page.locator("#reload").is_visible() == (number < 3)


def test_it_reloads_and_keeps_what_is_open_and_the_focus(texts, path, visit):
    page = at_time(visit, path, texts[1], 1)
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    path.write_text(texts[2], encoding="utf-8")
    page.clock.run_for(3_000)
    page.wait_for_function("() => document.title.startsWith('2/3 training')")
    assert page.locator("details").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.localName") == "summary"
    path.write_text(texts[3], encoding="utf-8")
    page.clock.run_for(3_000)
    page.wait_for_function("() => document.title.startsWith('3/3 finished')")
    page.evaluate("window.mark = true")
    page.clock.run_for(100_000)
    assert page.evaluate("window.mark")


def test_pause_stops_the_reloads_and_is_remembered(texts, path, visit):
    page = at_time(visit, path, texts[1], 1)
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "Continue"
    page.evaluate("window.mark = true")
    page.clock.run_for(30_000)
    assert page.evaluate("window.mark")
    path.write_text(texts[2], encoding="utf-8")
    page.reload()
    assert page.locator("#reload").text_content() == "Continue"
    page.locator("#reload").click()
    path.write_text(texts[3], encoding="utf-8")
    page.clock.run_for(3_000)
    page.wait_for_function("() => document.title.startsWith('3/3 finished')")


def test_without_an_update_for_a_minute_it_says_so_and_does_not_reload(texts, path, visit, accessible):
    page = at_time(visit, path, texts[1], 61)
    said = page.locator("#silent").inner_text()
    assert said.startswith("No update since ")
    assert "mlp.train(resume=" in said
    assert page.title() == page.locator("h1").inner_text() == "Run run: no update"
    assert page.locator(".figures > div").first.inner_text().split() == ["time", "left", "–"]
    accessible(page)
    page.get_by_role("button", name="中文").click()
    assert page.title() == page.locator("h1").inner_text() == "运行 run：没有更新"
    assert page.locator(".figures > div").first.inner_text().split() == ["剩余时间", "–"]
    assert leftovers(page) == []
    page.get_by_role("button", name="English").click()
    page.evaluate("window.mark = true")
    page.clock.run_for(100_000)
    assert page.evaluate("window.mark")
    path.write_text(texts[3], encoding="utf-8")
    page.get_by_role("button", name="Reload").click()
    page.wait_for_function("() => document.title.startsWith('3/3 finished')")


def test_it_is_in_the_reader_s_language_and_a_reload_keeps_it(texts, path, visit):
    page = at_time(visit, path, texts[1], 1, locale="zh-CN")
    assert page.title() == "1/3 正在训练：运行 run"
    assert {"损失", "准确率（%）", "轮次", "训练"} < set(page.locator(".chart text").all_text_contents())
    assert leftovers(page) == []
    page.get_by_role("button", name="暂停").click()
    page.get_by_role("button", name="English").click()
    assert page.locator("#reload").text_content() == "Continue"
    assert {"loss", "accuracy (%)", "epoch", "training"} < set(page.locator(".chart text").all_text_contents())
    page.locator("#reload").click()
    path.write_text(texts[2], encoding="utf-8")
    page.clock.run_for(3_000)
    page.wait_for_function("() => document.title === '2/3 training: run run'")
    page.get_by_role("button", name="中文").click()
    path.write_text(texts[3], encoding="utf-8")
    page.clock.run_for(3_000)
    page.wait_for_function("() => document.title === '3/3 已完成：运行 run'")
    assert page.get_by_text("在测试图像上评估").is_visible()
    assert leftovers(page) == []
