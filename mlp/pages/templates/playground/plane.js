// The plane: the images as points, and behind them the classes that the network predicts there.

const POINT = { radius: 2.2, opacity: 0.55 }; // CSS pixels
const HELD_OUT = { radius: 3.2, opacity: 1 };
const LABELLED = { radius: 9, opacity: 1 };
const RING = 5.5; // the radius of a ring around a misclassified image

class PlanePicture {
  // legend: has a canvas for each class; facts: those of the page, unpacked; labels: of each point, if they are few.
  constructor(canvas, legend, { data, looks, region_opacity: opacity }, labels) {
    Object.assign(this, { canvas, data, looks, opacity, labels });
    this.shapes = looks.map(([, outline]) => new Path2D(outline)); // each within a square of side 1 around 0
    this.context = canvas.getContext("2d");
    this.points = document.createElement("canvas");
    this.regions = document.createElement("canvas");
    this.heldOut = new Set();
    this.markers = legend.querySelectorAll(".marker");
    const again = () => {
      this.drawPoints();
      this.draw();
    };
    new ResizeObserver(again).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  }

  // heldOut: positions of images.
  begin(heldOut) {
    this.heldOut = new Set(heldOut);
    this.drawPoints();
  }

  // surface: as the worker posts it; wrong: the positions of misclassified images.
  show(surface, wrong) {
    Object.assign(this, { surface, wrong });
    const count = counted(wrong.length);
    this.canvas.ariaLabel = say(this.labels ? "playground.plane_of_rows" : "playground.plane_of_images", { count });
    this.draw();
  }

  // The place of an image in CSS pixels.
  place(position) {
    const { coordinates, limits: [[left, right], [bottom, top]] } = this.data;
    return [
      this.size * (coordinates[2 * position] - left) / (right - left),
      this.size * (top - coordinates[2 * position + 1]) / (top - bottom),
    ];
  }

  // Draw the points, once for many surfaces.
  drawPoints() {
    this.size = this.canvas.clientWidth;
    this.density = devicePixelRatio;
    const pixels = Math.round(this.size * this.density);
    for (const canvas of [this.canvas, this.points]) canvas.width = canvas.height = pixels;
    this.colors = this.looks.map(([color]) => resolved(this.canvas, color));
    this.ink = resolved(this.canvas, "var(--ink)");
    this.paper = resolved(this.canvas, "var(--paper)");
    const context = this.points.getContext("2d");
    context.scale(this.density, this.density);
    const positions = [...this.data.classes.keys()];
    for (const position of positions.filter((k) => !this.heldOut.has(k))) this.drawPoint(context, position, POINT);
    for (const position of positions.filter((k) => this.heldOut.has(k))) this.drawPoint(context, position, HELD_OUT);
    if (this.labels) positions.forEach((position) => this.drawLabel(context, position));
    this.markers.forEach((canvas, k) => this.drawMarker(canvas, k));
  }

  // A marker of the legend.
  drawMarker(canvas, k) {
    const side = canvas.width = canvas.height = Math.round(canvas.clientWidth * this.density);
    drawShape(canvas.getContext("2d"), this.shapes[k], [side / 2, side / 2], 0.72 * side, this.colors[k]);
  }

  drawPoint(context, position, look) {
    const { radius, opacity } = this.labels ? LABELLED : look;
    const k = this.data.classes[position];
    const edge = opacity === 1 ? this.paper : null;
    context.globalAlpha = opacity;
    drawShape(context, this.shapes[k], this.place(position), 2 * radius, this.colors[k], edge);
  }

  drawLabel(context, position) {
    const [x, y] = this.place(position);
    const below = y < this.size / 2 ? -1 : 1; // away from the middle, where the boundary is
    Object.assign(context, { textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4 });
    Object.assign(context, { font: `14px ${getComputedStyle(this.canvas).fontFamily}`, globalAlpha: 1 });
    Object.assign(context, { strokeStyle: this.paper, fillStyle: this.ink });
    context.strokeText(this.labels[position], x, y + below * 26);
    context.fillText(this.labels[position], x, y + below * 26);
  }

  draw() {
    if (!this.size || !this.surface) return;
    const { context, size, surface } = this;
    const count = Math.sqrt(surface.classes.length);
    this.paintRegions(count);
    context.setTransform(this.density, 0, 0, this.density, 0, 0);
    context.clearRect(0, 0, size, size);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.regions, 0, 0, size, size);
    context.drawImage(this.points, 0, 0, size, size);
    Object.assign(context, { strokeStyle: this.ink, lineWidth: 1.5, lineCap: "round" });
    this.outline(boundary(surface, count), size / count);
    context.lineWidth = 1;
    for (const position of this.wrong) this.ring(position);
  }

  paintRegions(count) {
    const { classes, sureness } = this.surface;
    const image = new ImageData(count, count);
    const colors = this.colors.map(channels);
    classes.forEach((k, place) => image.data.set([...colors[k], 255 * this.opacity * sureness[place]], 4 * place));
    this.regions.width = this.regions.height = count;
    this.regions.getContext("2d").putImageData(image, 0, 0);
  }

  outline(lines, unit) {
    this.context.beginPath();
    for (const [x, y, toX, toY] of lines) {
      this.context.moveTo(x * unit, y * unit);
      this.context.lineTo(toX * unit, toY * unit);
    }
    this.context.stroke();
  }

  ring(position) {
    this.context.beginPath();
    this.context.arc(...this.place(position), this.labels ? 3 * RING : RING, 0, 2 * Math.PI);
    this.context.stroke();
  }
}

// Draw a shape in this size at a place, with a thin edge if that has a colour.
function drawShape(context, shape, [x, y], size, color, edge = null) {
  context.save();
  context.translate(x, y);
  context.scale(size, size);
  context.fillStyle = color;
  context.fill(shape);
  Object.assign(context, { strokeStyle: edge, lineWidth: 1 / size });
  if (edge) context.stroke(shape);
  context.restore();
}

// The colour that a CSS colour, perhaps a variable, is now.
function resolved(element, color) {
  element.style.color = color;
  const found = getComputedStyle(element).color;
  element.style.color = "";
  return found;
}

const channels = (color) => color.match(/\d+/g).slice(0, 3).map(Number);
