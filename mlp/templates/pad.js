// A pad to draw a digit on, and what the network makes of the drawing while it is drawn: each stage of its preparation,
// the forward pass, the backward pass to the image, and the training images that are nearest.

const NEAREST = 3; // training images shown
const STEPS = 28; // of the pen, from edge to edge, by the arrow keys
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WHITE = [255, 255, 255];
const RED = [215, 25, 28]; // as in mlp/figures.py
const BLUE = [44, 123, 182];

class Pad {
  // facts: as mlp/pad.py gives them, unpacked; training: the images of the plane and their labels.
  constructor(section, facts, training) {
    this.section = section;
    this.facts = facts;
    this.training = training;
    this.shape = facts.preparation.shape;
    this.network = new Network(facts.sizes, facts.parameters);
    this.canvas = this.find("#pad");
    const cell = Math.max(1, Math.round(280 / Math.max(...this.shape))); // so many pixels a side for one of an image
    [this.canvas.height, this.canvas.width] = this.shape.map((side) => side * cell);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.marks = []; // what is on the pad: a sample first, or none, and strokes
    this.pen = { at: [this.canvas.width / 2, this.canvas.height / 2], lowered: false };
    this.addSamples();
    this.listen();
    this.update();
  }

  find(selector) {
    return this.section.querySelector(selector);
  }

  addSamples() {
    const { images, labels, indices } = this.facts.samples;
    const pixels = this.shape[0] * this.shape[1];
    labels.forEach((label, k) => {
      const image = images.subarray(k * pixels, (k + 1) * pixels);
      const button = document.createElement("button");
      button.type = "button";
      button.append(inkPicture(`test image ${indices[k]}, a ${label}`, this.shape, image));
      button.addEventListener("click", () => this.start([{ image }]));
      this.find("#samples").append(button);
    });
  }

  listen() {
    this.canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      this.beginStroke(this.place(event));
      this.drawing = event.pointerId;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.drawing) return;
      const moments = event.getCoalescedEvents?.() ?? [event]; // all since the last frame, where the browser tells
      for (const moment of moments) this.goOn(this.place(moment));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, () => { this.drawing = null; });
    }
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("blur", () => this.lift());
    this.find("#undo").addEventListener("click", () => this.start(this.marks.slice(0, -1)));
    this.find("#clear").addEventListener("click", () => this.start([]));
  }

  // Where on the canvas an event is, in its pixels.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      (event.clientX - box.left) / box.width * this.canvas.width,
      (event.clientY - box.top) / box.height * this.canvas.height,
    ];
  }

  // The arrow keys move the pen, Space or Enter lowers it and lifts it.
  key(event) {
    if (event.key in MOVES) {
      const sides = [this.canvas.width, this.canvas.height];
      this.pen.at = this.pen.at.map((place, axis) =>
        Math.min(Math.max(place + MOVES[event.key][axis] * sides[axis] / STEPS, 0), sides[axis]));
      if (this.pen.lowered) this.goOn(this.pen.at);
    } else if (event.key === " " || event.key === "Enter") {
      this.pen.lowered = !this.pen.lowered;
      if (this.pen.lowered) this.beginStroke(this.pen.at);
    } else if (event.key === "Escape") {
      this.start([]);
    } else {
      return;
    }
    event.preventDefault();
    this.showPen(true);
  }

  lift() {
    this.pen.lowered = false;
    this.showPen(false);
  }

  showPen(shown) {
    const pen = this.find("#pen");
    pen.hidden = !shown;
    pen.classList.toggle("lowered", this.pen.lowered);
    pen.style.left = `${100 * this.pen.at[0] / this.canvas.width}%`;
    pen.style.top = `${100 * this.pen.at[1] / this.canvas.height}%`;
  }

  beginStroke(place) {
    this.marks.push({ width: this.find("#width").value / 100 * this.canvas.width, places: [place, place] });
    this.changed();
  }

  goOn(place) {
    this.marks.at(-1).places.push(place);
    this.changed();
  }

  // Anew with these on the pad.
  start(marks) {
    this.marks = marks;
    this.drawing = null;
    this.lift();
    this.changed();
  }

  // Draw the marks and tell what they are, once before the next frame.
  changed() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.update();
    });
  }

  update() {
    const ink = this.drawMarks();
    const prepared = prepare(ink, [this.canvas.height, this.canvas.width], this.facts.preparation);
    this.section.classList.toggle("blank", prepared === null);
    this.find("#clear").disabled = this.find("#undo").disabled = this.marks.length === 0;
    if (prepared === null) {
      this.find("#answer").textContent = "The pad is empty: draw a digit, or take one of the test images.";
      return;
    }
    const P = this.network.forward(prepared.image);
    const gradients = this.network.backward();
    this.showStages(prepared);
    this.showAnswer(P, this.showNearest(prepared.image));
    this.showPasses(P, gradients);
  }

  // What is on the pad, as ink from 0 to 1.
  drawMarks() {
    const { width, height } = this.canvas;
    const context = this.context;
    context.clearRect(0, 0, width, height);
    context.lineCap = context.lineJoin = "round";
    context.imageSmoothingEnabled = false;
    for (const mark of this.marks) {
      if (mark.image) {
        context.drawImage(inkOnGlass(mark.image, this.shape), 0, 0, width, height);
        continue;
      }
      context.lineWidth = mark.width;
      context.beginPath();
      mark.places.forEach(([x, y]) => context.lineTo(x, y));
      context.stroke();
    }
    const { data } = context.getImageData(0, 0, width, height);
    const ink = new Float64Array(width * height);
    for (let k = 0; k < ink.length; k += 1) ink[k] = data[4 * k + 3] / 255;
    return ink;
  }

  // distance: of the nearest training image.
  showAnswer(P, distance) {
    const [zero, one] = this.facts.digits;
    const [digit, probability] = P >= 0.5 ? [one, P] : [zero, 1 - P];
    const isNeither = distance > this.facts.nearness.reach;
    this.section.classList.toggle("neither", isNeither);
    this.find("#answer").textContent = isNeither
      ? `This resembles neither a ${zero} nor a ${one}. The network, which knows nothing else, says: ` +
        `a ${digit}, with probability ${probability.toFixed(4)}.`
      : `The network says: a ${digit}, with probability ${probability.toFixed(4)}.`;
    this.find("#share").style.width = `${100 * P}%`;
  }

  showStages({ box, scaled, image }) {
    const [top, bottom, left, right] = box;
    const { width, height } = this.canvas;
    Object.assign(this.find("#box").style, {
      left: `${100 * left / width}%`,
      top: `${100 * top / height}%`,
      width: `${100 * (right - left) / width}%`,
      height: `${100 * (bottom - top) / height}%`,
    });
    drawInk(this.find("#scaled"), this.shape, scaled.map((level) => 255 * level));
    drawInk(this.find("#centred"), this.shape, image.map((level) => 255 * level));
  }

  // The training images that are nearest; returns how near.
  showNearest(image) {
    const { images, labels, indices } = this.training;
    // Made when it is first asked, as it takes a tenth of a second.
    this.nearness ??= new Nearness(images, this.shape, this.facts.nearness.blur);
    const nearest = this.nearness.nearest(image, NEAREST);
    const [[distance]] = nearest;
    const { reach, within } = this.facts.nearness;
    this.find("#distance").textContent =
      `The nearest of ${labels.length.toLocaleString("en")} training images is at a distance of ${distance.toFixed(2)}; ` +
      `${within} % of them have another within ${reach.toFixed(2)}.`;
    const pixels = image.length;
    this.find("#nearest").replaceChildren(...nearest.map(([away, which]) => {
      const ink = images.subarray(which * pixels, (which + 1) * pixels);
      const words = document.createElement("span");
      words.textContent = `a ${labels[which]}, at ${away.toFixed(2)}`;
      const item = document.createElement("li");
      item.append(inkPicture(`training image ${indices[which]}, a ${labels[which]}`, this.shape, ink), words);
      return item;
    }));
    return distance;
  }

  // Forward: the activations; back: how each activation, and each pixel, would change P.
  showPasses(P, gradients) {
    const [dX, ...others] = gradients;
    const [zero, one] = this.facts.digits;
    const strongest = strength(dX);
    const [towardsZero, towardsOne] = zero < one ? [RED, BLUE] : [BLUE, RED];
    drawImage(this.find("#pushes"), this.shape, (k) => {
      const share = strongest ? dX[k] / strongest : 0;
      return mixed(share < 0 ? towardsZero : towardsOne, Math.abs(share));
    });
    this.find("#strongest").textContent = brief(strongest);
    this.section.querySelectorAll(".layer").forEach((layer, k) => {
      const [A, dA] = [this.network.activations[k + 1], others[k]];
      const most = strength(dA);
      layer.querySelector(".values").setAttribute("d", bars(A));
      layer.querySelector(".gradients").setAttribute("d", bars(dA.map((d) => (most ? d / most : 0))));
      layer.querySelector(".most").textContent = brief(most);
    });
    this.find("#p").textContent = P.toFixed(4);
    this.find("#dz").textContent = brief(P * (1 - P));
  }
}

// Black ink, as opaque as the pixel 0 to 255 says, on nothing.
function inkOnGlass(pixels, [rows, columns]) {
  const canvas = new OffscreenCanvas(columns, rows);
  const image = new ImageData(columns, rows);
  pixels.forEach((level, k) => { image.data[4 * k + 3] = level; });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// White at a share of 0, the colour at 1.
function mixed(color, share) {
  return WHITE.map((white, channel) => white + share * (color[channel] - white));
}

function strength(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function brief(value) {
  return value === 0 || value >= 0.001 ? value.toFixed(4) : value.toExponential(1);
}

// Bars side by side, each 1 wide, from a height of 0 up or down to 1 or -1, as the path of an SVG.
function bars(heights) {
  return Array.from(heights, (height, k) => `M${k + 0.1},0v${-height}h0.8v${height}z`).join("");
}
