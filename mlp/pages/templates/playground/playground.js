// Starts the worker, sends it what the user asks for, and shows what it posts.

const facts = await unpackAll(JSON.parse(document.getElementById("facts").textContent));
const find = (selector) => document.querySelector(selector);

// What the page says when it begins anew: with new weights, and with the run's.
const RESET = ["playground.reset_to_new", "playground.reset_to_run"];
const CHANGED = ["playground.changed_to_new", "playground.changed_to_run"];

class Playground {
  constructor(worker, facts) {
    Object.assign(this, { worker, facts, id: 0, latest: null });
    const { data, networks, sign_colors: colors } = facts;
    const judged = find("#results").dataset.judged;
    this.form = new OptionsForm(find("#options"), facts, (name) => this.change(name));
    this.controls = new Controls(find("#controls"), {
      run: () => this.send("run"),
      pause: () => this.send("pause"),
      step: () => this.send("run", { steps: 1 }),
      epoch: () => this.send("run", { epochs: 1 }),
      reset: () => this.begin(RESET),
    });
    this.readout = new Readout(find("#results"), judged);
    this.curves = new LossCurves(find("#loss-curves"), judged);
    const labels = data.input_names && Array.from(data.classes, (k, row) => rowText(data, row, k));
    this.plane = new PlanePicture(find("#plane"), find(".legend"), facts, labels);
    this.firstLayer = new FirstLayer(find("#first-layer"), data.image_shape, data.input_names, colors);
    this.batchImage = new BatchImage(find("#batch-image"), facts);
    this.parts = new Map([
      [find("#loss-curves"), () => this.curves.draw()],
      [find("#plane"), ({ surface, judged: { wrong } }) => this.plane.show(surface, wrong)],
      [find("#first-layer"), (message) => this.showFirstLayer(message)],
      [find("#batch-image"), (message) => this.batchImage.show(message)],
    ]);
    this.inSight = watched(this.parts.keys());
    worker.onmessage = ({ data: message }) => this.receive(message);
    const graphs = Object.entries(networks).map(([kind, { data: graph }]) => [kind, graph]);
    this.send("open", { data, networks: Object.fromEntries(graphs) });
    this.begin();
  }

  send(command, more = {}) {
    this.worker.postMessage({ command, ...more });
  }

  // Begin anew with what is chosen. said: what the page says of it; option: the name of the option that has changed.
  begin(said = null, option = null) {
    const { form: { options, usesRun }, facts: { weights, data: { outputs } } } = this;
    this.id += 1;
    this.units = [...options.hidden_sizes, outputs];
    const { seed } = options;
    const key = said?.[Number(usesRun)];
    if (said) this.controls.tell(() => say(key, { seed, option: option && labelOf(option) }));
    this.readout.begin();
    this.curves.begin();
    this.batchImage.begin(options);
    this.send("begin", { id: this.id, options, weights: usesRun ? weights : null });
  }

  // An option has another value.
  change(name) {
    const { options } = this.form;
    if (!AT_ONCE.includes(name)) {
      this.begin(CHANGED, name);
      return;
    }
    const key = this.latest?.hasDiverged ? "playground.is_now_after_divergence" : "playground.is_now";
    const value = options[name];
    this.controls.tell(() => say(key, { option: labelOf(name), value }));
    this.send("change", { options: Object.fromEntries(AT_ONCE.map((one) => [one, options[one]])) });
  }

  // Messages are shown when the browser draws, and the worker posts the next one after that.
  receive(message) {
    if (message.id !== this.id) return; // of before a reset
    this.curves.add(message.losses, message.rows);
    if (message.heldOut) this.plane.begin(message.heldOut);
    requestAnimationFrame(() => {
      if (message.id === this.id) this.show(message);
      this.send("shown");
    });
  }

  show(message) {
    const { options } = this.form;
    const before = this.latest;
    this.latest = message;
    this.controls.show(message);
    this.readout.show(message, options.batch_size);
    // While the network trains, only what is in sight follows it.
    for (const [place, show] of this.parts) if (!message.isRunning || this.inSight.has(place)) show(message);
    this.tell(message, before);
    this.showCommand(message);
  }

  // Show all texts again, in the page's language.
  translate() {
    this.controls.translate();
    this.form.translate();
    if (this.latest?.id === this.id) this.show(this.latest); // else the next message comes soon
  }

  showFirstLayer({ parameters }) {
    this.firstLayer.show(parameters, this.units[0], this.units.length > 1);
  }

  // Say what has changed, but not each step of a training: screen readers say all of it. `begin` says the rest.
  tell(message, before) {
    const differs = (name) => message[name] !== before?.[name];
    if (before && differs("id") && !message.isRunning) return;
    if (!(differs("isRunning") || differs("hasDiverged") || (differs("steps") && !message.isRunning))) return;
    const { form: { options }, readout: { loss } } = this;
    const { batch_size: batchSize } = options;
    this.controls.tell(() => message.isRunning ? say("playground.running") : progress(message, batchSize, loss));
  }

  showCommand({ passed, wasChanged }) {
    const place = find("#command");
    if (!place) return;
    const isRepeatable = !this.form.usesRun && !wasChanged;
    place.hidden = !isRepeatable;
    find("#no-command").hidden = isRepeatable;
    setText(place, commandFor(this.facts.command, this.form.options, Math.max(1, Math.ceil(passed))));
  }
}

// The name of an option, as its field shows it.
const labelOf = (name) => find(`label[for=${name}]`).textContent;

// Those of the elements that are in sight, a set that follows the user.
function watched(elements) {
  const inSight = new Set();
  const observer = new IntersectionObserver((changes) => {
    for (const { target, isIntersecting } of changes) inSight[isIntersecting ? "add" : "delete"](target);
  });
  for (const element of elements) observer.observe(element);
  return inSight;
}

const source = ["passes", "training"].map((id) => document.getElementById(id).textContent).join("\n");
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
find("#app").hidden = false;
const started = new Playground(worker, facts);
document.addEventListener("language", () => started.translate());
globalThis.playground = { worker, facts, latest: () => started.latest }; // for the console and the tests
