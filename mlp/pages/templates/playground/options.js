// The form in which the options of the training are chosen.

// How a field's text is read: null if it is not allowed.
const whole = (text) => (/^\d{1,15}$/.test(text.trim()) ? Number(text) : null);
const numeric = (text) => (text.trim() && Number.isFinite(Number(text)) ? Number(text) : null);
const within = (read, isAllowed) => (text) => {
  const value = read(text);
  return value !== null && isAllowed(value) ? value : null;
};

const AT_ONCE = ["learning_rate", "momentum", "weight_decay", "batch_size"]; // they need no reset

class OptionsForm {
  // facts: those of the page, unpacked. changed: called with a new value's name when an option changes.
  constructor(form, facts, changed) {
    Object.assign(this, { form, changed, notes: {} });
    this.options = { ...facts.options };
    this.usesRun = facts.weights !== null;
    this.ofRun = facts.options;
    this.rules = rulesFor(facts.most, facts.ranges);
    for (const [name, value] of Object.entries(this.options)) {
      const field = form.elements[name];
      if (!field) continue;
      field.value = textOf(value);
      field.onchange = () => this.read(name, field);
    }
    if (this.weights) this.weights.onchange = () => this.chooseWeights(this.weights.value === "run");
    form.onsubmit = (event) => event.preventDefault(); // Enter: the field's change is enough
    this.showCoupled();
  }

  get weights() {
    return this.form.elements.weights;
  }

  read(name, field) {
    const value = this.rules[name] ? this.checked(name, field) : field.value;
    if (value === null) return;
    field.value = textOf(value); // "016" is 16
    if (String(value) === String(this.options[name])) return;
    this.options[name] = value;
    this.showCoupled();
    this.changed(name);
  }

  chooseWeights(usesRun) {
    this.usesRun = usesRun;
    this.changed("weights");
  }

  // The value of a field of text; null, with a message at the field, if it is not allowed.
  checked(name, field) {
    const [rule, must] = this.rules[name];
    const [value, old] = [rule(field.value), textOf(this.options[name])];
    field.ariaInvalid = value === null ? "true" : null;
    const trouble = () => must({ option: field.labels[0].textContent, old: old || say("playground.none") });
    this.note(name, value === null ? trouble : () => "");
    return value;
  }

  // Notes stand below the buttons: a press on a button ends the input in a field, and must not move the button away.
  // textIn: returns the note in the page's language.
  note(name, textIn) {
    this.notes[name] = textIn;
    setText(document.getElementById(`${name}-note`), textIn());
  }

  translate() {
    for (const [name, textIn] of Object.entries(this.notes)) this.note(name, textIn);
    this.showCoupled();
  }

  // What depends on other options: momentum on the optimizer, the run's weights on the network.
  showCoupled() {
    const isAdam = this.options.optimizer === "adam";
    this.form.elements.momentum.disabled = isAdam;
    setText(this.form.querySelector("#momentum-hint"), isAdam ? say("playground.only_sgd") : "");
    setText(this.form.querySelector("#learning_rate-hint"), isAdam ? say("playground.try_rate") : "");
    if (!this.weights) return;
    const isSame = (name) => String(this.options[name]) === String(this.ofRun[name]);
    const { hidden_sizes: hidden, activation } = this.ofRun;
    const fits = isSame("hidden_sizes") && (isSame("activation") || !hidden.length);
    this.usesRun &&= fits;
    this.weights.value = this.usesRun ? "run" : "new";
    this.weights.options[0].disabled = !fits;
    const need = hidden.length ? "playground.weights_need" : "playground.weights_need_none";
    this.note("weights", () => (fits ? "" : say(need, { units: textOf(hidden), activation })));
  }
}

// A value as its field shows it.
const textOf = (value) => (Array.isArray(value) ? value.join(", ") : String(value));

// For each field of text: how it is read, and the sentence that says what the option must be and what it still is, from
// these values. most: the most layers and units; ranges: the other options' JSON schemas.
function rulesFor({ layers, units }, ranges) {
  const sizes = (text) => text.split(",").map(whole);
  const areSizes = (all) => all.length <= layers && all.every((size) => size !== null && size >= 1 && size <= units);
  return {
    hidden_sizes: [
      (text) => (text.trim() ? within(sizes, areSizes)(text) : []),
      (values) => say("playground.must_be_sizes", { ...values, layers, units }),
    ],
    ...Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, ruleFor(range)])),
  };
}

function ruleFor({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const isWhole = type === "integer";
  const isAllowed = (number) => !( // a limit that is missing excludes nothing
    number < minimum || number > maximum || number <= exclusiveMinimum || number >= exclusiveMaximum);
  const [least, between] = isWhole
    ? ["playground.must_be_whole", "playground.must_be_whole_between"]
    : ["playground.must_be_number", "playground.must_be_number_between"];
  const must = (values) => {
    const [low, high] = [
      limit("playground.above", exclusiveMinimum) ?? limit("playground.at_least", minimum),
      limit("playground.below", exclusiveMaximum) ?? limit("playground.at_most", maximum),
    ];
    return say(high ? between : least, { ...values, low, high });
  };
  return [within(isWhole ? whole : numeric, isAllowed), must];
}

// A limit in words, if there is one.
const limit = (key, number) => (number === undefined ? undefined : say(key, { limit: counted(number) }));
