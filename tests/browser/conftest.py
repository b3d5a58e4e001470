"""Pages in a real browser: the system's Chromium, driven by Playwright."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = {"phone": 390, "desktop": 1280}


@pytest.fixture(scope="session")
def chromium():
    """The browser, once for all tests of a process."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here to open pages in: install it (Debian's package is named chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium):
    """Open a file as a page. Any word in its console, an error, or a request for more fails the test at its end."""
    contexts, problems = [], []

    def visit(path, *, width=WIDTHS["desktop"], dark=False, fragment="", **options):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", **options
        )
        contexts.append(context)
        page, url = context.new_page(), path.as_uri()

        def asked(request):
            if request.url.partition("#")[0] != url and not request.url.startswith("data:"):
                problems.append(f"requested {request.url}")

        page.on("request", asked)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.set_default_timeout(10_000)
        page.goto(url + fragment)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture(params=[(width, dark) for width in WIDTHS.values() for dark in (False, True)], ids=str)
def look(request):
    """Each width and colour scheme that a page is looked at in, as options of ``visit``."""
    width, dark = request.param
    return {"width": width, "dark": dark}


@pytest.fixture
def accessible():
    """Assert that axe finds nothing in a page that would shut someone out, and that nothing sticks out of it."""

    def accessible(page):
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the window"

    return accessible
