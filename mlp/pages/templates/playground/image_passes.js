// Both passes of a network for one image, gate by gate. The network may learn meanwhile: the reader's step stays.

class ImagePasses extends Stepper {
  rows = oneRow;

  // facts: those of mlp/pages/image_passes.py; shape: rows and columns of the image, null if the inputs are no image;
  // scale: what pixels are divided by to become X; colors: `sign_colors` in mlp/figures/style.py, unpacked.
  constructor(section, facts, shape, scale, colors) {
    super(section, () => {});
    this.facts = facts;
    this.pictureOf = (name) => new ArrayPicture(name, shape, scale, colors);
    section.onkeydown = (event) => this.press(event);
    section.classList.add("scripted");
  }

  // Take a network of this kind. Then call `update`. The reader's step stays if the network before had as many steps.
  choose(kind) {
    this.pause();
    const before = this.last;
    const { drawing, width, legend, gates, output, listing, data } = this.facts[kind];
    const frame = this.find(".drawing > div");
    frame.innerHTML = drawing;
    frame.style = `--width: ${width}px`;
    this.label = () => { frame.ariaLabel = say("stepping.drawing_of", { count: gates, output }); };
    const keys = legend.map(([key]) => key);
    for (const part of this.find("figcaption").children) part.hidden = !keys.includes(part.dataset.say);
    setText(this.find(".listing code"), listing);
    this.take(structuredClone(data)); // which changes it
    this.graph.upstream = 1;
    this.pictures = new Map();
    if (this.last !== before) this.step = 0;
  }

  leaf(name) {
    return this.graph.leaves.find((leaf) => leaf.name === name);
  }

  // Run both passes with these values of the leaves, by name: X (1, inputs), W1, b1, ..., Y, and n.
  update(values) {
    for (const leaf of this.graph.leaves) leaf.value = values[leaf.name];
    this.compute();
    for (const node of this.graph.nodes) node.shape = shapeOf(node.value);
    this.find(".step").ariaLive = "off"; // a screen reader says what the reader asks for, not each update
    const pointed = this.drawing.tip.hidden ? undefined : this.drawing.numbers.find(({ part }) =>
      part.matches(":hover, :focus"));
    this.show();
    if (pointed?.isKnown) this.drawing.point(pointed);
  }

  showStep(step) {
    this.find(".step").ariaLive = "polite";
    super.showStep(step);
  }

  show() {
    super.show();
    this.label();
    const arrays = this.arrays().filter(({ A }) => sizeOf(shapeOf(A)) > 1);
    this.find(".arrays").classList.toggle("empty", !arrays.length);
    this.find(".arrays > div").replaceChildren(...arrays.map((array) => this.picture(array)));
  }

  // The arrays of the current step: those that it reads, and the one that it computes; at first the inputs.
  arrays() {
    const { fresh = [], reads = [] } = marked(this.steps[this.step]);
    const inputs = this.step ? [] : this.graph.leaves.map(({ id }) => `value-${id}`);
    return [...inputs, ...reads, ...fresh].map((key) => {
      const [what, id] = key.split("-");
      const node = this.graph.nodes[id];
      return { name: what === "value" ? node.name : `d${node.name}`, A: node[what], isNew: fresh.includes(key) };
    });
  }

  // The element with the picture of an array; it stays the same from update to update.
  picture({ name, A, isNew }) {
    if (!this.pictures.has(name)) this.pictures.set(name, this.pictureOf(name));
    const picture = this.pictures.get(name);
    picture.show(A, isNew);
    return picture.element;
  }

  showFacts(now) {
    super.showFacts(now);
    const { node } = now;
    if (!node || node.isReached) return;
    const values = { prediction: node.name, input: node.inputs[0].name };
    setText(this.find("[data-says=note]"), say("playground.prediction", values));
  }

  origin(node) {
    return !node.gate && node.needs ? say("playground.parameter") : super.origin(node);
  }
}

// An array in the drawing: its numbers if they are one short row, else its shape.
function oneRow(A, text) {
  const rows = rowsOf(A, text);
  return rows.length === 1 ? rows : [shapeText(A.shape)];
}
