// The numbers of a circuit's inputs: fields to change them, new numbers from a seed, and a step against the gradient.

class Inputs {
  // changed: called after the user has changed a number.
  constructor(section, graph, changed) {
    Object.assign(this, { graph, rate: section.querySelector("[data-rate]") });
    this.leaves = graph.leaves.filter(({ constant }) => !constant);
    for (const leaf of graph.leaves) leaf.value = leaf.original = arrayOf(leaf.shape, leaf.numbers);
    for (const leaf of this.leaves) {
      const limits = leaf.classes ? { step: 1, min: 0, max: leaf.classes - 1 } : { step: "any" };
      leaf.fields = fieldsFor(leaf.name, leaf.shape);
      for (const field of leaf.fields) {
        Object.assign(field, { type: "number", required: true, ...limits });
        field.oninput = () => { read(leaf); changed(); };
      }
      if (leaf.fields.length) section.querySelector(".fields").append(inGrid(leaf.shape, leaf.fields, leaf.name));
    }
  }

  // Write the numbers into the fields.
  write() {
    for (const { value, fields } of this.leaves) fields.forEach((field, k) => { field.value = flat(value)[k]; });
  }

  // What is wrong in a field, as text.
  trouble() {
    for (const { value, fields, classes } of this.leaves) {
      const k = fields.findIndex(({ validity }) => !validity.valid);
      if (k < 0) continue;
      const [name, still] = [fields[k].ariaLabel, flat(value)[k]];
      return classes ? say("circuit.wrong_class", { name, last: classes - 1, value: still })
        : say("circuit.wrong_number", { name, value: still });
    }
    return "";
  }

  // Take these numbers: from a leaf its new value. The address names what differs from them.
  take(seed, numbers) {
    this.seed = seed;
    for (const leaf of this.leaves) leaf.value = leaf.base = numbers(leaf);
    this.write();
  }

  takeOriginal() {
    this.take(null, ({ original }) => original);
  }

  takeSeed(seed) {
    const random = generator(seed);
    for (let k = 0; k < MAX_TRIES; k += 1) {
      this.take(seed, (leaf) => similar(leaf, random, k > MAX_TRIES / 2));
      this.graph.run();
      if (isFit(this.graph)) return;
    }
  }

  // Take the next seed's numbers that are others.
  renew() {
    const numbers = () => String(this.leaves.map(({ value }) => flat(value)));
    const old = numbers();
    for (let k = 0; k < 20 && numbers() === old; k += 1) this.takeSeed((this.seed ?? 0) + 1);
  }

  // Step: x -= rate * dx for the chosen inputs. Returns how the output should change by its gradient; null, without a
  // step, if an input would become infinite.
  descend(chosen) {
    const rate = Number(this.rate.value);
    const moved = elementwise((x, dx) => x - rate * dx);
    const leaves = this.leaves.filter(({ name }) => chosen.includes(name));
    const values = leaves.map(({ value, gradient }) => moved(value, gradient));
    if (!values.every((A) => flat(A).every(isFinite))) return null;
    leaves.forEach((leaf, k) => { leaf.value = values[k]; });
    this.write();
    return leaves.flatMap(({ gradient }) => [...flat(gradient)]).reduce((sum, dx) => sum - rate * dx * dx, 0);
  }

  // For the address: each input that differs, with its texts.
  changes() {
    return this.leaves.filter(({ value, base, fields }) => fields.length && String(flat(value)) !== String(flat(base)))
      .map(({ name, value }) => [name, Array.from(flat(value), String)]);
  }

  // From the address. What is no number there, or not as many as the input has, is left out.
  restore(seed, texts) {
    if (/^\d{1,9}$/.test(seed)) this.takeSeed(Number(seed));
    else this.takeOriginal();
    for (const leaf of this.leaves) {
      const given = texts.get(leaf.name);
      if (given?.length !== leaf.fields.length) continue;
      leaf.fields.forEach((field, k) => {
        field.value = given[k].trim() && isFinite(given[k]) ? Number(given[k]) : ""; // of other text a browser warns
      });
      read(leaf);
    }
    this.write();
  }
}

// Take the numbers of a leaf's fields; where a field has none, the number stays.
function read(leaf) {
  const old = flat(leaf.value);
  const numbers = leaf.fields.map(({ validity, value }, k) => (validity.valid ? Number(value) : old[k]));
  leaf.value = arrayOf(leaf.shape, numbers);
}
