"""Pages speak the reader's language: the browser's at first, then the one that the reader chose."""

import pytest
from playwright.sync_api import expect

from mlp.circuits.expression import parse
from mlp.pages import circuit


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    one = parse("x * y", {"x": 2, "y": 3})
    one.run()
    path = tmp_path_factory.mktemp("language") / "circuit.html"
    circuit.write(one, "x * y", path)
    return path


def test_a_page_is_in_the_browser_s_language_and_a_button_switches_it_for_later_pages_too(visit, page_file):
    page = visit(page_file, locale="zh-CN")
    following = page.locator("[data-go=next]")
    expect(following).to_have_text("下一步")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    expect(page.locator("[data-go=first]")).to_have_attribute("aria-label", "第一步")
    page.get_by_role("button", name="English").click()
    expect(following).to_have_text("Next")
    expect(page.locator("[data-go=play]")).to_have_text("Play")
    reload_in(page, "en")
    expect(following).to_have_text("Next")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("[data-go=play]")).to_have_text("播放")


def reload_in(page, language):
    """Load the page again until it is in this language: a busy browser writes its storage a moment later."""
    for _ in range(10):
        page.reload()
        if page.locator("html").get_attribute("lang") == language:
            return
        page.wait_for_timeout(100)


def test_a_page_for_other_readers_is_in_english(visit, page_file):
    page = visit(page_file, locale="fr-FR")
    expect(page.locator("[data-go=next]")).to_have_text("Next")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_language_kept_by_another_page_that_this_one_does_not_have_is_passed_over(visit, page_file):
    page = visit(page_file, locale="zh-CN")
    page.evaluate("localStorage.setItem('language', 'de')")
    page.reload()
    expect(page.locator("[data-go=next]")).to_have_text("下一步")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
