// A page of circuits. What it shows follows from a circuit's state: its numbers, the step, and the exercise. The address
// has the state, so it does not matter how the reader came there.

const PAUSE = 1500; // milliseconds between the steps of Play

class Circuit {
  constructor(section) {
    const { nodes, output, upstream, of, lines } = JSON.parse(section.querySelector("script").textContent);
    Object.assign(this, { section, of, name: section.dataset.name, step: 0, timer: null });
    this.graph = new Graph(nodes, output);
    this.graph.upstream = arrayOf(this.graph.output.shape, upstream);
    for (const line of lines) {
      line.node = this.graph.nodes[line.node];
      line.target = line.kind === "backward" ? line.node.inputs[line.position] : line.node;
    }
    this.lines = lines;
    this.steps = lines.filter(({ kind }) => kind !== "given");
    this.last = this.steps.length - 1;
    this.forward = lines.filter(({ kind }) => kind === "forward").length;
    this.drawing = new Drawing(section, this.name, (number) => this.meaning(number), (number) => this.exercise.answer(number));
    this.inputs = new Inputs(section, this.graph, () => this.changed());
    this.exercise = new Exercise(section, this.graph, this.steps, () => { this.pause(); this.show(); remember(); });
    this.drawing.frame.addEventListener("scroll", () => this.showTrouble());
    this.listing = this.find(".listing");
    this.spans = spansOf(this.listing.firstElementChild);
    this.slider = this.find("[type=range]");
    this.slider.addEventListener("input", () => this.moveTo(Number(this.slider.value)));
    this.buttons = Object.fromEntries([...section.querySelectorAll("[data-go]")].map((one) => [one.dataset.go, one]));
    for (const [where, button] of Object.entries(this.buttons)) button.addEventListener("click", () => this.go(where));
  }

  find(selector) {
    return this.section.querySelector(selector);
  }

  // What a button does.
  go(where) {
    const step = { first: 0, back: this.step - 1, next: this.step + 1, last: this.last }[where];
    if (step === undefined) this[where]();
    else this.moveTo(step);
  }

  // The user chose a step: this stops Play.
  moveTo(step) {
    this.pause();
    this.showStep(step);
    remember();
  }

  original() {
    this.inputs.take(null);
    this.beginAnew();
  }

  renew() {
    this.inputs.renew();
    this.beginAnew();
  }

  // The answers belong to the old numbers.
  beginAnew() {
    this.exercise.begin();
    this.changed();
  }

  descend() {
    const before = this.total();
    const chosen = [...this.section.querySelectorAll("[data-moves]:checked")].map(({ dataset }) => dataset.moves);
    const predicted = this.inputs.descend(chosen);
    this.changed();
    const [from, to, change, promised] = [before, this.total(), this.total() - before, predicted].map((x) => rounded(x));
    this.find(".outcome").textContent = predicted === null ? "No step: an input would become infinite." :
      `${this.of} went from ${from} to ${to}: it changed by ${change}. The gradient predicted ${promised}.`;
  }

  // The scalar whose derivatives are computed.
  total() {
    const weights = numbersOf(this.graph.upstream);
    return numbersOf(this.graph.output.value).reduce((sum, number, k) => sum + weights[k] * number, 0);
  }

  // The inputs' numbers have changed.
  changed() {
    this.compute();
    this.show();
    remember();
  }

  // Both passes. A line of the backward pass gets the sum of what had arrived before, and with its own part.
  compute() {
    this.find(".outcome").textContent = "";
    this.graph.forward();
    this.graph.backward(this.graph.upstream);
    const sums = new Map();
    for (const line of this.steps.filter(({ kind }) => kind === "backward")) {
      line.before = sums.get(line.target);
      line.total = plus(line.before, line.node.sent[line.position]);
      sums.set(line.target, line.total);
    }
  }

  // The state from the address.
  restore({ step, seed, exercise, texts }) {
    this.inputs.restore(seed, texts);
    this.compute();
    this.exercise.restore(exercise, texts);
    this.showStep(step);
  }

  // On paper a circuit has all numbers, but for those of an exercise.
  showForPrint() {
    if (this.graph.output.gradient === undefined) this.compute();
    if (!this.exercise.isOn) this.drawing.show(known(this.graph, this.steps), {});
  }

  showStep(step) {
    this.step = Math.min(Math.max(step, 0), this.last);
    this.show();
    this.scroll();
  }

  show() {
    const now = this.steps[this.step];
    this.section.classList.toggle("exercising", this.exercise.isOn);
    const broken = this.showTrouble();
    if (this.exercise.isOn) {
      this.drawing.show(this.exercise.show(), { broken });
    } else {
      this.drawing.show(known(this.graph, this.steps.slice(0, this.step + 1)), { broken, ...marked(now) });
    }
    const { title, note = "", about = "", ...rows } = SAYS[now.kind]({ ...now, of: this.of, output: this.graph.output });
    for (const [place, text] of Object.entries({ title, note, about })) this.find(`[data-says=${place}]`).textContent = text;
    this.find("dl").replaceChildren(...Object.entries(rows).filter(([, text]) => text).map(inRow));
    this.showPlace();
    this.showListing();
  }

  // At the first gate where a number is infinite or undefined, say so; returns the ids of what is broken in the drawing.
  showTrouble() {
    const isWrong = (what) => (node) => !numbersOf(node[what] ?? 0).every(isFinite);
    const node = this.graph.nodes.find(isWrong("value")) ?? this.graph.nodes.findLast(isWrong("gradient"));
    const what = node && isWrong("value")(node) ? "value" : "gradient";
    const place = this.find(".trouble");
    const number = node && rounded(numbersOf(node[what]).find((x) => !isFinite(x)));
    const text = node
      ? `${what === "value" ? "" : "d"}${node.name} is ${number}: it overflows or is not defined here.`
      : this.inputs.trouble();
    if (place.textContent !== text) place.textContent = text; // a screen reader says it once
    place.classList.toggle("at-gate", Boolean(node));
    if (node) this.drawing.putBelow(place, this.drawing.parts.get(`lead-${node.id}`));
    return node ? [`gate-${node.id}`, `lead-${node.id}`] : [];
  }

  showPlace() {
    const { step, last, forward } = this;
    const [pass, done, all] = step <= forward ? ["forward", step, forward] : ["backward", step - forward, last - forward];
    const phase = step ? `${pass} ${done} of ${all}` : "inputs";
    this.find(".counter").textContent = `step ${step} of ${last}`;
    this.find(".phase").textContent = phase;
    this.slider.value = step;
    this.slider.ariaValueText = `step ${step} of ${last}, ${phase}`;
    for (const where of ["first", "back"]) this.buttons[where].ariaDisabled = step === 0;
    for (const where of ["next", "last"]) this.buttons[where].ariaDisabled = step === last;
  }

  // The listing with the inputs' numbers; where a line has two forms, the plain one if it has the same numbers.
  showListing() {
    const { spans } = this;
    for (const { line, kind, node, position, forms } of this.lines) {
      let text = spans[line].textContent;
      if (kind === "given") text = withNumbers(text, node);
      if (forms) text = inForm(forms, node, position);
      if (spans[line].textContent !== text) spans[line].textContent = text;
      spans[line].ariaCurrent = null;
    }
    spans[this.steps[this.step].line].ariaCurrent = "step";
  }

  // Scroll the drawing and the listing to the step.
  scroll() {
    const { fresh = [], reads = [], marks = [] } = marked(this.steps[this.step]);
    this.drawing.scrollTo([...marks, ...[...reads, ...fresh].map((key) => `${key}-0`)]);
    const top = this.spans[this.steps[this.step].line].offsetTop - this.listing.clientHeight / 2;
    this.listing.scrollTo({ top, behavior: behavior() });
  }

  // What a number in the drawing means, with all its digits.
  meaning({ key, what, node: id, row, text }) {
    const node = this.graph.nodes[id];
    const isAsked = this.exercise.asked.some((question) => question.key === key);
    const rows = rowsOf(node[what], String);
    const full = isAsked ? text.textContent : rows[row];
    const name = rows.length > 1 ? `${node.name}[${row}]` : node.name;
    if (what === "gradient") return `d${name} = ${full}: the derivative of ${this.of} with respect to ${name}`;
    const origin = node.gate ? `computed by ${EXPLANATIONS[node.gate].gate}` : node.constant ? "a constant" : "an input";
    return `${name} = ${full}: ${origin}`;
  }

  play() {
    if (this.timer !== null) {
      this.pause();
      return;
    }
    this.buttons.play.textContent = "Pause";
    this.timer = setInterval(() => this.playOn(this.step + 1), PAUSE);
    this.playOn(this.step === this.last ? 0 : this.step + 1);
  }

  playOn(step) {
    this.showStep(step);
    remember();
    if (step === this.last) this.pause();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.buttons.play.textContent = "Play";
  }
}

// A row of the step's facts: a name and a text.
function inRow([name, text]) {
  const row = make("div");
  for (const [tag, words] of [["dt", name], ["dd", text]]) row.appendChild(make(tag)).textContent = words;
  return row;
}

// Each line of a listing in a span of its own. The rows of a long array are one line: those after the first are indented.
function spansOf(code) {
  const spans = code.textContent.split(/\n(?! )/).map((line) => Object.assign(make("span"), { className: "line", textContent: `${line}\n` }));
  code.replaceChildren(...spans);
  return spans;
}

// The line of an input, with its numbers now.
function withNumbers(line, { value, classes }) {
  const numbers = Array.from(numbersOf(value), (number) => (classes ? String(number) : python(number)));
  const start = line.indexOf("=");
  return line.slice(0, start) + line.slice(start).replace(/-?\b\d[-+.e\d]*/g, () => numbers.shift());
}

// A line in the form that has the same numbers. A backward line quotes the forward line: the quote has its own form.
function inForm(forms, node, position) {
  const [code, quote] = [forms[isExact(node, ROUNDING, position)], forms[isExact(node, ROUNDING)]];
  const [end, begin] = [code, quote].map((line) => line.indexOf("# "));
  return `${code.slice(0, end)}${quote.slice(begin)}\n`;
}
