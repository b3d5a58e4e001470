// The exercise: the reader types the gradients, or the values too, in any order. A number is compared with the right one,
// and with the one that the reader's own numbers lead to: so a mistake is told from what only follows from it.

const CLOSE = 0.01; // a number is right if it differs by no more than this fraction of the right one ...
const SMALL = 5e-4; // ... or of the largest one asked for, up to 1: then 0 is right for a small number
const TINY = 1e-12; // of two numbers with different signs that are both only rounding, the product is no larger
const SIGNS = { right: " ✓", wrong: " ✗", follows: " →", open: "" };

class Exercise {
  // changed: called when an answer, or what is hidden, has changed.
  constructor(section, graph, steps, changed) {
    Object.assign(this, { graph, steps, changed, asked: [] });
    [this.sheet, this.score] = [".worksheet", ".score"].map((place) => section.querySelector(place));
    this.hides = [...section.querySelectorAll("[data-hide]")]; // the gradients, the values
    for (const hide of this.hides) hide.addEventListener("change", () => this.turn(hide));
  }

  get isOn() {
    return this.hides[0].checked;
  }

  // For the address; null if nothing is hidden.
  get mode() {
    return this.isOn ? (this.hides[1].checked ? "all" : "gradients") : null;
  }

  // Values are hidden only together with the gradients.
  turn(hide) {
    const [gradients, values] = this.hides;
    if (hide === values && values.checked) gradients.checked = true;
    if (!gradients.checked) values.checked = false;
    this.begin();
    this.changed();
  }

  // A new sheet without answers, in the order of the steps. A sum is asked for once, where its last part arrives.
  begin() {
    const kinds = { null: [], gradients: ["backward", "zeros"], all: ["forward", "backward", "zeros"] }[this.mode];
    const asked = new Map();
    for (const { kind, target: node } of this.steps.filter(({ kind }) => kinds.includes(kind))) {
      const [what, label, gates] = kind === "forward"
        ? ["value", node.name, [[node]]]
        : ["gradient", `d${node.name}`, this.gatesAfter(node)];
      asked.delete(label);
      if (sizeOf(node.shape) <= MAX_FIELDS) asked.set(label, { what, label, node, gates, key: `${what}-${node.id}` });
    }
    this.asked = [...asked.values()];
    this.score.textContent = "";
    this.sheet.replaceChildren(...this.asked.flatMap((question) => this.row(question)));
  }

  row(question) {
    question.fields = fieldsFor(question.label, question.node.shape);
    for (const field of question.fields) field.addEventListener("change", this.changed);
    question.verdict = make("p");
    return [inGrid(question.node, question.fields, question.label), question.verdict];
  }

  // Judge the answers. Returns what the drawing shows: lines of text by key.
  show() {
    const lines = known(this.graph, this.steps);
    this.judge();
    for (const { key, what, node, fields, state } of this.asked) {
      const rows = rowsOf(node[what], (_, k) => fields[k].value || "?");
      lines.set(key, [...rows.slice(0, -1), rows.at(-1) + SIGNS[state]]);
    }
    return lines;
  }

  // A question's state is that of its worst number: wrong, then follows, then open, then right. What follows from rounded
  // numbers alone is right.
  judge() {
    const largest = Math.max(0, ...this.asked.flatMap(({ what, node }) => Array.from(numbersOf(node[what]), Math.abs)).filter(isFinite));
    const unit = Math.min(1, largest);
    const isClose = (number, right) => number * right >= -TINY * unit ** 2
      && Math.abs(number - right) <= Math.max(CLOSE * Math.abs(right), SMALL * unit);
    for (const question of this.asked) {
      const { what, node, fields } = question;
      const right = numbersOf(node[what]);
      const own = Array.from(numbersOf(this.expected(question)), (number, k) => (isFinite(number) ? number : right[k]));
      question.blamed = this.blamed(question);
      const states = fields.map(({ value }, k) => {
        if (value === "" || !isFinite(right[k])) return "open"; // infinite: the page says so at the gate
        if (isClose(Number(value), right[k])) return "right";
        return isClose(Number(value), own[k]) ? question.blamed.length ? "follows" : "right" : "wrong";
      });
      fields.forEach((field, k) => { field.className = states[k]; });
      question.state = ["wrong", "follows", "open", "right"].find((state) => states.includes(state));
      question.place = states.indexOf("wrong");
      question.factor = own[question.place] / Number(fields[question.place]?.value);
      question.verdict.textContent = this.says(question);
    }
    this.score.textContent = this.sum();
  }

  // A node's value or gradient, with the reader's numbers in the place of the right ones.
  mine(what, node) {
    const fields = this.asked.find((one) => one.what === what && one.node === node)?.fields;
    return fields ? arrayOf(node.shape, Array.from(numbersOf(node[what]), (right, k) => Number(fields[k].value || right))) : node[what];
  }

  // What a question's gates make of the reader's other numbers.
  expected({ what, node, gates }) {
    return gates.map(([gate, position]) => {
      const inputs = gate.inputs.map((source) => this.mine("value", source));
      if (what === "value") return gate.forward(...inputs);
      return gate.backward[position](this.mine("gradient", gate), this.mine("value", gate), ...inputs);
    }).reduce(plus, np.full(0, node.shape));
  }

  // The labels of the reader's wrong numbers that a question's gates read: these were asked for before.
  blamed({ node, gates }) {
    const keys = gates.flatMap(([gate, position]) => marked({ node: gate, position, target: node }).reads);
    return this.asked.filter(({ key, state }) => keys.includes(key) && /wrong|follows/.test(state)).map(({ label }) => label);
  }

  // The gates from which gradients arrive at a node, each with the position of the node among its inputs.
  gatesAfter(node) {
    return this.graph.nodes.filter(({ isReached }) => isReached).flatMap((gate) => [...gate.inputs.keys()]
      .filter((position) => gate.inputs[position] === node && sends(gate, position)).map((position) => [gate, position]));
  }

  says({ node, gates, state, fields, place, factor, blamed }) {
    if (state === "right") return "Right.";
    if (state === "follows") return `Follows from your ${blamed.join(" and ")}: the rule is right here.`;
    if (state !== "wrong") return "";
    const label = fields[place].ariaLabel;
    const rules = new Set(gates.map(([{ gate }, position]) =>
      (position >= 0 ? backwardRule : forwardRule)(EXPLANATIONS[gate], position)));
    const sum = gates.length > 1 ? `${node.name} fans out: add up its gradients. ` : "";
    const cure = Number(fields[place].value) ? `Multiply your ${label} by ${rounded(factor, 3)}.` : `${label} is not 0.`;
    return `${sum}${[...rules].join("; ")}${gates.length ? "." : ""} ${cure}`;
  }

  // The score, and the first mistake apart from what follows from it.
  sum() {
    const [right, wrong, follows] = ["right", "wrong", "follows"].map((state) =>
      this.asked.filter((one) => one.state === state).map(({ label }) => label));
    const all = this.asked.length;
    return [
      right.length === all ? `All ${all} right.` : `${right.length} of ${all} right.`,
      wrong.length ? `First mistake: ${wrong[0]}.` : "",
      wrong.length > 1 ? `Other mistakes: ${wrong.slice(1).join(", ")}.` : "",
      follows.length ? `Only following from ${wrong.length > 1 ? "these" : "it"}: ${follows.join(", ")}.` : "",
    ].join(" ").trim();
  }

  // Go to the field of a number in the drawing.
  answer({ key }) {
    this.asked.find((one) => one.key === key)?.fields[0].focus();
  }

  // For the address: the answers, each label with its texts.
  given() {
    return this.asked.map(({ label, fields }) => [label, fields.map(({ value }) => value)])
      .filter(([, texts]) => texts.some((text) => text !== ""));
  }

  // From the address.
  restore(mode, texts) {
    this.hides.forEach((hide, k) => { hide.checked = ["gradients", "all"].indexOf(mode) >= k; });
    if (this.isOn) this.hides[0].closest("details").open = true;
    this.begin();
    for (const { label, fields } of this.asked) fields.forEach((field, k) => enter(field, texts.get(label)?.[k]));
  }
}
