// Arrays that pages.packed has put into the page, and images drawn of them.

const TYPES = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array };

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new TYPES[packed.type](await new Response(stream).arrayBuffer());
}

// Ink on paper: pixels 0 to 255, 0 for paper.
function drawImage(canvas, pixels, [rows, columns]) {
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  pixels.forEach((ink, k) => image.data.set([255 - ink, 255 - ink, 255 - ink, 255], 4 * k));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
