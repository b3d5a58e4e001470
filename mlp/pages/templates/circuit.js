"use strict";

// Steps through circuits. The drawing at a step depends only on the steps up to it, so it does not matter how the reader
// came there: forward, backward or by the address.

const PAUSE = 1500; // milliseconds between the steps of Play
const gentle = window.matchMedia("(prefers-reduced-motion: no-preference)");
const choice = document.getElementById("choice"); // in a gallery, else null
const isInNotebook = location.href === "about:srcdoc"; // in a frame of its own, which has no address

class Circuit {
  constructor(section) {
    this.section = section;
    this.name = section.dataset.name;
    this.steps = JSON.parse(section.querySelector("script").textContent);
    this.last = this.steps.length - 1;
    this.step = 0;
    this.timer = null;
    this.parts = new Map(
      [...section.querySelectorAll("svg [id]")].map((part) => [part.id.slice(this.name.length + 1), part]),
    );
    this.drawing = section.querySelector(".drawing");
    this.listing = section.querySelector(".listing");
    this.slider = section.querySelector("input");
    this.buttons = Object.fromEntries(
      [...section.querySelectorAll("[data-go]")].map((button) => [button.dataset.go, button]),
    );
    for (const [where, button] of Object.entries(this.buttons)) {
      button.addEventListener("click", () => (where === "play" ? this.toggle() : this.go(where)));
    }
    this.slider.addEventListener("input", () => this.moveTo(Number(this.slider.value)));
  }

  go(where) {
    this.moveTo({ first: 0, back: this.step - 1, next: this.step + 1, last: this.last }[where]);
  }

  // The user chose a step: this stops Play.
  moveTo(step) {
    this.pause();
    this.show(step);
    remember();
  }

  show(step) {
    this.step = Math.min(Math.max(step, 0), this.last);
    const now = this.steps[this.step];
    this.showNumbers(this.step);
    for (const [id, part] of this.parts) part.classList.toggle("at-work", now.marks.includes(id));
    for (const place of this.section.querySelectorAll("[data-says]")) {
      place.textContent = now[place.dataset.says];
      (place.closest("dl > div") ?? place).hidden = place.textContent === "";
    }
    this.showPlace();
    this.showLine(now.line);
    this.scrollDrawing(now);
  }

  // The numbers known at this step; for a gradient that is a sum, the sum so far.
  showNumbers(step) {
    const now = this.steps[step];
    const known = new Map();
    for (const { shows } of this.steps.slice(0, step + 1)) {
      for (const [number, lines] of Object.entries(shows)) {
        lines.forEach((line, row) => known.set(`${number}-${row}`, line));
      }
    }
    for (const [id, part] of this.parts) {
      if (!/^(value|gradient)-/.test(id)) continue;
      const number = id.slice(0, id.lastIndexOf("-"));
      part.classList.toggle("unknown", !known.has(id));
      part.classList.toggle("new", number in now.shows);
      part.classList.toggle("reads", now.reads.includes(number));
      if (known.has(id)) part.querySelector("text").textContent = known.get(id);
    }
  }

  showPlace() {
    const words = `step ${this.step} of ${this.last}`;
    this.section.querySelector(".counter").textContent = words;
    this.slider.value = this.step;
    this.slider.setAttribute("aria-valuetext", words);
    for (const where of ["first", "back"]) this.buttons[where].setAttribute("aria-disabled", this.step === 0);
    for (const where of ["next", "last"]) this.buttons[where].setAttribute("aria-disabled", this.step === this.last);
  }

  showLine(number) {
    const lines = this.listing.querySelectorAll(".line");
    lines.forEach((line) => line.removeAttribute("aria-current"));
    lines[number].setAttribute("aria-current", "step");
    const top = lines[number].offsetTop - this.listing.clientHeight / 2;
    this.listing.scrollTo({ top, behavior: behavior() });
  }

  // Scroll the active part into view; if it is too wide, its left end.
  scrollDrawing(now) {
    const numbers = [...now.reads, ...Object.keys(now.shows)];
    const ids = [...now.marks, ...numbers.map((number) => `${number}-0`)];
    const boxes = ids.filter((id) => this.parts.has(id)).map((id) => this.parts.get(id).getBoundingClientRect());
    if (!boxes.length || this.step === 0) {
      this.drawing.scrollTo({ left: 0, behavior: behavior() });
      return;
    }
    const frame = this.drawing.getBoundingClientRect();
    const left = Math.min(...boxes.map((box) => box.left));
    const right = Math.max(...boxes.map((box) => box.right));
    if (left < frame.left || right > frame.right) {
      const room = Math.max(frame.width - (right - left), 0);
      this.drawing.scrollBy({ left: left - frame.left - room / 2, behavior: behavior() });
    }
  }

  toggle() {
    if (this.timer !== null) {
      this.pause();
      return;
    }
    this.show(this.step === this.last ? 0 : this.step + 1);
    remember();
    if (this.step === this.last) return;
    this.buttons.play.textContent = "Pause";
    this.timer = setInterval(() => {
      this.show(this.step + 1);
      remember();
      if (this.step === this.last) this.pause();
    }, PAUSE);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.buttons.play.textContent = "Play";
  }
}

function behavior() {
  return gentle.matches ? "smooth" : "instant";
}

const circuits = [...document.querySelectorAll(".circuit")].map((section) => new Circuit(section));
let chosen = circuits[0];

function address() {
  return choice ? `#${chosen.name}/${chosen.step}` : `#step=${chosen.step}`;
}

// Replaces the address: the browser's Back then leaves the page or the circuit, and not only the step.
function remember() {
  if (!isInNotebook && location.hash !== address()) history.replaceState(null, "", address());
}

// Show the circuit and the step that the address names: by default the first; the last step if the number is too large.
function follow() {
  const [, name, step] = location.hash.match(choice ? /^#(?:circuit-)?([^/]*)\/?(\d*)$/ : /^#(step)=(\d+)$/) ?? [];
  chosen.pause();
  chosen = circuits.find((circuit) => circuit.name === name) ?? circuits[0];
  for (const circuit of circuits) circuit.section.classList.toggle("chosen", circuit === chosen);
  if (choice) choice.value = chosen.name;
  chosen.show(Number(step ?? 0));
  if (location.hash) remember();
}

// Make the frame as high as the page, and no lower as long as it is as wide: what follows it shall not jump at a step.
function fit(frame) {
  let width = 0;
  new ResizeObserver(() => {
    const needed = Math.ceil(document.body.getBoundingClientRect().height);
    const height = innerWidth === width ? Math.max(needed, innerHeight) : needed;
    width = innerWidth;
    frame.style.height = `${height}px`;
  }).observe(document.body);
}

// Whether the background behind an element is dark; undefined if it has none, or a colour in another notation.
function isOnDark(element) {
  const color = element && getComputedStyle(element).backgroundColor;
  const [, red, green, blue, opacity] = color?.match(/^rgba?\((\d+), (\d+), (\d+)(?:, (.*))?\)$/) ?? [];
  if (opacity === "0") return isOnDark(element.parentElement);
  return red && Number(red) + Number(green) + Number(blue) < 384;
}

// Be dark if the notebook is, whatever the system is.
function adoptTheme(isDark) {
  document.documentElement.style.colorScheme = isDark ? "dark" : "light";
  for (const { media } of document.styleSheets[0].cssRules) {
    if (media?.mediaText.includes("prefers-color-scheme")) media.mediaText = isDark ? "screen" : "not all";
  }
}

if (isInNotebook && frameElement) {
  const isDark = isOnDark(frameElement.parentElement);
  if (isDark !== undefined) adoptTheme(isDark);
  document.documentElement.classList.add("in-notebook");
  frameElement.parentElement.querySelector(":scope > .mlp-picture")?.remove(); // it is for viewers that remove frames
  fit(frameElement);
}
document.documentElement.classList.add("stepping");
follow();
window.addEventListener("hashchange", follow);
choice?.addEventListener("change", () => { location.hash = `${choice.value}/0`; });
document.addEventListener("keydown", (event) => {
  const where = { ArrowLeft: "back", ArrowRight: "next" }[event.key];
  const taken = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
  if (!where || taken || event.target.closest("input, select, .wide")) return; // these use the key themselves
  event.preventDefault();
  chosen.go(where);
});
window.addEventListener("beforeprint", () => {
  for (const circuit of circuits) circuit.showNumbers(circuit.last);
});
window.addEventListener("afterprint", () => chosen.show(chosen.step));
