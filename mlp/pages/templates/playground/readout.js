// The figures on top: errors, losses, and how far and how fast the training is.

const RATE_OVER = 1000; // milliseconds over which the speed is measured

class Readout {
  // place: the element with the figures; judged: whose errors are counted: rows, held_out or training images.
  constructor(place, judged) {
    Object.assign(this, { place, judged });
  }

  begin() {
    Object.assign(this, { since: null, loss: null, speed: null });
  }

  // message: the worker's; batchSize: images in a step.
  show(message, batchSize) {
    const { judged: { loss, wrong }, losses, counts: [training, heldOut], parameters } = message;
    const count = heldOut || training;
    this.loss = losses.length ? losses.at(-1)[1] : this.loss;
    this.measure(message);
    const { step, steps } = stepOfEpoch(message, batchSize);
    const texts = {
      ...this.verdict(wrong.length, count),
      accuracy: `${(100 * (1 - wrong.length / count)).toFixed(2)}\u00a0%`,
      epoch: counted(message.epoch),
      step: say("playground.of", { count: counted(step), all: counted(steps) }),
      steps: counted(message.steps),
      batch: this.loss === null ? "\u2013" : brief(this.loss),
      loss: brief(loss),
      speed: this.speed === null ? "\u2013" : counted(Number(this.speed.toPrecision(2))),
      parameters: counted(parameters.length),
    };
    for (const [name, text] of Object.entries(texts)) {
      const place = this.place.querySelector(`[data-figure="${name}"]`);
      if (place) setText(place, text);
    }
  }

  // Of a few rows one sees what is right; of many images, what is wrong.
  verdict(errors, count) {
    if (this.judged === "rows") {
      return { main: say("playground.of", { count: count - errors, all: count }), of: say("playground.rows_right") };
    }
    const wrong = this.judged === "held_out" ? "playground.held_out_wrong" : "playground.images_wrong";
    return { main: counted(errors), of: say(wrong, { count: errors, all: counted(count) }) };
  }

  // The steps of a second, over the latest one.
  measure({ isRunning, steps }) {
    const now = performance.now();
    const passed = this.since && now - this.since.now;
    if (this.since && (passed > RATE_OVER || (this.speed === null && passed > 100))) {
      this.speed = 1000 * (steps - this.since.steps) / passed;
      this.since = null;
    }
    if (!isRunning) this.since = null;
    else this.since ??= { now, steps };
  }
}

// The steps done in this epoch, and all of them, if the batch size stays as it is.
function stepOfEpoch({ done, counts: [training] }, batchSize) {
  const step = Math.ceil(done / batchSize);
  return { step, steps: step + Math.ceil((training - done) / batchSize) };
}
