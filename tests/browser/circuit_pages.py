"""What tests of circuit pages share: a page of an expression, its fields, and what it shows."""

from itertools import count
from math import ceil

from mlp.circuits.expression import parse
from mlp.circuits.source_text import parse_values
from mlp.pages import circuit as circuit_page

SHOWN = """(() => Object.fromEntries(
    [...document.querySelectorAll(".chosen svg [id]")]
        .filter((part) => /-(value|gradient)-/.test(part.id) && getComputedStyle(part).visibility === "visible")
        .map((part) => [part.id.replace(/^.*?-(?=value|gradient)/, ""), part.textContent.trim()])))()"""
"""The numbers that are visible in the chosen circuit's drawing, by the ids of their parts."""


HIDE, HIDE_VALUES = "Hide the gradients", "Hide the values, too"
"""The checkboxes of the exercise."""


def write_page(folder, text, values=(), upstream=1.0):
    """Write the page of an expression; the circuit, which has run, and the file."""
    circuit = parse(text, parse_values(list(values)))
    circuit.run(upstream)
    path = folder / "page.html"
    circuit_page.write(circuit, text, path)
    return circuit, path


# A click as a script's takes a few milliseconds; Playwright's own, as a user's, a twentieth of a second.

CLICK = "(part) => part.click()"


def tick(page, label):
    """Click on a checkbox, whatever it was."""
    page.locator(".chosen").get_by_role("checkbox", name=label, exact=True).evaluate(CLICK)


def press(page, name):
    page.locator(".chosen").get_by_role("button", name=name, exact=True).evaluate(CLICK)


def park_miller(seed):
    """The page's random numbers from 0 to 1: the minimal standard generator, without its first eight."""
    state = 1 + seed
    for k in count():
        state = state * 48271 % (2**31 - 1)
        if k >= 8:
            yield state / (2**31 - 1)


def whole_number(random):
    """The next of the new numbers for an input whose original numbers are whole: from -9 to 9, but not 0."""
    size = ceil(next(random) * 9)
    return size if next(random) < 0.5 else -size


def open_tool(page, name):
    page.locator(".chosen summary").get_by_text(name, exact=True).evaluate(CLICK)


def field(page, label):
    """The visible field with this label."""
    return page.locator(".chosen input[type=number]:visible").and_(page.get_by_label(label, exact=True))


def enter(page, label, text):
    """Type a text into a field."""
    field(page, label).evaluate(
        "(field, text) => { field.value = text; field.dispatchEvent(new Event('input')); }", text
    )


def texts(page, selector):
    """The visible text of each such part of the chosen circuit."""
    return page.locator(f".chosen {selector}").all_inner_texts()


def text(page, selector):
    (found,) = texts(page, selector)
    return found


ANSWER = """(answers) => {
    for (const [label, text] of Object.entries(answers)) {
        const field = [...chosen.section.querySelectorAll(".worksheet input")].find((one) => one.ariaLabel === label);
        field.value = text;
        field.dispatchEvent(new Event("change"));
    }
    return Object.fromEntries(chosen.exercise.asked.map(({ label, verdict }) => [label, verdict.innerText]));
}"""


def answer(page, **answers):
    """Type answers, in this order; the verdict of each question."""
    return page.evaluate(ANSWER, answers)
