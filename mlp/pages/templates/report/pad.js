// A pad to draw on with mouse, touch, pen or keys, or to put a sample image on. Its content is a list of marks: at most
// one image, then strokes. When they change, the answer is updated: an image alone needs no preparation.

const SIDE = 280; // about this many pixels on the longer side
const STEPS = 28; // presses of an arrow key move the pen from edge to edge
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Pad {
  // shape: rows and columns of the network's images; samples: images of that shape; answer: an Answer.
  constructor(section, shape, samples, answer) {
    this.section = section;
    this.shape = shape;
    this.answer = answer;
    this.canvas = this.find("#pad");
    const cell = Math.max(1, Math.round(SIDE / Math.max(...shape))); // pixels of the canvas for one of the image
    [this.canvas.height, this.canvas.width] = shape.map((side) => side * cell);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.marks = [];
    this.pointer = null; // the id of the pointer that draws
    this.pen = { at: [this.canvas.width / 2, this.canvas.height / 2], lowered: false };
    this.addSamples(samples);
    this.listen();
    this.update();
  }

  find(selector) {
    return this.section.querySelector(selector);
  }

  addSamples({ images, labels, indices }) {
    const pixels = this.shape[0] * this.shape[1];
    labels.forEach((label, k) => {
      const image = images.subarray(k * pixels, (k + 1) * pixels);
      const picture = inkPicture(this.shape, image);
      sayIn("aria-label", picture, "report.test_image", { index: indices[k], digit: label });
      const button = document.createElement("button");
      button.type = "button";
      button.append(picture);
      button.addEventListener("click", () => this.replace([{ image }]));
      this.find("#samples").append(button);
    });
  }

  listen() {
    this.canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      this.lift();
      this.canvas.setPointerCapture(event.pointerId);
      this.beginStroke(this.place(event));
      this.pointer = event.pointerId;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.pointer) return;
      const moments = event.getCoalescedEvents?.() ?? []; // all moves since the last frame, if the browser has them
      for (const moment of moments.length ? moments : [event]) this.extendStroke(this.place(moment));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, (event) => { if (event.pointerId === this.pointer) this.pointer = null; });
    }
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("focus", () => this.showPen(this.canvas.matches(":focus-visible")));
    this.canvas.addEventListener("blur", () => this.lift());
    this.find("#undo").addEventListener("click", () => this.replace(this.marks.slice(0, -1)));
    this.find("#clear").addEventListener("click", () => this.replace([]));
  }

  // The place of an event, in pixels of the canvas.
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      (event.clientX - box.left) / box.width * this.canvas.width,
      (event.clientY - box.top) / box.height * this.canvas.height,
    ];
  }

  // The arrow keys move the pen; Space or Enter lowers and lifts it.
  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || this.pointer !== null) return;
    if (event.key in MOVES) {
      const sides = [this.canvas.width, this.canvas.height];
      this.pen.at = this.pen.at.map((place, axis) =>
        Math.min(Math.max(place + MOVES[event.key][axis] * sides[axis] / STEPS, 0), sides[axis]));
      if (this.pen.lowered) this.extendStroke(this.pen.at);
    } else if (event.key === " " || event.key === "Enter") {
      if (!event.repeat) this.pen.lowered = !this.pen.lowered;
      if (!event.repeat && this.pen.lowered) this.beginStroke(this.pen.at);
    } else if (event.key === "Escape") {
      this.replace([]);
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
    this.marks.push({ width: this.find("#width").value / 100 * this.canvas.width, places: [place] });
    this.changed();
  }

  extendStroke(place) {
    this.marks.at(-1).places.push(place);
    this.changed();
  }

  // Replace all marks.
  replace(marks) {
    this.marks = marks;
    this.pointer = null;
    this.lift();
    this.changed();
  }

  // Update once before the next frame.
  changed() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.update();
    });
  }

  update() {
    this.draw();
    const [mark, ...others] = this.marks;
    if (mark?.image && others.length === 0) this.answer.showImage(mark.image);
    else this.answer.showDrawing(this.ink(), [this.canvas.height, this.canvas.width]);
  }

  draw() {
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
      const [[x, y]] = mark.places;
      context.moveTo(x - 0.01, y); // so that a dot is drawn: a line of length 0 would not be
      mark.places.forEach(([x, y]) => context.lineTo(x, y));
      context.stroke();
    }
  }

  // The ink, 0 to 1, row by row.
  ink() {
    const { width, height } = this.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    const ink = new Float64Array(width * height);
    for (let k = 0; k < ink.length; k += 1) ink[k] = data[4 * k + 3] / 255;
    return ink;
  }
}

// The pixels, 0 to 255, as black ink on a transparent canvas.
function inkOnGlass(pixels, [rows, columns]) {
  const canvas = new OffscreenCanvas(columns, rows);
  const image = new ImageData(columns, rows);
  pixels.forEach((level, k) => { image.data[4 * k + 3] = level; });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
