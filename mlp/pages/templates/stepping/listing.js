// The staged code, with the inputs' numbers now; of a line's two forms the plain one, where that has the same numbers.

class Listing {
  constructor(section, lines) {
    Object.assign(this, { lines, frame: section.querySelector(".listing") });
    this.spans = spansOf(this.frame.firstElementChild);
  }

  // now: the line of the current step.
  show(now) {
    for (const { line, kind, node, position, forms } of this.lines) {
      const span = this.spans[line];
      if (kind === "given") setText(span, withNumbers(span.textContent, node));
      if (forms) setText(span, inForm(forms, node, position));
      span.ariaCurrent = line === now.line ? "step" : null;
    }
  }

  scrollTo({ line }) {
    this.frame.scrollTo({ top: this.spans[line].offsetTop - this.frame.clientHeight / 2, behavior: behavior() });
  }
}

// Each line in a span of its own. The rows of a long array are one line: those after the first are indented.
function spansOf(code) {
  const spans = code.textContent.split(/\n(?! )/).map((line) =>
    Object.assign(make("span"), { className: "line", textContent: `${line}\n` }));
  code.replaceChildren(...spans);
  return spans;
}

// The line of an input, with its numbers now.
function withNumbers(line, { value, classes }) {
  const numbers = Array.from(flat(value), (number) => (classes ? String(number) : python(number)));
  const start = line.indexOf("=");
  return line.slice(0, start) + line.slice(start).replace(/-?\b\d[-+.e\d]*/g, () => numbers.shift());
}
