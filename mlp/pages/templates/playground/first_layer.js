// The weights of the first layer: a picture for each unit, or a table if the inputs have names.

const MAX_TILES = 64;
const ZERO_ROW = 128; // of the colours: rows 1 to 255 are for -1 to 1

class FirstLayer {
  // shape: of an image; names: of the inputs, or null; colors: those of signs, three bytes each.
  constructor(section, shape, names, colors) {
    Object.assign(this, { shape, names, tiles: [], image: new ImageData(...[...shape].reverse()) });
    this.place = section.querySelector(".units");
    this.largest = section.querySelector(".largest");
    this.count = section.querySelector(".count");
    this.palette = Array.from({ length: 256 }, (_, row) => colors.subarray(3 * row, 3 * row + 3));
  }

  // parameters: W1 (inputs, units), b1 and others; kind: "unit" or "output".
  show(parameters, units, kind) {
    const inputs = sizeOf(this.shape);
    const W = parameters.subarray(0, inputs * units);
    const most = strength(W);
    setText(this.largest, brief(most));
    const shown = Math.min(units, MAX_TILES);
    const all = `${units.toLocaleString("en")} ${kind}${units === 1 ? "" : "s"}`;
    setText(this.count, shown < units ? `the first ${shown} of ${all}` : all);
    if (this.names) this.showTable(parameters.subarray(0, (inputs + 1) * units), shown, units, most);
    else this.showTiles(W, shown, units, most);
  }

  showTiles(W, shown, units, most) {
    if (this.tiles.length !== shown) {
      this.tiles = Array.from({ length: shown }, () => {
        const [height, width] = this.shape;
        return Object.assign(make("canvas"), { width, height }).getContext("2d");
      });
      this.place.replaceChildren(...this.tiles.map(({ canvas }) => canvas));
    }
    const { data } = this.image;
    const scale = most ? (ZERO_ROW - 1) / most : 0;
    this.tiles.forEach((tile, unit) => {
      for (let at = 0, k = unit; at < data.length; at += 4, k += units) {
        const color = this.palette[ZERO_ROW + Math.round(W[k] * scale)];
        data[at] = color[0];
        data[at + 1] = color[1];
        data[at + 2] = color[2];
        data[at + 3] = 255;
      }
      tile.putImageData(this.image, 0, 0);
    });
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
    this.tiles = Array.from({ length: shown }, (_, unit) => header("col", `unit ${unit + 1}`));
    this.rows = [];
    const head = make("tr");
    head.append(make("td"), ...this.tiles);
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
