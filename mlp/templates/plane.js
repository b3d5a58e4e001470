// The images in the plane: the one that is pointed at is shown, and pinned by a click or Enter.

const points = JSON.parse(document.getElementById("points").textContent);
const [coordinates, images, labels, indices, probabilities] = await Promise.all(
  ["coordinates", "images", "labels", "indices", "probabilities"].map((name) => unpack(points[name])));
const plane = document.getElementById("plane");
const ring = document.getElementById("ring");
const status = document.getElementById("point");
const pins = document.getElementById("pins");
const pixels = points.image_shape[0] * points.image_shape[1];
const REACH = 20; // CSS pixels from the pointer
let current = -1;

// Where each point is, as shares of the figure's width and height from its upper left.
const [left, bottom, width, height] = points.place;
const [[x0, x1], [y0, y1]] = points.limits;
const places = Array.from(labels, (_, k) => [
  left + width * (coordinates[2 * k] - x0) / (x1 - x0),
  1 - bottom - height * (coordinates[2 * k + 1] - y0) / (y1 - y0)]);

function told(k) {
  return `a ${labels[k]}, p = ${probabilities[k].toFixed(4)}, training image ${indices[k]}`;
}

function card(k) {
  const item = document.createElement("li");
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", told(k));
  drawImage(canvas, images.subarray(k * pixels, (k + 1) * pixels), points.image_shape);
  const words = document.createElement("span");
  words.textContent = told(k);
  item.append(canvas, words);
  return item;
}

function show(k) {
  current = k;
  ring.hidden = false;
  ring.style.left = `${100 * places[k][0]}%`;
  ring.style.top = `${100 * places[k][1]}%`;
  status.textContent = told(k);
  pins.querySelector(".current")?.remove();
  const item = card(k);
  item.className = "current";
  pins.prepend(item);
}

function pin() {
  if (current >= 0) pins.querySelector(".current")?.after(card(current));
}

// The point that is nearest among those that `allowed` takes, by its distance in CSS pixels.
function nearest([x, y], allowed = () => true) {
  const box = plane.getBoundingClientRect();
  let best = -1, least = Infinity;
  places.forEach(([px, py], k) => {
    const [right, down] = [(px - x) * box.width, (py - y) * box.height];
    const distance = Math.hypot(right, down);
    if (distance < least && allowed(right, down, k)) [best, least] = [k, distance];
  });
  return [best, least];
}

function pointed(event) {
  const box = plane.getBoundingClientRect();
  const [k, distance] = nearest([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  if (distance <= REACH && k !== current) show(k);
  return distance <= REACH;
}

const DIRECTIONS = {
  ArrowRight: (right, down) => right > Math.abs(down),
  ArrowLeft: (right, down) => -right > Math.abs(down),
  ArrowDown: (right, down) => down > Math.abs(right),
  ArrowUp: (right, down) => -down > Math.abs(right),
};

plane.addEventListener("pointermove", pointed);
plane.addEventListener("click", (event) => { if (pointed(event)) pin(); });
plane.addEventListener("keydown", (event) => {
  if (event.key in DIRECTIONS) {
    const from = current < 0 ? [0.5, 0.5] : places[current];
    const [k] = nearest(from, (right, down, k) => k !== current && (current < 0 || DIRECTIONS[event.key](right, down)));
    if (k >= 0) show(k);
  } else if (event.key === "Enter" || event.key === " ") {
    pin();
  } else if (event.key === "Escape") {
    pins.replaceChildren();
  } else {
    return;
  }
  event.preventDefault();
});
