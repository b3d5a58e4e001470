// One image of the next batch, with its passes gate by gate.

const CALM = 250; // milliseconds between updates while the network trains: numbers that change faster are not read

class BatchImage {
  // facts: those of the page, unpacked.
  constructor(section, { data, networks, sign_colors: colors }) {
    Object.assign(this, { data, row: 0, message: null, updated: 0 });
    [this.ink, this.which] = [".ink", ".which"].map((selector) => section.querySelector(selector));
    const shape = data.input_names ? null : data.image_shape;
    this.passes = new ImagePasses(section.querySelector(".image-passes"), networks, shape, data.scale, colors);
    section.querySelector(".previous").onclick = () => this.move(-1);
    section.querySelector(".following").onclick = () => this.move(1);
  }

  // Another network, with these options.
  begin(options) {
    const { image_shape: shape, outputs } = this.data;
    Object.assign(this, { row: 0, message: null, sizes: [sizeOf(shape), ...options.hidden_sizes, outputs] });
    this.passes.choose(kindOf(options));
  }

  move(by) {
    if (!this.message) return; // after a reset
    const { length } = this.message.batch;
    this.row = (this.row + by + length) % length;
    this.which.ariaLive = "polite"; // a screen reader says what the reader asks for, not each update
    this.update();
  }

  // message: the worker's.
  show(message) {
    this.message = message;
    this.row = Math.min(this.row, message.batch.length - 1);
    this.which.ariaLive = "off";
    if (!message.isRunning || performance.now() > this.updated + CALM) this.update();
  }

  update() {
    this.updated = performance.now();
    const { batch, parameters } = this.message;
    const position = batch[this.row];
    const k = this.data.classes[position];
    this.passes.update({
      X: this.input(position),
      ...parametersIn(parameters, this.sizes),
      Y: targets([k], this.data.outputs, this.passes.leaf("Y")),
      n: batch.length,
      w: vector(this.data.class_weights ? [this.data.class_weights[k]] : []),
    });
    this.describe(position, k);
  }

  // The bytes of an image.
  pixels(position) {
    const inputs = sizeOf(this.data.image_shape);
    return this.data.pixels.subarray(position * inputs, (position + 1) * inputs);
  }

  input(position) {
    const X = Float64Array.from(this.pixels(position), (pixel) => pixel / this.data.scale);
    return new NDArray([1, X.length], X);
  }

  describe(position, k) {
    const { image_shape: shape, digits, indices, input_names: names } = this.data;
    const [predicted] = decideAll(this.passes.graph.nodes.find(({ name }) => name === "P").value);
    const image = { label: digits[k], index: indices[position] };
    const row = names && rowText(this.data, position, k);
    const place = { place: this.row + 1, all: this.message.batch.length, predicted: digits[predicted] };
    const [right, wrong] = names
      ? ["playground.row_in_batch", "playground.wrong_row_in_batch"]
      : ["playground.image_in_batch", "playground.wrong_image_in_batch"];
    setText(this.which, say(predicted === k ? right : wrong, { ...place, ...image, row }));
    if (!this.ink) return;
    drawInk(this.ink, shape, this.pixels(position));
    this.ink.ariaLabel = say("playground.image", image);
  }
}

// A row of inputs and its class, such as (0, 1) \u2192 1.
function rowText({ pixels, input_names: { length } }, row, k) {
  return `(${pixels.slice(row * length, (row + 1) * length).join(", ")}) \u2192 ${k}`;
}
