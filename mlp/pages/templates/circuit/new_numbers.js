// New numbers for a circuit's inputs, from a seed: the same ones in each browser.

const MAX_TRIES = 200; // sets of numbers tried, until one is fit for work on paper; the last one is taken then
const [SMALLEST, LARGEST] = [0.01, 1e4]; // of the inputs' largest gradient, and of all values and gradients

// Numbers from 0 to 1: the minimal standard generator of Park and Miller (1988), with their later multiplier.
function generator(seed) {
  let state = 1 + (seed % 2147483646);
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  for (let k = 0; k < 8; k += 1) next(); // small seeds begin alike
  return next;
}

// Numbers of the kind of the original ones: class indices, zeros and ones, whole numbers, or numbers with two decimals.
function similar({ shape, original, classes }, random, isPositive) {
  const numbers = [...flat(original)];
  const isBinary = numbers.includes(0) && numbers.includes(1) && numbers.every((x) => x === 0 || x === 1);
  const unit = numbers.every(Number.isInteger) ? 1 : 0.01;
  const limit = unit === 1 ? 9 : Math.max(1, ...numbers.map(Math.abs));
  return arrayOf(shape, numbers.map(() => {
    if (classes || isBinary) return Math.floor((classes || 2) * random());
    const size = Math.ceil(random() * limit / unit) * unit;
    return Number((isPositive || random() < 0.5 ? size : -size).toFixed(2));
  }));
}

// Whether all numbers of both passes are moderate, and some gradient of an input is not almost 0.
function isFit({ nodes, leaves }) {
  const sizes = (one) => Array.from(flat(one ?? 0), Math.abs);
  return nodes.every(({ value, gradient }) => [...sizes(value), ...sizes(gradient)].every((size) => size <= LARGEST))
    && leaves.some(({ gradient }) => sizes(gradient).some((size) => size >= SMALLEST));
}
