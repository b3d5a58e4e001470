// The worker: it trains while the page asks for it, and posts what the page shows, once the page has shown the last.

const SPAN = 10; // milliseconds of steps between two looks at messages
const PAUSE = 50; // milliseconds between two posts while it trains
const SHARE = 10; // what takes long is made anew after this many times the time that it took
const GRID = 64; // places in each direction of the plane at which the network predicts
const MAX_WAITING = 10000; // losses in a post: a page that is not seen takes none

class Session {
  constructor({ data, networks }) {
    this.trainer = new Trainer(data, networks);
    this.places = gridOf(data.limits);
    this.stop = null; // says whether to stop; null while it does not train
    this.isShown = true;
    this.isDue = false; // whether `work` is about to be called
    const { port1, port2 } = new MessageChannel(); // messages wait for less time than timeouts
    this.port = port2;
    port1.onmessage = () => {
      this.isDue = false;
      if (this.stop) this.work();
    };
  }

  // Work again, after the messages that have arrived.
  again() {
    if (!this.isDue) this.port.postMessage(null);
    this.isDue = true;
  }

  begin({ id, options, weights }) {
    this.id = id;
    this.losses = [];
    this.stop = null;
    this.trainer.begin(options, weights);
    this.look();
    this.post({ heldOut: this.trainer.heldOut });
  }

  change({ options }) {
    this.trainer.change(options);
    this.post();
  }

  // Train until Pause, or this many steps or epochs more. Steps that are still waiting are taken, too.
  run({ steps = Infinity, epochs = Infinity }) {
    const { trainer } = this;
    const isIdle = this.stop === null;
    const from = isIdle || this.lastStep === Infinity ? trainer.steps : this.lastStep;
    const [lastStep, lastEpoch] = [from + steps, trainer.epoch + epochs];
    this.lastStep = lastStep;
    this.stop = () => trainer.steps >= lastStep || trainer.epoch >= lastEpoch || trainer.hasDiverged;
    if (!isIdle) return;
    if (steps === Infinity) this.post(); // it is running
    this.again();
  }

  pause() {
    this.stop &&= () => true;
  }

  shown() {
    this.isShown = true;
  }

  work() {
    const began = performance.now();
    while (!this.stop() && performance.now() < began + SPAN) {
      const { passed } = this.trainer;
      const loss = this.trainer.step();
      if (!this.trainer.hasDiverged) this.losses.push([passed, loss]);
    }
    this.losses = thinned(this.losses);
    this.trainer.rows = thinned(this.trainer.rows);
    if (this.stop()) {
      this.stop = null;
      this.look();
      this.post();
      return;
    }
    const now = performance.now();
    if (this.isShown && now > this.posted + PAUSE) {
      if (now > this.looked + SHARE * this.cost) this.look();
      this.post();
    }
    this.again();
  }

  // The errors on the held-out images, and the predictions in the plane.
  look() {
    const began = performance.now();
    this.judged = this.trainer.judge();
    this.surface = surfaceOf(this.trainer.inThePlane(this.places));
    this.looked = performance.now();
    this.cost = this.looked - began;
  }

  // losses: [epochs before it, loss] of each step since the last post; rows: those of the history.
  post(more = {}) {
    const { trainer, id, losses, judged, surface } = this;
    const parameters = trainer.network.block.slice();
    const message = {
      ...{ id, losses, judged, surface, parameters },
      isRunning: this.stop !== null,
      hasDiverged: trainer.hasDiverged,
      wasChanged: trainer.wasChanged,
      steps: trainer.steps,
      epoch: trainer.epoch,
      passed: trainer.passed,
      done: trainer.done,
      batch: trainer.batch,
      rows: trainer.rows,
      counts: [trainer.training.length, trainer.heldOut.length],
      ...more,
    };
    postMessage(message, [parameters.buffer]);
    this.losses = [];
    trainer.rows = [];
    this.isShown = false;
    this.posted = performance.now();
  }
}

// A list, or half of it if it is too long.
const thinned = (list) => (list.length > MAX_WAITING ? list.filter((_, k) => k % 2) : list);

// Places (GRID * GRID, 2), row by row from the upper left corner of the plane.
function gridOf([[left, right], [bottom, top]]) {
  const at = (low, high, k) => low + (high - low) * (k + 0.5) / GRID;
  const numbers = new Float64Array(2 * GRID * GRID);
  for (let k = 0; k < GRID * GRID; k += 1) {
    numbers.set([at(left, right, k % GRID), at(top, bottom, Math.floor(k / GRID))], 2 * k);
  }
  return new NDArray([GRID * GRID, 2], numbers);
}

// At each place the predicted class; how sure the network is, from 0 if all classes are equally probable to 1, as in
// mlp/pages/report_plane.py; and how much more probable the class is than the next one.
function surfaceOf(P) {
  const outputs = P.shape[1];
  const classes = Uint8Array.from(decideAll(P));
  const [sureness, lead] = [new Float32Array(classes.length), new Float32Array(classes.length)];
  classes.forEach((k, place) => {
    const own = P.data.subarray(place * outputs, (place + 1) * outputs);
    const all = outputs === 1 ? [1 - own[0], own[0]] : own;
    const next = all.reduce((most, p, other) => (other !== k && p > most ? p : most), 0);
    const chance = 1 / all.length;
    sureness[place] = Math.max(0, (all[k] - chance) / (1 - chance));
    lead[place] = all[k] - next;
  });
  return { classes, sureness, lead };
}

let session;
self.onmessage = ({ data: { command, ...facts } }) => {
  if (command === "open") session = new Session(facts);
  else session[command](facts);
};
