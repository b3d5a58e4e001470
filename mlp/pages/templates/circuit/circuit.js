// A circuit on its page. What is shown follows from its state: the inputs' numbers, the step, and the exercise.

class Circuit extends Stepper {
  // remember: called when the state has changed.
  constructor(section, remember) {
    super(section, remember);
    const facts = JSON.parse(this.find("script").textContent);
    this.take(facts);
    const { graph, steps } = this;
    graph.upstream = arrayOf(graph.output.shape, facts.upstream);
    this.inputs = new Inputs(section, graph, () => this.changed());
    this.exercise = new Exercise(section, graph, steps, () => this.changedAnswers());
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
    const after = this.total();
    const numbers = Object.entries({ before, after, change: after - before, predicted });
    const texts = Object.fromEntries(numbers.map(([name, number]) => [name, rounded(number)]));
    this.tell(() => (predicted !== null ? say("circuit.changed", { of: this.of, ...texts })
      : say(isRate ? "circuit.infinite_step" : "circuit.wrong_rate")));
  }

  // outcome: what a step of gradient descent did, as a function that returns the text.
  tell(outcome) {
    this.outcome = outcome;
    setText(this.find(".outcome"), outcome());
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

  show() {
    const { seed } = this.inputs;
    this.section.classList.toggle("exercising", this.exercise.isOn);
    this.tell(() => "");
    setText(this.find(".seed"), seed === null ? "" : say("circuit.seed", { seed }));
    super.show();
  }

  // The same in another language.
  showAgain() {
    const { outcome } = this;
    this.show();
    this.tell(outcome);
  }

  showNumbers(broken) {
    if (this.exercise.isOn) this.drawing.show(this.exercise.show(), { broken });
    else super.showNumbers(broken);
  }

  trouble() {
    return this.inputs.trouble();
  }

  meaning(number) {
    const isAsked = this.exercise.asked.some(({ key }) => key === number.key);
    if (!isAsked) return super.meaning(number);
    return say("exercise.your_answer", { name: number.name, answer: number.text.textContent });
  }
}
