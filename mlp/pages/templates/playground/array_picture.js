// An array of a network as a picture: the image in ink, anything else in the colours of signs.

const MAX_TILES = 12; // of the first layer's units, those whose weights are shown as images
const [CELL, TILE, MAX_HEIGHT] = [14, 64, 140]; // pixels: a number, the longer side of an image, a matrix

class ArrayPicture {
  // name: such as W1 or dW1; shape: rows and columns of the image, if there is one; scale: what its pixels are divided
  // by to become X; colors: `sign_colors` in mlp/figures/style.py.
  constructor(name, shape, scale, colors) {
    Object.assign(this, { name, shape, scale, colors });
    const [element, tiles, caption] = ["figure", "div", "figcaption"].map(make);
    Object.assign(this, { element, tiles, caption });
    tiles.role = "img";
    element.append(tiles, caption);
  }

  // isNew: whether the step computes this array.
  show(A, isNew) {
    const { name, tiles, colors } = this;
    const { parts, caption } = this.parts(A);
    const largest = strength(A.data);
    this.caption.classList.toggle("computed", isNew);
    while (tiles.children.length < parts.length) tiles.append(make("canvas"));
    while (tiles.children.length > parts.length) tiles.lastChild.remove();
    parts.forEach(({ shape, numberOf }, k) => {
      const canvas = tiles.children[k];
      if (this.isInk()) drawInk(canvas, shape, A.data.map((x) => this.scale * x));
      else drawSigns(canvas, shape, numberOf, largest, colors);
      Object.assign(canvas.style, sizeIn(shape, this.isImage()));
    });
    const values = { array: `${name} ${shapeText(A.shape)}`, units: MAX_TILES, largest: rounded(largest, 3) };
    setText(this.caption, say(caption, values));
    tiles.ariaLabel = this.caption.textContent;
  }

  isInk() {
    return this.name === "X" && this.isImage();
  }

  isImage() {
    return this.shape !== null && /^(X|d?W1)$/.test(this.name);
  }

  // The pictures of an array, each with its shape and the number of each pixel, and the key of their caption.
  parts({ shape, data }) {
    const [rows, columns] = shape.length === 2 ? shape : [1, ...shape];
    if (this.isInk()) return { parts: [{ shape: this.shape }], caption: "playground.array_image" };
    if (this.isImage()) {
      const units = Array.from({ length: Math.min(columns, MAX_TILES) }, (_, unit) => unit);
      const parts = units.map((unit) => ({ shape: this.shape, numberOf: (pixel) => data[pixel * columns + unit] }));
      const caption = columns > MAX_TILES ? "playground.array_of_first_units" : "playground.array_of_units";
      return { parts, caption };
    }
    if (!/^d?W/.test(this.name)) {
      return { parts: [{ shape: [rows, columns], numberOf: (k) => data[k] }], caption: "playground.array" };
    }
    const transposed = (k) => data[(k % rows) * columns + Math.floor(k / rows)];
    return { parts: [{ shape: [columns, rows], numberOf: transposed }], caption: "playground.array_of_rows" };
  }
}

// The size of a picture in the page.
function sizeIn([rows, columns], isImage) {
  const cell = isImage ? TILE / Math.max(rows, columns) : CELL;
  const height = isImage ? TILE : MAX_HEIGHT;
  return { width: `min(100%, ${cell * columns}px)`, height: `${Math.min(cell * rows, height)}px` };
}
