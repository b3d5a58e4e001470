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
    Object.assign(this, { form, changed });
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
    const [value, old] = [rule(field.value), this.options[name]];
    field.ariaInvalid = value === null ? "true" : null;
    const trouble = `${field.labels[0].textContent}: ${must}. It is still ${textOf(old) || "none"}.`;
    this.note(name, value === null ? trouble : "");
    return value;
  }

  // Notes stand below the buttons: a press on a button ends the input in a field, and must not move the button away.
  note(name, text) {
    setText(document.getElementById(`${name}-note`), text);
  }

  // What depends on other options: momentum on the optimizer, the run's weights on the network.
  showCoupled() {
    const isAdam = this.options.optimizer === "adam";
    this.form.elements.momentum.disabled = isAdam;
    setText(this.form.querySelector("#momentum-hint"), isAdam ? "only for sgd" : "");
    setText(this.form.querySelector("#learning_rate-hint"), isAdam ? "adam: try 0.001" : "");
    if (!this.weights) return;
    const isSame = (name) => String(this.options[name]) === String(this.ofRun[name]);
    const { hidden_sizes: hidden, activation } = this.ofRun;
    const fits = isSame("hidden_sizes") && (isSame("activation") || !hidden.length);
    this.usesRun &&= fits;
    this.weights.value = this.usesRun ? "run" : "new";
    this.weights.options[0].disabled = !fits;
    const own = hidden.length ? `hidden units ${textOf(hidden)} and ${activation}` : "no hidden units";
    this.note("weights", fits ? "" : `weights: the run's need ${own}.`);
  }
}

// A value as its field shows it.
const textOf = (value) => (Array.isArray(value) ? value.join(", ") : String(value));

// For each field of text: how it is read, and what it must be. most: the most layers and units; ranges: the other
// options' JSON schemas.
function rulesFor({ layers, units }, ranges) {
  const sizes = (text) => text.split(",").map(whole);
  const areSizes = (all) => all.length <= layers && all.every((size) => size !== null && size >= 1 && size <= units);
  return {
    hidden_sizes: [
      (text) => (text.trim() ? within(sizes, areSizes)(text) : []),
      `must be at most ${layers} whole numbers from 1 to ${units}, such as 16, 8; empty for no hidden layer`,
    ],
    ...Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, ruleFor(range)])),
  };
}

function ruleFor({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }) {
  const isWhole = type === "integer";
  const isAllowed = (number) => !( // a limit that is missing excludes nothing
    number < minimum || number > maximum || number <= exclusiveMinimum || number >= exclusiveMaximum);
  const limits = { above: exclusiveMinimum, "at least": minimum, "at most": maximum, below: exclusiveMaximum };
  const words = Object.entries(limits).filter(([, limit]) => limit !== undefined)
    .map(([word, limit]) => `${word} ${counted(limit)}`).join(" and ");
  return [within(isWhole ? whole : numeric, isAllowed), `must be a ${isWhole ? "whole " : ""}number, ${words}`];
}
