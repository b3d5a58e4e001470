// The exercise: the reader types the gradients, or the values too, in any order. A number is compared with the right
// one, and with the one that the reader's own numbers lead to. So what only follows from a mistake is no mistake.

const CLOSE = 0.02; // a number is right if it differs by no more than this fraction of the right one ...
const SMALL = 5e-4; // ... or, with its sign, of the largest one asked for, up to 1: then 0 is right for a tiny number
const FORGOTTEN = 1 / 3; // ... unless it is so much nearer to a sum that lacks one of its parts
const SIGNS = { right: " ✓", wrong: " ✗", follows: " →", open: "" };

class Exercise {
  // changed: called when an answer, or what is hidden, has changed.
  constructor(section, graph, steps, changed) {
    Object.assign(this, { graph, steps, changed, asked: [] });
    this.answers = new Map(); // by label the fields' texts
    [this.sheet, this.score] = [".worksheet", ".score"].map((place) => section.querySelector(place));
    this.hides = [...section.querySelectorAll("[data-hide]")]; // the gradients, the values
    for (const hide of this.hides) hide.onchange = () => this.turn(hide);
  }

  get isOn() {
    return this.hides[0].checked;
  }

  // For the address; null if nothing is hidden.
  get mode() {
    const [gradients, values] = this.hides;
    if (values.checked) return "all";
    return gradients.checked ? "gradients" : null;
  }

  // Values are hidden only together with the gradients.
  turn(hide) {
    const [gradients, values] = this.hides;
    if (hide === values && values.checked) gradients.checked = true;
    if (!gradients.checked) values.checked = false;
    this.begin();
    this.changed();
  }

  // The sheet, in the order of the steps. A sum is asked for once, where its last part arrives. Arrays whose numbers
  // the drawing does not show are not asked for.
  begin(answers = this.answers) {
    this.answers = answers;
    const kinds = this.isOn ? ["backward", "zeros", ...(this.mode === "all" ? ["forward"] : [])] : [];
    const asked = new Map();
    for (const { kind, target: node } of this.steps.filter(({ kind }) => kinds.includes(kind))) {
      const [what, label, gates] = kind === "forward"
        ? ["value", node.name, [[node]]]
        : ["gradient", `d${node.name}`, this.gatesAfter(node)];
      asked.delete(label);
      if (!isLarge(node.shape)) asked.set(label, { what, label, node, gates, key: `${what}-${node.id}` });
    }
    this.asked = [...asked.values()];
    setText(this.score, "");
    this.sheet.replaceChildren(...this.asked.flatMap((question) => this.row(question)));
  }

  row(question) {
    const { label, node } = question;
    question.fields = fieldsFor(label, node.shape);
    question.fields.forEach((field, k) => {
      Object.assign(field, { type: "text", value: this.answers.get(label)?.[k] ?? "" });
      field.onchange = () => {
        this.answers.set(label, textsOf(question));
        this.changed();
      };
    });
    question.verdict = make("p");
    return [inGrid(node.shape, question.fields, label), question.verdict];
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

  // A question's state is that of its worst number: wrong, then follows, then open, then right. What follows from
  // rounded numbers alone is right.
  judge() {
    for (const question of this.asked) question.typed = textsOf(question).map(numberIn);
    const all = this.asked.flatMap(({ what, node }) => Array.from(flat(node[what]), Math.abs));
    const small = SMALL * Math.min(1, Math.max(0, ...all.filter(isFinite)));
    for (const question of this.asked) {
      const { typed, fields } = question;
      const [right, own] = [this.parts(question, false), this.parts(question, true)];
      question.blamed = this.blamed(question);
      const states = typed.map((number, k) => {
        if (Number.isNaN(number) || !isFinite(right[0][k])) return "open"; // infinite: the page says so at the gate
        if (isClose(number, right, k, small)) return "right";
        if (!isClose(number, own, k, small)) return "wrong";
        return question.blamed.length ? "follows" : "right";
      });
      fields.forEach((field, k) => Object.assign(field, { className: states[k], ariaInvalid: states[k] === "wrong" }));
      question.state = ["wrong", "follows", "open", "right"].find((state) => states.includes(state));
      question.place = states.indexOf("wrong");
      question.factor = [own, right].map(([sum]) => sum[question.place] / typed[question.place]).find(isFinite);
      setText(question.verdict, this.says(question));
    }
    setText(this.score, this.scoreText());
  }

  // What a question's gates make: the sum, and the parts that arrive if they are several. If `isOwn`, from the reader's
  // numbers, where there are any; else from the right ones.
  parts({ what, node, gates }, isOwn) {
    const read = (kind, one) => {
      const { typed } = (isOwn && this.asked.find((question) => question.what === kind && question.node === one)) || {};
      const mine = (right, k) => (Number.isNaN(typed[k]) ? right : typed[k]);
      return typed ? arrayOf(one.shape, Array.from(flat(one[kind]), mine)) : one[kind];
    };
    const parts = gates.map(([gate, position]) => {
      const inputs = gate.inputs.map((source) => read("value", source));
      if (what === "value") return gate.forward(...inputs);
      return gate.backward[position](read("gradient", gate), read("value", gate), ...inputs);
    });
    return [parts.reduce(plus, np.full(0, node.shape)), ...(parts.length > 1 ? parts : [])].map(flat);
  }

  // The labels of the reader's wrong numbers that a question's gates read: these were asked for before.
  blamed({ gates }) {
    const keys = gates.flatMap(([gate, position]) => readBy(gate, position));
    const wrong = this.asked.filter(({ key, state }) => keys.includes(key) && /wrong|follows/.test(state));
    return wrong.map(({ label }) => label);
  }

  // The gates from which gradients arrive at a node, each with the position of the node among its inputs.
  gatesAfter(node) {
    const isUsed = (gate, position) => gate.inputs[position] === node && sends(gate, position);
    return this.graph.nodes.filter(({ isReached }) => isReached).flatMap((gate) =>
      [...gate.inputs.keys()].filter((position) => isUsed(gate, position)).map((position) => [gate, position]));
  }

  says({ node, gates, state, fields, typed, place, factor, blamed }) {
    const unread = fields.find(({ value }, k) => value && Number.isNaN(typed[k]));
    if (unread) return say("exercise.unread", { name: unread.ariaLabel });
    if (state === "right") return say("exercise.right");
    if (state === "follows") return say("exercise.follows", { names: blamed.join(say("exercise.and")) });
    if (state !== "wrong") return "";
    const label = fields[place].ariaLabel;
    const rules = new Set(gates.map(([gate, position]) => {
      const here = fill(formOf(gate, position), namesIn(gate));
      const rule = position === undefined ? forwardRule : backwardRule;
      return say("exercise.rule", { rule: rule(TEXTS[gate.gate], position), here });
    }));
    return sentences([
      gates.length > 1 && say("exercise.fans_out", { name: node.name }),
      gates.length && say("exercise.rules", { rules: [...rules].join(say("exercise.after_rule")) }),
      typed[place] ? say("exercise.factor", { name: label, factor: rounded(factor) })
        : say("exercise.not_zero", { name: label }),
    ]);
  }

  // The score, and the first mistake apart from what follows from it.
  scoreText() {
    const [right, wrong, follows] = ["right", "wrong", "follows"].map((state) =>
      this.asked.filter((one) => one.state === state).map(({ label }) => label));
    const all = this.asked.length;
    if (!all) return say("exercise.too_large");
    const [others, names] = [wrong.slice(1), follows].map((labels) => labels.join(", "));
    const because = wrong.length > 1 ? "exercise.because_of_these" : "exercise.because_of_it";
    return sentences([
      say(right.length === all ? "exercise.all_right" : "exercise.some_right", { right: right.length, all }),
      wrong.length && say("exercise.first_mistake", { name: wrong[0] }),
      others && say("exercise.other_mistakes", { names: others }),
      names && say(because, { names }),
    ]);
  }

  // For the address: the answers, each label with its texts.
  given() {
    return this.asked.map((question) => [question.label, textsOf(question)]).filter(([, texts]) => texts.some(Boolean));
  }

  // From the address.
  restore(mode, answers) {
    const [gradients, values] = this.hides;
    values.checked = mode === "all";
    gradients.checked = values.checked || mode === "gradients";
    if (this.isOn) this.hides[0].closest("details").open = true;
    this.begin(answers);
  }
}

// A comma becomes a point: in the address commas separate numbers.
const textsOf = ({ fields }) => fields.map(({ value }) => value.trim().replaceAll(",", "."));

// The number in a text, or in a fraction such as -1/3; not a number for anything else, or no text.
function numberIn(text) {
  const [above, below = "1", ...more] = text.replaceAll("−", "-").split("/");
  return above && Number(below) && !more.length ? above / below : NaN;
}

// Whether a number is the sum, and not the sum without one of its parts; each of these at place k.
function isClose(number, [sum, ...parts], k, small) {
  const off = Math.abs(number - sum[k]);
  const allowed = number * sum[k] < 0 ? 0 : Math.max(CLOSE * Math.abs(sum[k]), small);
  if (!isFinite(sum[k]) || off > allowed) return false;
  return parts.every((part) => !part[k] || Math.abs(number - sum[k] + part[k]) >= FORGOTTEN * off);
}
