// The images in the plane: point at one or tap it to see it; click, press Enter or tap it again to pin it.

const REACH = 20; // CSS pixels between the pointer and a point
const DIRECTIONS = {
  ArrowRight: (right, down) => right > Math.abs(down),
  ArrowLeft: (right, down) => -right > Math.abs(down),
  ArrowDown: (right, down) => down > Math.abs(right),
  ArrowUp: (right, down) => -down > Math.abs(right),
};

class Plane {
  // place: the axes in the figure, as in mlp/pages/report_plane.py; training: the images, in the coordinates' order.
  constructor(element, { place, limits, coordinates }, training) {
    this.element = element;
    this.training = training;
    this.ring = document.getElementById("ring");
    this.status = document.getElementById("point");
    this.pins = document.getElementById("pins");
    this.current = -1;
    this.pinned = new Set();
    // The points as fractions of the figure's width and height, from its upper left corner.
    const [left, top, width, height] = place;
    const [[x0, x1], [y0, y1]] = limits;
    this.places = Array.from(training.labels, (_, k) => [
      left + width * (coordinates[2 * k] - x0) / (x1 - x0),
      top + height * (y1 - coordinates[2 * k + 1]) / (y1 - y0),
    ]);
    element.addEventListener("pointermove", (event) => this.point(event));
    element.addEventListener("click", (event) => {
      const shown = this.current; // a mouse has pointed before it clicks, a finger has not
      if (this.point(event) && this.current === shown) this.pin();
    });
    element.addEventListener("keydown", (event) => this.key(event));
  }

  // The key of a point's caption, and its values.
  caption(k) {
    const { labels, probabilities, predicted, indices } = this.training;
    const values = { digit: labels[k], p: probabilities[k].toFixed(4), index: indices[k] };
    return predicted ? ["plane.point_of_many", { ...values, predicted: predicted[k] }] : ["plane.point", values];
  }

  card(k) {
    const { images, image_shape: shape } = this.training;
    const pixels = shape[0] * shape[1];
    const image = inkPicture(shape, images.subarray(k * pixels, (k + 1) * pixels));
    sayIn("aria-label", image, ...this.caption(k));
    const item = document.createElement("li");
    const words = document.createElement("span");
    sayAt(words, ...this.caption(k));
    item.append(image, words);
    return item;
  }

  // Each image has one card at most.
  show(k) {
    this.current = k;
    this.ring.hidden = false;
    this.ring.style.left = `${100 * this.places[k][0]}%`;
    this.ring.style.top = `${100 * this.places[k][1]}%`;
    sayAt(this.status, ...this.caption(k));
    this.pins.querySelector("li:not(.pinned)")?.remove();
    if (!this.pinned.has(k)) this.pins.prepend(this.card(k));
  }

  pin() {
    if (this.current < 0) return;
    this.pinned.add(this.current);
    this.pins.querySelector("li:not(.pinned)")?.classList.add("pinned");
  }

  clear() {
    this.pinned.clear();
    this.pins.replaceChildren();
  }

  // The nearest point for which `allowed` is true, and its distance in CSS pixels.
  nearest([x, y], allowed = () => true) {
    const box = this.element.getBoundingClientRect();
    let best = -1, least = Infinity;
    this.places.forEach(([px, py], k) => {
      const [right, down] = [(px - x) * box.width, (py - y) * box.height];
      const distance = Math.hypot(right, down);
      if (distance < least && allowed(right, down, k)) [best, least] = [k, distance];
    });
    return [best, least];
  }

  // Show the point under the pointer; returns false if there is none.
  point(event) {
    const box = this.element.getBoundingClientRect();
    const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const [k, distance] = this.nearest(place);
    if (distance <= REACH && k !== this.current) this.show(k);
    return distance <= REACH;
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in DIRECTIONS) {
      const started = this.current >= 0;
      const from = started ? this.places[this.current] : [0.5, 0.5];
      const [k] = this.nearest(from, (right, down, k) =>
        k !== this.current && (!started || DIRECTIONS[event.key](right, down)));
      if (k >= 0) this.show(k);
    } else if (event.key === "Enter" || event.key === " ") {
      this.pin();
    } else if (event.key === "Escape") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
  }
}
