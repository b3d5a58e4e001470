// The numbers of a circuit's inputs: fields to change them, new numbers from a seed, and a step against the gradient.

const MAX_FIELDS = 64; // a larger array has no fields
const MAX_TRIES = 200; // sets of numbers tried until both passes are finite, and not all gradients 0
const LARGEST = 1e4; // the largest value in a new set of numbers

class Inputs {
  // changed: called after the user has changed a number.
  constructor(section, graph, changed) {
    Object.assign(this, { graph, rate: section.querySelector("[data-rate]"), seed: null });
    this.leaves = graph.leaves.filter(({ constant }) => !constant);
    for (const leaf of graph.leaves) leaf.value = leaf.original = leaf.base = arrayOf(leaf.shape, leaf.numbers);
    for (const leaf of this.leaves) {
      leaf.fields = fieldsFor(leaf.name, leaf.shape);
      if (!leaf.fields.length) continue;
      for (const field of leaf.fields) {
        Object.assign(field, { required: true }, leaf.classes && { step: 1, min: 0, max: leaf.classes - 1 });
        field.addEventListener("input", () => { read(leaf); changed(); });
      }
      section.querySelector(".fields").append(inGrid(leaf, leaf.fields, leaf.name));
    }
    this.write();
  }

  // Write the numbers into the fields.
  write() {
    for (const { value, fields } of this.leaves) fields.forEach((field, k) => { field.value = numbersOf(value)[k]; });
  }

  // What is wrong in a field, as text.
  trouble() {
    for (const { value, fields, classes } of this.leaves) {
      const k = fields.findIndex(({ validity }) => !validity.valid);
      const must = classes ? `a whole number from 0 to ${classes - 1}` : "a number";
      if (k >= 0) return `${fields[k].ariaLabel} must be ${must}: it is still ${numbersOf(value)[k]}.`;
    }
    return "";
  }

  // Take the numbers of a seed, or the original ones for null.
  take(seed) {
    this.seed = seed;
    const random = generator(seed);
    for (let k = 0; k < MAX_TRIES; k += 1) {
      for (const leaf of this.leaves) leaf.value = leaf.base = seed === null ? leaf.original : similar(leaf, random, k > MAX_TRIES / 2);
      if (seed === null || this.isModerate()) break;
    }
    this.write();
  }

  isModerate() {
    this.graph.forward();
    this.graph.backward(this.graph.upstream);
    return this.graph.nodes.every(({ value, gradient = 0 }) =>
      [...numbersOf(value), ...numbersOf(gradient)].every((number) => Math.abs(number) <= LARGEST))
      && this.leaves.some(({ gradient = 0 }) => numbersOf(gradient).some(Boolean));
  }

  // Take the numbers of the next seed that has others.
  renew() {
    const numbers = () => String(this.leaves.map(({ value }) => numbersOf(value)));
    const old = numbers();
    for (let k = 0; k < 20 && numbers() === old; k += 1) this.take(this.seed + 1);
  }

  // Step: x -= rate * dx for the chosen inputs. Returns how the output should change by its gradient; null, without a
  // step, if an input would not be finite.
  descend(chosen) {
    const rate = Number(this.rate.value);
    const moved = elementwise((x, dx) => x - rate * dx);
    const leaves = this.leaves.filter(({ name, needs }) => needs && chosen.includes(name));
    const values = leaves.map(({ value, gradient }) => moved(value, gradient));
    if (!values.every((A) => numbersOf(A).every(isFinite))) return null;
    leaves.forEach((leaf, k) => { leaf.value = values[k]; });
    this.write();
    return leaves.flatMap(({ gradient }) => [...numbersOf(gradient)]).reduce((sum, dx) => sum - rate * dx * dx, 0);
  }

  // For the address: the inputs that differ from the seed's or the original numbers, each name with its texts.
  changes() {
    return this.leaves.filter(({ value, base, fields }) => fields.length && String(numbersOf(value)) !== String(numbersOf(base)))
      .map(({ name, value }) => [name, Array.from(numbersOf(value), String)]);
  }

  // From the address. What is no number there, or not as many as the input has, is left out.
  restore(seed, texts) {
    this.take(/^\d{1,9}$/.test(seed) ? Number(seed) : null);
    for (const leaf of this.leaves) {
      const given = texts.get(leaf.name);
      if (given?.length !== leaf.fields.length) continue;
      leaf.fields.forEach((field, k) => enter(field, given[k]));
      read(leaf);
    }
    this.write();
  }
}

const make = (tag) => document.createElement(tag);

// Take the numbers of a leaf's fields; where a field has none, the number stays.
function read(leaf) {
  const old = numbersOf(leaf.value);
  leaf.value = arrayOf(leaf.shape, leaf.fields.map(({ validity, value }, k) => (validity.valid ? Number(value) : old[k])));
}

// Write a text into a field if it is a number, else nothing: a browser complains about other text.
function enter(field, text) {
  field.value = /\d/.test(text) && isFinite(text) ? Number(text) : "";
}

// A field for each number of an array, labelled with its index; none for an array that is too large.
function fieldsFor(name, shape) {
  const size = sizeOf(shape);
  return Array.from({ length: size > MAX_FIELDS ? 0 : size }, (_, k) => {
    const field = make("input");
    const index = strides(shape).map((stride, axis) => Math.floor(k / stride) % shape[axis]);
    Object.assign(field, { type: "number", step: "any", autocomplete: "off" });
    field.ariaLabel = shape.length ? `${name}[${index.join(", ")}]` : name;
    return field;
  });
}

// Fields in rows as those of the array, with a legend.
function inGrid({ shape }, fields, legend) {
  const [set, name, grid] = ["fieldset", "legend", "div"].map(make);
  name.textContent = legend;
  grid.style = `--columns: ${shape.at(-1) ?? 1}`;
  grid.className = "wide";
  grid.append(...fields);
  set.append(name, grid);
  return set;
}

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

// New numbers of the kind of the original ones: class indices, zeros and ones, whole numbers, or numbers with two decimals.
function similar({ shape, original, classes }, random, isPositive) {
  const numbers = [...numbersOf(original)];
  const isBinary = numbers.includes(0) && numbers.includes(1) && numbers.every((x) => x === 0 || x === 1);
  const unit = numbers.every(Number.isInteger) ? 1 : 0.01;
  const limit = unit === 1 ? 5 : Math.max(1, ...numbers.map(Math.abs));
  return arrayOf(shape, numbers.map(() => {
    if (classes || isBinary) return Math.floor((classes || 2) * random());
    const size = Math.ceil(random() * limit / unit) * unit;
    return Number((isPositive || random() < 0.5 ? size : -size).toFixed(2));
  }));
}
