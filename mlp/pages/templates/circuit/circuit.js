// A circuit on its page. What is shown follows from its state: the inputs' numbers, the step, and the exercise.

const PAUSE = 1500; // milliseconds between the steps of Play

class Circuit {
  // remember: called when the state has changed.
  constructor(section, remember) {
    const { nodes, output, upstream, of, lines } = JSON.parse(section.querySelector("script").textContent);
    Object.assign(this, { section, remember, of, name: section.dataset.name, step: 0, timer: null });
    this.graph = new Graph(nodes, output);
    this.graph.upstream = arrayOf(this.graph.output.shape, upstream);
    for (const line of lines) {
      line.node = this.graph.nodes[line.node];
      line.target = line.kind === "backward" ? line.node.inputs[line.position] : line.node;
    }
    this.steps = lines.filter(({ kind }) => kind !== "given");
    this.last = this.steps.length - 1;
    this.forwardSteps = lines.filter(({ kind }) => kind === "forward").length;
    this.makeParts(lines);
  }

  makeParts(lines) {
    const { section, graph, steps } = this;
    this.drawing = new Drawing(section, this.name, graph, (number) => this.meaning(number));
    this.drawing.frame.addEventListener("scroll", () => this.showTrouble());
    this.inputs = new Inputs(section, graph, () => this.changed());
    this.exercise = new Exercise(section, graph, steps, () => this.changedAnswers());
    this.listing = new Listing(section, lines);
    this.slider = this.find("[type=range]");
    this.slider.max = this.last;
    this.slider.parentElement.style = `--at: ${this.forwardSteps / this.last}`;
    this.slider.oninput = () => this.moveTo(Number(this.slider.value));
    this.buttons = Object.fromEntries([...section.querySelectorAll("[data-go]")].map((one) => [one.dataset.go, one]));
    for (const [where, button] of Object.entries(this.buttons)) button.onclick = () => this.go(where);
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
    this.remember();
  }

  original() {
    this.inputs.takeOriginal();
    this.renewed();
  }

  renew() {
    this.inputs.renew();
    this.renewed();
  }

  // The answers belong to the old numbers.
  renewed() {
    this.exercise.begin(new Map());
    this.changed();
  }

  descend() {
    const before = this.total();
    const chosen = [...this.section.querySelectorAll("[data-moves]:checked")].map(({ dataset }) => dataset.moves);
    const isRate = this.inputs.rate.validity.valid;
    const predicted = isRate ? this.inputs.descend(chosen) : null;
    if (predicted !== null) this.changed();
    const [from, to, change, slope] = [before, this.total(), this.total() - before, predicted].map((x) => rounded(x));
    const why = isRate ? "an input would become infinite." : "the rate must be a number from 0.";
    setText(this.find(".outcome"), predicted === null ? `No step: ${why}` :
      `${this.of} went from ${from} to ${to}: it changed by ${change}. The gradient predicted ${slope}.`);
  }

  // The scalar whose derivatives are computed.
  total() {
    const weights = flat(this.graph.upstream);
    return flat(this.graph.output.value).reduce((sum, number, k) => sum + weights[k] * number, 0);
  }

  // The inputs' numbers have changed: if only the inputs were shown, all numbers are now.
  changed() {
    this.step ||= this.last;
    this.compute();
    this.show();
    this.remember();
  }

  changedAnswers() {
    this.pause();
    this.show();
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

  // The state from the address.
  restore({ step, seed, exercise, texts }) {
    this.inputs.restore(seed, texts);
    this.compute();
    this.exercise.restore(exercise, texts);
    this.showStep(step);
  }

  // On paper a circuit has all numbers, but for those of an exercise.
  showForPrint() {
    if (this.graph.output.gradient === undefined) this.restore({ step: 0, texts: new Map() });
    if (!this.exercise.isOn) this.drawing.show(known(this.graph, this.steps), {});
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
    const { exercise, steps, step, graph } = this;
    this.section.classList.toggle("exercising", exercise.isOn);
    setText(this.find(".outcome"), "");
    setText(this.find(".seed"), this.inputs.seed === null ? "" : `seed ${this.inputs.seed}`);
    const broken = this.showTrouble();
    if (exercise.isOn) this.drawing.show(exercise.show(), { broken });
    else this.drawing.show(known(graph, steps.slice(0, step + 1)), { broken, ...marked(steps[step]) });
    this.showFacts(steps[step]);
    this.showPlace();
    this.listing.show(steps[step]);
  }

  // What the page says in a step: a title, rows of facts, and notes.
  showFacts(now) {
    const says = SAYS[now.kind]({ ...now, of: this.of, output: this.graph.output });
    const { title, note = "", about = "", ...rows } = says;
    const texts = Object.entries({ title, note, about });
    for (const [place, text] of texts) setText(this.find(`[data-says=${place}]`), text);
    this.find("dl").replaceChildren(...Object.entries(rows).filter(([, text]) => text).map(inRow));
  }

  // At the first gate where a number is infinite or undefined, say so. Returns the ids of the broken parts.
  showTrouble() {
    const isWrong = (what) => (node) => !flat(node[what] ?? 0).every(isFinite);
    const node = this.graph.nodes.find(isWrong("value")) ?? this.graph.nodes.findLast(isWrong("gradient"));
    const place = this.find(".trouble");
    setText(place, node ? troubleAt(node) : this.inputs.trouble());
    place.classList.toggle("at-gate", Boolean(node));
    if (!node) return [];
    this.drawing.putBelow(place, this.drawing.parts.get(`lead-${node.id}`), this.drawing.frame);
    return [`gate-${node.id}`, `lead-${node.id}`];
  }

  showPlace() {
    const { step, last, forwardSteps } = this;
    const [pass, done, all] = step <= forwardSteps
      ? ["forward", step, forwardSteps]
      : ["backward", step - forwardSteps, last - forwardSteps];
    const phase = step ? `${pass} ${done} of ${all}` : "inputs";
    setText(this.find(".counter"), `step ${step} of ${last}`);
    setText(this.find(".phase"), phase);
    this.slider.value = step;
    this.slider.ariaValueText = `step ${step} of ${last}, ${phase}`;
    for (const where of ["first", "back"]) this.buttons[where].ariaDisabled = step === 0;
    for (const where of ["next", "last"]) this.buttons[where].ariaDisabled = step === last;
  }

  // What a number in the drawing means, with all its digits.
  meaning({ key, what, node: id, row, text, name }) {
    const node = this.graph.nodes[id];
    const isAsked = this.exercise.asked.some((question) => question.key === key);
    if (isAsked) return `${name}: your answer, ${text.textContent}`;
    const digits = (number) => (isFinite(number) ? String(number) : rounded(number));
    const isSmall = sizeOf(node.shape) <= MAX_FIELDS;
    const full = isLarge(node.shape) && isSmall ? nested(node[what], digits) : rowsOf(node[what], digits)[row];
    if (what === "gradient") return `${name} = ${full}: the derivative of ${this.of} with respect to ${name.slice(1)}`;
    const origin = node.gate ? `computed by ${TEXTS[node.gate].gate}` : node.constant ? "a constant" : "an input";
    return `${name} = ${full}: ${origin}`;
  }

  play() {
    if (this.timer !== null) {
      this.pause();
      return;
    }
    setText(this.buttons.play, "Pause");
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
    setText(this.buttons.play, "Play");
  }
}

// What is wrong at a node whose value, or else whose gradient, is infinite or undefined.
function troubleAt(node) {
  const isValue = !flat(node.value).every(isFinite);
  const number = rounded(flat(isValue ? node.value : node.gradient).find((x) => !isFinite(x)));
  const formula = isValue && !node.shape.length ? ` = ${fill(formOf(node), operandsOf(node))}` : "";
  return `${isValue ? "" : "d"}${node.name}${formula} is ${number}: it overflows or is not defined here.`;
}

// A row of the step's facts: a name and a text.
function inRow([name, text]) {
  const row = make("div");
  for (const [tag, words] of [["dt", name], ["dd", text]]) row.appendChild(make(tag)).textContent = words;
  return row;
}
