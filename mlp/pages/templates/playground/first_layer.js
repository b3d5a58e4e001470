// The weights of the first layer: a picture for each unit, or a table if the inputs have names.

const MAX_UNITS = 64; // that are shown

class FirstLayer {
  // shape: of an image; names: of the inputs, or null; colors: `sign_colors` in mlp/figures/style.py.
  constructor(section, shape, names, colors) {
    Object.assign(this, { shape, names, colors, tiles: [] });
    this.place = section.querySelector(".units");
    this.count = section.querySelector(".count");
  }

  // parameters: W1 (inputs, units), b1 and others; isHidden: whether the units are no outputs.
  show(parameters, units, isHidden) {
    const inputs = sizeOf(this.shape);
    const W = parameters.subarray(0, inputs * units);
    const most = strength(W);
    const shown = Math.min(units, MAX_UNITS);
    const [all, first] = isHidden
      ? ["playground.units", "playground.first_units"]
      : ["playground.outputs", "playground.first_outputs"];
    setText(this.count, say(shown < units ? first : all, { count: counted(units), shown, largest: brief(most) }));
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
    head.append(said("playground.unit"), ...this.tiles);
    const body = [...this.names.map((name) => header("row", name)), said("playground.bias")].map((name) => {
      const cells = this.tiles.map(() => make("td"));
      this.rows.push(cells);
      const row = make("tr");
      row.append(name, ...cells);
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

// The header of a row with the text of a key, which follows the page's language.
function said(key) {
  const cell = header("row", "");
  sayAt(cell, key);
  return cell;
}
