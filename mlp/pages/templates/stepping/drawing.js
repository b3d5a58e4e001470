// A graph's drawing: its numbers, which follow the step, and what a number means when you point at it.

const gentle = window.matchMedia("(prefers-reduced-motion: no-preference)");
const behavior = () => (gentle.matches ? "smooth" : "instant");

class Drawing {
  // name: what each id in the drawing begins with; meaning: from a number what it means, as text.
  constructor(section, name, { nodes }, meaning) {
    this.meaning = meaning;
    [this.frame, this.tip] = [".drawing", ".tip"].map((place) => section.querySelector(place));
    const parts = [...section.querySelectorAll("svg [id]")];
    this.parts = new Map(parts.map((part) => [part.id.slice(name.length + 1), part]));
    this.numbers = [...this.parts].flatMap(([id, part]) => {
      const [, key, what, node, row] = id.match(/^((value|gradient)-(\d+))-(\d+)$/) ?? [];
      return key ? [{ part, key, what, node: Number(node), row: Number(row), text: part.querySelector("text") }] : [];
    }).sort((a, b) => a.node - b.node);
    for (const number of this.numbers) {
      number.name = nameOf(number, nodes[number.node]);
      this.listen(number);
    }
    this.frame.onscroll = () => this.hide();
  }

  // known: lines of text by key; fresh, reads: keys; marks, broken: ids of parts.
  show(known, { fresh = [], reads = [], marks = [], broken = [] }) {
    for (const number of this.numbers) {
      const { part, text, key, row } = number;
      const line = known.get(key)?.[row];
      number.isKnown = line !== undefined;
      part.classList.toggle("unknown", !number.isKnown);
      part.classList.toggle("new", fresh.includes(key));
      part.classList.toggle("reads", reads.includes(key));
      if (!number.isKnown) continue;
      part.ariaLabel = `${number.name} = ${line}`; // until it is pointed at
      if (text.textContent === line) continue;
      text.textContent = line;
      number.isChanged = true;
    }
    for (const [id, part] of this.parts) {
      part.classList.toggle("at-work", marks.includes(id));
      part.classList.toggle("broken", broken.includes(id));
    }
    this.squeeze();
    this.hide(); // the numbers may be others now
    const stop = this.numbers.find(({ part }) => part.tabIndex === 0);
    if (!stop?.isKnown) this.setStop(this.numbers.find(({ isKnown }) => isKnown));
  }

  // Make numbers that are wider than their wire narrower: all are measured first, as that lays out the page.
  squeeze() {
    const changed = this.numbers.filter(({ isChanged, part }) => isChanged && part.getClientRects().length);
    for (const { text } of changed) text.removeAttribute("textLength");
    for (const number of changed) {
      number.isChanged = false;
      number.room ??= this.parts.get(`lead-${number.node}`).getBBox().width;
      number.isWide = number.text.getComputedTextLength() > number.room;
    }
    for (const { text, room } of changed.filter(({ isWide }) => isWide)) {
      text.setAttribute("lengthAdjust", "spacingAndGlyphs");
      text.setAttribute("textLength", room);
    }
  }

  // Scroll these parts into view; if they are too wide, their left end; without any, to the beginning.
  scrollTo(ids) {
    const boxes = ids.filter((id) => this.parts.has(id)).map((id) => this.parts.get(id).getBoundingClientRect());
    const frame = this.frame.getBoundingClientRect();
    const left = Math.min(...boxes.map((box) => box.left));
    const right = Math.max(...boxes.map((box) => box.right));
    const room = Math.max(frame.width - (right - left), 0);
    if (!boxes.length) this.frame.scrollTo({ left: 0, behavior: behavior() });
    else if (left < frame.left || right > frame.right) {
      this.frame.scrollBy({ left: left - frame.left - room / 2, behavior: behavior() });
    }
  }

  // One number at a time can be reached by Tab; the arrow keys lead to the others.
  listen(number) {
    const { part } = number;
    part.role = "img";
    part.tabIndex = -1;
    part.onpointerenter = part.onfocus = part.onclick = () => this.point(number);
    part.onpointerleave = part.onblur = () => this.hide();
    part.onkeydown = (event) => {
      const step = meant(event, { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 });
      const shown = this.numbers.filter(({ isKnown }) => isKnown);
      const next = shown[shown.indexOf(number) + step];
      if (event.key === "Escape") this.hide();
      if (!step || !next) return;
      event.preventDefault();
      this.setStop(next);
      next.part.focus();
    };
  }

  setStop(stop) {
    for (const number of this.numbers) number.part.tabIndex = number === stop ? 0 : -1;
  }

  point(number) {
    this.tip.textContent = number.part.ariaLabel = this.meaning(number);
    this.tip.hidden = false;
    this.putBelow(this.tip, number.part);
  }

  hide() {
    this.tip.hidden = true;
  }

  // Put a text below a part of the drawing, within the frame; or below something else, at the part.
  putBelow(text, part, lowest = part) {
    const [frame, box, { bottom }] = [this.frame, part, lowest].map((element) => element.getBoundingClientRect());
    const left = box.left + box.width / 2 - frame.left - text.offsetWidth / 2;
    text.style.left = `${Math.max(0, Math.min(left, frame.width - text.offsetWidth))}px`;
    text.style.top = `${bottom - frame.top + 4}px`;
  }
}

// Such as x, dx, or dX[1] for a row.
function nameOf({ what, row }, { name, shape }) {
  const place = shape.length === 2 && shape[0] > 1 && !isLarge(shape) ? `[${row}]` : "";
  return `${what === "gradient" ? "d" : ""}${name}${place}`;
}
