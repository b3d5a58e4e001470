// Training in the page, as `Trainer` in mlp/training/loop.py does it in float64: the same held-out images, initial
// weights and batches from the same seed, and the same steps.

class Trainer {
  // data: that of mlp/pages/playground.py, unpacked; networks: by kind, the facts of `Network`.
  constructor(data, networks) {
    Object.assign(this, { data, networks });
  }

  // Begin anew, with these options, named as in a config; weights: the parameters to begin with, if they are not drawn.
  begin(options, weights = null) {
    const { outputs, classes, fraction, streams } = this.data;
    const { hidden_sizes: hidden, activation, seed } = options;
    this.options = options;
    this.network = new Network(this.networks[kindOf(options)], [this.inputs, ...hidden, outputs]);
    if (weights) this.network.block.set(weights);
    else this.network.draw(new Random([seed, streams.WEIGHTS, 0]), activation === "relu");
    [this.training, this.heldOut] = split(classes, fraction, new Random([seed, streams.SPLIT, 0]));
    const judged = this.heldOut.length ? this.heldOut : this.training;
    this.judged = [this.images(judged), this.classesOf(judged), judged];
    this.state = [0, 1].map(() => new Float64Array(this.network.block.length)); // of the optimizer: it may need less
    this.epoch = 1; // the current one
    this.steps = 0;
    this.hasDiverged = false;
    this.verdict = null; // of the latest `judge`
    this.wasChanged = false; // during the training
    this.rows = [this.row(0, null)]; // of the history, for the worker to take
    this.beginEpoch();
  }

  // Take the next steps with another learning rate, momentum or batch size.
  change(options) {
    this.options = { ...this.options, ...options };
    this.wasChanged ||= this.steps > 0;
  }

  get inputs() {
    return sizeOf(this.data.image_shape);
  }

  beginEpoch() {
    const random = new Random([this.options.seed, this.data.streams.SHUFFLE, this.epoch]);
    this.order = random.permutation(this.training);
    this.done = 0; // images in this epoch
    this.sum = 0; // of their losses
  }

  // Epochs so far, with the fraction of the current one.
  get passed() {
    return this.epoch - 1 + this.done / this.order.length;
  }

  // The images of the next step.
  get batch() {
    return this.order.slice(this.done, this.done + this.options.batch_size);
  }

  images(positions) {
    const { inputs, data: { pixels, scale } } = this;
    const numbers = new Float64Array(positions.length * inputs);
    positions.forEach((position, row) => {
      for (let k = 0; k < inputs; k += 1) numbers[row * inputs + k] = pixels[position * inputs + k] / scale;
    });
    return new NDArray([positions.length, inputs], numbers);
  }

  classesOf(positions) {
    return positions.map((position) => this.data.classes[position]);
  }

  // Train on the next batch. Returns its loss before the update.
  step() {
    const { network, batch, options } = this;
    const loss = network.loss(this.images(batch), this.classesOf(batch), this.data.class_weights);
    this.hasDiverged = !isFinite(loss) || !this.update(network.block, network.backward());
    if (this.hasDiverged) return loss;
    this.done += batch.length;
    this.sum += loss * batch.length;
    if (this.done === this.order.length) {
      this.rows.push(this.row(this.epoch, this.sum / this.done));
      this.epoch += 1;
      this.beginEpoch();
    }
    return loss;
  }

  // Update the parameters A, if all stay finite. Returns whether they do.
  update(A, dA) {
    const { options, state: [first, second] } = this;
    const update = FUNCTIONS[options.optimizer];
    const { learning_rate: rate, momentum, weight_decay: decay } = options;
    const before = A.slice();
    const step = this.steps + 1;
    for (let k = 0; k < A.length; k += 1) {
      const moved = update(A[k], dA[k], rate, momentum, decay, step, first[k], second[k]);
      [A[k], first[k]] = moved;
      if (moved.length > 2) second[k] = moved[2];
    }
    const isFinite = A.every(Number.isFinite);
    if (isFinite) this.steps = step;
    else A.set(before);
    return isFinite;
  }

  // A row of the history, after an epoch with this training loss.
  row(epoch, trainingLoss) {
    const { loss, wrong } = this.judge();
    return { epoch, trainingLoss, loss, errors: wrong.length };
  }

  // The loss on the held-out images, and the positions of the misclassified ones; if none are held out, on the training
  // images. Without a step since the last call it is the same.
  judge() {
    if (this.verdict?.steps === this.steps) return this.verdict;
    const [X, classes, positions] = this.judged;
    const loss = this.network.loss(X, classes, this.data.class_weights);
    const predicted = decideAll(this.network.P.value);
    const wrong = positions.filter((_, row) => predicted[row] !== classes[row]);
    this.verdict = { steps: this.steps, loss, wrong };
    return this.verdict;
  }

  // P (places, outputs) at places (places, 2) of the plane.
  inThePlane(places) {
    const directions = new NDArray([2, this.inputs], this.data.directions);
    return this.network.predict(places, np.dot(directions, this.network.leaves.W1.value));
  }
}

// The positions of the images to train on, and of those held out: `choose_held_out` in mlp/data/dataset.py.
function split(classes, fraction, random) {
  const heldOut = new Set();
  for (const k of fraction ? new Set([...classes].sort((a, b) => a - b)) : []) {
    const own = [...classes.keys()].filter((position) => classes[position] === k);
    const count = Math.max(1, roundHalfEven(fraction * own.length));
    for (const one of random.permutation(own).slice(0, count)) heldOut.add(one);
  }
  const [rest, chosen] = [[], []];
  classes.forEach((_, position) => (heldOut.has(position) ? chosen : rest).push(position));
  return [rest, chosen];
}

// As Python rounds: the even number of two that are equally near.
function roundHalfEven(number) {
  const below = Math.floor(number);
  return number - below === 0.5 ? below + (below % 2) : Math.round(number);
}
