"""What the tests of pages share: a browser, and checks that every page must pass."""

import shutil
from contextlib import contextmanager

import pytest

from mlp.pages import frame
from mlp.pages.javascript import Script
from tests.languages.english import in_english

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first has no window and needs little more than half of the processor time."""
EMPTY = "about:blank"
WIDTHS = {"phone": 390, "desktop": 1280}


@pytest.fixture(scope="session")
def chromium():
    """The system's Chromium, started once per process; without it the tests that need it are skipped."""
    from playwright.sync_api import sync_playwright  # slow to import, and few tests need it

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium here to open pages in: install it (Debian's package is named chromium-headless-shell)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tab(chromium):
    """A page that one test after another uses: opening a new one starts a process, which takes most of a second."""
    return chromium.new_context().new_page()


@contextmanager
def watched(chromium, tab=None):
    """Open files as pages. At the end, fail if a page printed to the console, raised an error, or requested a file.

    Pages open in ``tab``, if one is given. A new page is opened for options of a browser context, and with ``own``,
    which is for tests that change a page for good.
    """
    pages, urls, problems = [], set(), []

    def asked(request):
        if request.url.partition("#")[0] not in urls and not request.url.startswith(("data:", "blob:")):
            problems.append(f"requested {request.url}")

    heard = {
        "request": asked,
        "console": lambda message: problems.append(message.text),
        "pageerror": lambda error: problems.append(str(error)),
    }

    def visit(path, *, width=WIDTHS["desktop"], dark=False, reduced_motion=None, fragment="", own=False, **options):
        is_shared = tab is not None and not own and not options
        page = as_new(tab) if is_shared else chromium.new_context(**options).new_page()
        if page not in pages:
            pages.append(page)
            for event, listener in heard.items():
                page.on(event, listener)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(
            media="null", color_scheme="dark" if dark else "light", reduced_motion=reduced_motion or "no-preference"
        )
        page.set_default_timeout(10_000)
        urls.add(path.as_uri())
        page.goto(path.as_uri() + fragment)
        return page

    yield visit
    for page in pages:
        for event, listener in heard.items():
            page.remove_listener(event, listener)
        if page is tab:
            tab.goto(EMPTY)  # else it would train on during the next tests
        else:
            page.context.close()
    assert problems == []


@pytest.fixture
def visit(chromium, tab):
    """Open a file as a page, watched until the test ends, in a tab without traces of other tests."""
    with watched(chromium, tab) as visit:
        yield visit


def page_of(folder, *scripts):
    """A page of scripts alone, of templates/ and emitted ones; they are no module, so that a test reaches all names."""
    sources = [
        one.source() if isinstance(one, Script) else (frame.TEMPLATES / one).read_text(encoding="utf-8")
        for one in scripts
    ]
    path = folder / "scripts.html"
    path.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><title>scripts</title><script>{"".join(sources)}</script>',
        encoding="utf-8",
    )
    return path


READ = """(root) => {
    const found = [document.title];
    const add = (part, text) => { // what can be English, unless it is hidden, code, or the switch's "English"
        if (!/[a-z]{2}/i.test(text) || part.closest("code, pre, script, style, body [lang=en]")) return;
        if ((part.closest("select") ?? part).checkVisibility({ visibilityProperty: true })) found.push(text);
    };
    const walker = document.createTreeWalker(root ?? document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) add(walker.currentNode.parentElement, walker.currentNode.data);
    const said = ["alt", "aria-label", "aria-roledescription", "aria-valuetext", "placeholder", "title"];
    for (const part of (root ?? document.body).querySelectorAll(said.map((name) => `[${name}]`))) {
        for (const name of said) add(part, part.getAttribute(name) ?? "");
    }
    return found.map((text) => text.trim().replace(/\\s+/g, " "));
}"""
"""What a reader of a page, or of a part of it, sees or hears, except for code: its texts, and those in attributes."""


def leftovers(page, *names):
    """The texts that are still in English in a page in Chinese: see ``in_english``."""
    return in_english(page.evaluate(READ), *names)


def as_new(tab):
    """The tab as if new: an empty page, no history, the mouse in the corner."""
    if tab.url != EMPTY:
        tab.goto(EMPTY)
    tab.mouse.move(0, 0)
    session = tab.context.new_cdp_session(tab)
    session.send("Page.resetNavigationHistory")
    session.detach()
    return tab


def pytest_generate_tests(metafunc):
    """``look``: a width and a colour scheme as options of ``visit``; all pairs with --all-trials, else each once.

    A test with the mark ``one_look``, whose parts others test in both, has only the first of them by default.
    """
    if "look" in metafunc.fixturenames:
        looks = [(WIDTHS["phone"], True), (WIDTHS["desktop"], False)]
        if metafunc.config.getoption("--all-trials"):
            looks += [(width, not dark) for width, dark in looks]
        elif metafunc.definition.get_closest_marker("one_look"):
            looks = looks[:1]
        metafunc.parametrize("look", [{"width": width, "dark": dark} for width, dark in looks], ids=str)


SAME = "color-contrast"
"""The slowest rule of axe, which is tested in English: both languages have the same colours."""


@pytest.fixture
def accessible():
    """Assert that axe finds no barrier in a page, ``without`` some rules, and that nothing is wider than the window."""
    from axe_playwright_python.sync_playwright import Axe

    def accessible(page, *without):
        rules = {rule: {"enabled": False} for rule in without}
        found = Axe().run(page, options={"resultTypes": ["violations"], "rules": rules})
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the window"

    return accessible
