// What `packed` and `packed_json` in mlp/pages/frame.py have put into the page, and pictures of arrays.

const TYPES = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array };

async function unpack({ type, data }) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const response = new Response(stream);
  return type === "json" ? response.json() : new TYPES[type](await response.arrayBuffer());
}

// A JSON value with all its packed parts unpacked.
async function unpackAll(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  if (value.type === "json" || value.type in TYPES) return unpack(value);
  const entries = await Promise.all(Object.entries(value).map(async ([name, part]) => [name, await unpackAll(part)]));
  return Object.fromEntries(entries);
}

// Draw an image; colorOf returns the colour of pixel k, [red, green, blue] from 0 to 255.
function drawImage(canvas, [rows, columns], colorOf) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  const { data } = image;
  for (let k = 0, at = 0; k < rows * columns; k += 1, at += 4) {
    const color = colorOf(k);
    data[at] = color[0]; // a pattern, or `set`, would take ten times as long
    data[at + 1] = color[1];
    data[at + 2] = color[2];
    data[at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Draw numbers in the colours of signs: `colors` has 256 rows, of which 1 to 255 go from -largest, orange, to largest,
// purple. numberOf returns the number of pixel k.
function drawSigns(canvas, shape, numberOf, largest, colors) {
  drawImage(canvas, shape, (k) => {
    const row = 128 + Math.round(largest ? 127 * numberOf(k) / largest : 0);
    return colors.subarray(3 * row, 3 * row + 3);
  });
}

// The largest magnitude.
function strength(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

// A picture of ink, pixels from 0 for paper to 255 for black; it needs a label.
function inkPicture(shape, pixels) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  drawInk(canvas, shape, pixels);
  return canvas;
}

function drawInk(canvas, shape, pixels) {
  drawImage(canvas, shape, (k) => new Array(3).fill(255 - pixels[k]));
}
