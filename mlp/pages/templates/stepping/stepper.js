// A graph to step through: what each step of its two passes computes, in words, in a drawing, and as a line of code.

const PAUSE = 1500; // milliseconds between the steps of Play

class Stepper {
  rows = rowsOf; // how the drawing writes an array

  // remember: called when the user has chosen a step.
  constructor(section, remember) {
    Object.assign(this, { section, remember, name: section.dataset.name, step: 0, timer: null });
    this.slider = this.find("[type=range]");
    this.slider.oninput = () => this.moveTo(Number(this.slider.value));
    this.buttons = {};
    for (const button of section.querySelectorAll("[data-go]")) {
      const where = button.dataset.go;
      this.buttons[where] = button;
      button.onclick = () => this.go(where);
    }
    this.find(".drawing").addEventListener("scroll", () => this.showTrouble());
  }

  // Take a graph, whose drawing and listing are in the section. The facts are the data of `stepping_facts` in
  // mlp/pages/stepping.py.
  take({ nodes, output, of, lines }) {
    const { section, slider } = this;
    this.of = of;
    this.graph = new Graph(nodes, output);
    for (const line of lines) {
      line.node = this.graph.nodes[line.node];
      line.kind ??= line.position === undefined ? "forward" : "backward";
      line.target = line.node?.inputs[line.position] ?? line.node;
    }
    this.steps = lines.filter(({ kind }) => kind !== "given");
    this.last = this.steps.length - 1;
    this.forwardSteps = lines.filter(({ kind }) => kind === "forward").length;
    this.drawing = new Drawing(section, this.name, this.graph, (number) => this.meaning(number));
    this.listing = new Listing(section, lines);
    slider.max = this.last;
    slider.parentElement.style = `--at: ${this.forwardSteps / this.last}`;
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

  // The arrow keys are Back and Next, but not in what uses them itself.
  press(event) {
    const where = meant(event, { ArrowLeft: "back", ArrowRight: "next" });
    if (!where || event.target.closest("input, select, .wide")) return;
    event.preventDefault();
    this.go(where);
  }

  // The user chose a step: this stops Play.
  moveTo(step) {
    this.pause();
    this.showStep(step);
    this.remember();
  }

  // Both passes. A line of the backward pass gets the sum of what had arrived before, and with its own part.
  compute() {
    this.graph.run();
    const sums = new Map();
    for (const line of this.steps.filter(({ kind }) => kind === "backward")) {
      line.before = sums.get(line.target);
      line.total = plus(line.before, line.node.sent[line.position]);
      sums.set(line.target, line.total);
    }
  }

  showStep(step) {
    this.step = Math.min(Math.max(step, 0), this.last);
    this.show();
    const now = this.steps[this.step];
    const { fresh = [], reads = [], marks = [] } = marked(now);
    this.drawing.scrollTo([...marks, ...[...reads, ...fresh].map((key) => `${key}-0`)]);
    this.listing.scrollTo(now);
  }

  show() {
    const now = this.steps[this.step];
    this.showNumbers(this.showTrouble());
    this.showFacts(now);
    this.showPlace();
    this.listing.show(now);
  }

  // In the drawing, up to the current step. broken: ids of parts.
  showNumbers(broken) {
    const { graph, steps, step } = this;
    this.drawing.show(known(graph, steps.slice(0, step + 1), this.rows), { broken, ...marked(steps[step]) });
  }

  // What the page says in a step: a title, rows of facts, and notes.
  showFacts(now) {
    const says = SAYS[now.kind]({ ...now, of: this.of, output: this.graph.output });
    const { title, note = "", about = "", ...rows } = says;
    const texts = { title, note, about };
    for (const place in texts) setText(this.find(`[data-says=${place}]`), texts[place]);
    this.find("dl").replaceChildren(...Object.entries(rows).filter(([, text]) => text).map(inRow));
  }

  // At the first gate where a number is infinite or undefined, say so. Returns the ids of the broken parts.
  showTrouble() {
    const isWrong = (what) => (node) => !flat(node[what] ?? 0).every(isFinite);
    const node = this.graph.nodes.find(isWrong("value")) ?? this.graph.nodes.findLast(isWrong("gradient"));
    const place = this.find(".trouble");
    setText(place, node ? troubleAt(node) : this.trouble());
    place.classList.toggle("at-gate", Boolean(node));
    if (!node) return [];
    this.drawing.putBelow(place, this.drawing.parts.get(`lead-${node.id}`), this.drawing.frame);
    return [`gate-${node.id}`, `lead-${node.id}`];
  }

  // What is wrong besides numbers in the graph, as text.
  trouble() {
    return "";
  }

  showPlace() {
    const { step, last, forwardSteps } = this;
    const phase = step === 0 ? say("stepping.at_inputs")
      : step <= forwardSteps ? say("stepping.forward_steps", { done: step, all: forwardSteps })
      : say("stepping.backward_steps", { done: step - forwardSteps, all: last - forwardSteps });
    const place = say("stepping.place", { step, last });
    setText(this.find(".counter"), place);
    setText(this.find(".phase"), phase);
    this.showPlay();
    this.slider.value = step;
    this.slider.ariaValueText = `${place}, ${phase}`;
    for (const where of ["first", "back"]) this.buttons[where].ariaDisabled = step === 0;
    for (const where of ["next", "last"]) this.buttons[where].ariaDisabled = step === last;
  }

  showPlay() {
    setText(this.buttons.play, say(this.timer === null ? "stepping.play" : "page.pause"));
  }

  // What a number in the drawing means, with all its digits.
  meaning({ what, node: id, row, name }) {
    const node = this.graph.nodes[id];
    const digits = (number) => (isFinite(number) ? String(number) : rounded(number));
    const isListed = isLarge(node.shape) && sizeOf(node.shape) <= MAX_LISTED;
    const full = isListed ? nested(node[what], digits) : this.rows(node[what], digits)[row];
    const meaning = what === "value" ? this.origin(node)
      : say("stepping.derivative", { of: this.of, name: name.slice(1) });
    return say("stepping.meaning", { number: `${name} = ${full}`, meaning });
  }

  // What a node's value is.
  origin({ gate, constant }) {
    return gate ? say("stepping.computed", { gate: TEXTS[gate].gate })
      : say(constant ? "stepping.constant" : "stepping.input");
  }

  play() {
    if (this.timer !== null) {
      this.pause();
      return;
    }
    this.timer = setInterval(() => this.playOn(this.step + 1), PAUSE);
    this.playOn(this.step === this.last ? 0 : this.step + 1);
  }

  playOn(step) {
    this.showStep(step);
    this.remember();
    if (step === this.last) this.pause();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.showPlay();
  }
}

// What is wrong at a node whose value, or else whose gradient, is infinite or undefined.
function troubleAt(node) {
  const isValue = !flat(node.value).every(isFinite);
  const number = rounded(flat(isValue ? node.value : node.gradient).find((x) => !isFinite(x)));
  const formula = isValue && !node.shape.length ? ` = ${fill(formOf(node), operandsOf(node))}` : "";
  return say("stepping.trouble", { number: `${isValue ? "" : "d"}${node.name}${formula}`, value: number });
}

// The names of the rows of a step's facts.
const ROWS = {
  rule: "stepping.rule",
  here: "stepping.here",
  numbers: "stepping.numbers",
  upstream: "stepping.upstream",
  local: "stepping.local",
  product: "stepping.product",
  sum: "stepping.sum",
};

// A row of the step's facts: a name and a text.
function inRow([name, text]) {
  const row = make("div");
  for (const [tag, words] of [["dt", say(ROWS[name])], ["dd", text]]) row.appendChild(make(tag)).textContent = words;
  return row;
}
