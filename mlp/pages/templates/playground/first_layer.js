// The weights of the first layer: a picture for each unit, or a table if the inputs have names.

const MAX_UNITS = 64; // that are shown

class FirstLayer {
  // shape: of an image; names: of the inputs, or null; colors: `sign_colors` in mlp/figures/style.py.
  constructor(section, shape, names, colors) {
    Object.assign(this, { shape, names, colors, tiles: [] });
    this.place = section.querySelector(".units");
    this.largest = section.querySelector(".largest");
    this.count = section.querySelector(".count");
  }

  // parameters: W1 (inputs, units), b1 and others; kind: "unit" or "output".
  show(parameters, units, kind) {
    const inputs = sizeOf(this.shape);
    const W = parameters.subarray(0, inputs * units);
    const most = strength(W);
    setText(this.largest, brief(most));
    const shown = Math.min(units, MAX_UNITS);
    const all = `${counted(units)} ${kind}${units === 1 ? "" : "s"}`;
    setText(this.count, shown < units ? `the first ${shown} of ${all}` : all);
    if (this.names) this.showTable(parameters.subarray(0, (inputs + 1) * units), shown, units, most);
    else this.showTiles(W, shown, units, most);
  }

  showTiles(W, shown, units, most) {
    if (this.tiles.length !== shown) {
      this.tiles = Array.from({ length: shown }, () => make("canvas"));
      this.place.replaceChildren(...this.tiles);
    }
    this.tiles.forEach((canvas, unit) => drawSigns(canvas, this.shape, (k) => W[k * units + unit], most, this.colors));
  }

  // numbers: W1 and b1, row by row.
  showTable(numbers, shown, units, most) {
    if (this.tiles.length !== shown) this.makeTable(shown);
    this.rows.forEach((cells, row) => cells.forEach((cell, unit) => {
      const number = numbers[row * units + unit];
      setText(cell, number.toFixed(2).replace("-", "\u2212"));
      cell.className = `number ${number < 0 ? "below" : "above"}`;
      cell.style.setProperty("--share", Math.min(1, most && Math.abs(number) / most).toFixed(2));
    }));
  }

  makeTable(shown) {
    this.tiles = Array.from({ length: shown }, (_, unit) => header("col", unit + 1));
    this.rows = [];
    const head = make("tr");
    head.append(header("row", "unit"), ...this.tiles);
    const body = [...this.names, "bias"].map((name) => {
      const cells = this.tiles.map(() => make("td"));
      this.rows.push(cells);
      const row = make("tr");
      row.append(header("row", name), ...cells);
      return row;
    });
    const table = make("table");
    table.append(head, ...body);
    this.place.replaceChildren(table);
  }
}

function header(scope, text) {
  return Object.assign(make("th"), { scope, textContent: text });
}
