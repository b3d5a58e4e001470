// Curves in an <svg>: a chart that is drawn anew many times a second while its curves grow.

const FONT = 13; // pixels, and so is all else here
const DIGIT = 0.64 * FONT; // the width of a digit in the widest common face
const LINE = 1.6 * FONT;
const [GAP, SAMPLE, DOT] = [8, 22, 3]; // between parts; the length of a legend's line; the radius of a last value

function svgPart(tag, attributes, text = "") {
  const part = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
  part.textContent = text;
  return part;
}

// The classes of a curve in the style sheet.
const classesOf = ({ isDashed, isThin }) => `curve${isDashed ? " dashed" : ""}${isThin ? " thin" : ""}`;

class Chart {
  // On a logarithmic vertical axis numbers that are not positive leave a gap. within: no tick of the vertical axis is
  // outside; least: what the horizontal axis always shows. The size is the element's, from the page's style.
  constructor(svg, { isLogarithmic = false, within = [-Infinity, Infinity], least = [Infinity, -Infinity] }) {
    Object.assign(this, { svg, isLogarithmic, within, least, curves: [], axes: { x: "", y: "" }, mark: null });
    svg.classList.add("chart");
    svg.setAttribute("role", "img");
    svg.setAttribute("font-size", FONT);
    this.widths = new Map();
    new ResizeObserver(() => {
      this.size = null;
      this.draw();
    }).observe(svg);
  }

  // curves: [{ label, color, isDashed, isThin, points: [[x, y], ...] }, ...], the points in order of x; a missing or
  // infinite number leaves a gap. axes: { x, y }, what they show, as text. mark: { label, x }, a vertical line.
  show(curves, axes, mark = null) {
    Object.assign(this, { curves, axes, mark });
    this.draw();
  }

  draw() {
    this.size ??= [this.svg.clientWidth, this.svg.clientHeight];
    const [width, height] = this.size;
    if (!width) return; // it is not to be seen now
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const { across, up } = this.ticks();
    const labels = this.isLogarithmic ? up.map(tickLabel) : linearLabels(up);
    const legend = this.legend(width);
    this.left = Math.max(...labels.map((label) => label.length)) * DIGIT + GAP;
    this.right = width - 2 * DIGIT;
    this.top = legend.height + GAP;
    this.bottom = height - 2 * LINE;
    this.svg.replaceChildren(
      ...legend.parts,
      this.grid(across, up),
      ...linearLabels(across).map((label, k) => this.below(label, this.px(across[k]), width)),
      ...up.map((tick, k) => this.text(labels[k], this.left - GAP, this.py(tick) + FONT / 3, "end")),
      this.text(this.axes.x, this.right, height - GAP / 2, "end"),
      ...this.mark ? [this.marked()] : [],
      ...this.curves.flatMap((curve) => this.line(curve)),
    );
  }

  // The ticks of both axes. They set the limits: those of the vertical axis are its outer ticks.
  ticks() {
    const { isLogarithmic, within: [bottom, top] } = this;
    const { x, y, hasFractions } = this.extent();
    this.xLimits = spread(x);
    const [low, high] = spread(y, isLogarithmic);
    const up = isLogarithmic ? logarithmicTicks(low, high) : linearTicks(Math.max(low, bottom), Math.min(high, top));
    this.yLimits = [up[0], up.at(-1)].map((tick) => this.scaled(tick));
    const across = linearTicks(...this.xLimits, hasFractions ? 0 : 1)
      .filter((tick) => tick >= this.xLimits[0] && tick <= this.xLimits[1]);
    return { across, up };
  }

  extent() {
    const [x, y] = [[...this.least], [Infinity, -Infinity]];
    let hasFractions = false;
    for (const { points } of this.curves) {
      for (const point of points) {
        if (!this.isDrawn(point)) continue;
        const right = point[0], up = point[1]; // a pattern would take twice as long
        if (right < x[0]) x[0] = right;
        if (right > x[1]) x[1] = right;
        if (up < y[0]) y[0] = up;
        if (up > y[1]) y[1] = up;
        hasFractions ||= !Number.isInteger(right);
      }
    }
    return { x, y, hasFractions };
  }

  isDrawn(point) {
    return Number.isFinite(point[1]) && Number.isFinite(point[0]) && (!this.isLogarithmic || point[1] > 0);
  }

  scaled(y) {
    return this.isLogarithmic ? Math.log10(y) : y;
  }

  px(x) {
    const [low, high] = this.xLimits;
    return this.left + (this.right - this.left) * (x - low) / (high - low);
  }

  py(y) {
    const [low, high] = this.yLimits;
    return this.bottom - (this.bottom - this.top) * (this.scaled(y) - low) / (high - low);
  }

  text(content, x, y, anchor) {
    return svgPart("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor }, content);
  }

  // A tick's label below the axes, not beyond the right edge.
  below(label, x, width) {
    return this.text(label, Math.min(x, width - label.length * DIGIT / 2), this.bottom + LINE, "middle");
  }

  grid(across, up) {
    const lines = [
      ...up.map((tick) => `M${this.left} ${this.py(tick).toFixed(1)}H${this.right}`),
      ...across.map((tick) => `M${this.px(tick).toFixed(1)} ${this.bottom}V${this.top}`),
    ];
    return svgPart("path", { class: "grid", d: lines.join("") });
  }

  marked() {
    return svgPart("path", { class: "mark", d: `M${this.px(this.mark.x).toFixed(1)} ${this.bottom}V${this.top}` });
  }

  line({ points, color, ...look }) {
    const { path, last } = this.path(points);
    if (!last) return [];
    return [
      svgPart("path", { class: classesOf(look), style: `stroke: ${color}`, d: path }),
      svgPart("circle", { style: `fill: ${color}`, cx: last[0].toFixed(1), cy: last[1].toFixed(1), r: DOT }),
    ];
  }

  // A curve as an SVG path, and the place of its last point. Of the points in one column of pixels it has the lowest
  // and the highest, in their order, so that no peak is lost.
  path(points) {
    const parts = [];
    let [pen, column, low, high, last] = ["M", null, null, null, null];
    const draw = () => {
      if (column === null) return;
      const [first, second] = low.index < high.index ? [low, high] : [high, low];
      for (const { place } of first === second ? [first] : [first, second]) {
        parts.push(pen, place[0].toFixed(1), " ", place[1].toFixed(1));
        pen = "L";
      }
      if (parts.at(-4) === "M") parts.push("h0"); // so that a point without neighbours is a dot
    };
    for (let index = 0; index < points.length; index += 1) {
      const point = points[index];
      if (!this.isDrawn(point)) {
        draw();
        [pen, column] = ["M", null];
        continue;
      }
      const place = [this.px(point[0]), this.py(point[1])];
      const here = { index, place };
      if (Math.round(place[0]) !== column) {
        draw();
        [column, low, high] = [Math.round(place[0]), here, here];
      } else if (place[1] > low.place[1]) low = here;
      else if (place[1] < high.place[1]) high = here;
      last = place;
    }
    draw();
    return { path: parts.join(""), last };
  }

  // What the vertical axis shows and what each curve is, in as many lines as they need above the axes.
  legend(width) {
    const items = [{ label: this.axes.y }, ...this.curves];
    if (this.mark) items.push({ label: this.mark.label, color: "var(--muted)", isMark: true });
    const parts = [];
    let [x, y] = [0, LINE];
    for (const { label, color, isMark, ...look } of items) {
      const length = isMark ? 0 : SAMPLE;
      const sample = color ? length + GAP : 0;
      const needed = sample + this.widthOf(label);
      if (x && x + needed > width) [x, y] = [0, y + LINE];
      if (color) {
        const d = isMark ? `M${x + 1} ${y}v${-FONT}` : `M${x} ${y - FONT / 3}h${length}`;
        const kind = isMark ? "mark" : classesOf(look);
        parts.push(svgPart("path", { class: kind, style: `stroke: ${color}`, d }));
      }
      parts.push(this.text(label, x + sample, y, "start"));
      x += needed + 2 * GAP;
    }
    return { parts, height: y + GAP };
  }

  // A text's width, measured once: measuring makes the browser lay the page out.
  widthOf(text) {
    if (!this.widths.has(text)) {
      const part = svgPart("text", {}, text);
      this.svg.append(part);
      this.widths.set(text, part.getComputedTextLength());
      part.remove();
    }
    return this.widths.get(text);
  }
}
