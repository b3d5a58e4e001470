// The network's answer to a drawing or a test image: the stages of a drawing's preparation, the prediction, the nearest
// training images, and both passes, back to the pixels that push the prediction towards one digit or another.

const NEAREST = 3; // training images shown
const REST = 500; // milliseconds without a change before the answer is read out

class Answer {
  // facts: those of mlp/pages/pad.py, unpacked; training: the page's training images with their labels and indices.
  constructor(section, facts, training) {
    this.section = section;
    this.facts = facts;
    this.training = training;
    this.shape = facts.preparation.shape;
    this.network = new Network(facts);
  }

  find(selector) {
    return this.section.querySelector(selector);
  }

  // ink: 0 to 1, row by row; size: its rows and columns.
  showDrawing(ink, size) {
    const prepared = prepare(ink, size, this.facts.preparation);
    if (prepared === null) {
      this.section.classList.remove("neither", "unprepared");
      this.section.classList.add("blank");
      this.say("The pad is empty: draw a digit, or take a test image.");
      return;
    }
    this.section.classList.remove("unprepared");
    this.showPreparation(prepared, size);
    this.show(prepared.image);
  }

  // pixels: an image of the data set, 0 to 255.
  showImage(pixels) {
    this.section.classList.add("unprepared");
    this.show(Float64Array.from(pixels, (level) => level / 255));
  }

  // ink: 0 to 1; the network gets it as in training, where the darkest pixel is `white`.
  show(ink) {
    this.section.classList.remove("blank");
    drawInk(this.find("#input"), this.shape, ink.map((level) => 255 * level));
    const P = this.network.forward(ink.map((level) => this.facts.white * level));
    const output = decide(P) % P.length; // whose derivatives are shown: a single output stands for both classes
    this.showAnswer(P, this.showNearest(ink));
    this.showPasses(P[output], this.network.backward(output), this.facts.digits.at(output - P.length));
  }

  // Shown at once; screen readers get it when the drawing has not changed for a moment.
  say(words) {
    this.find("#answer").textContent = words;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.find("#said").textContent = words; }, REST);
  }

  // distance: to the nearest training image.
  showAnswer(P, distance) {
    const { digits, few, novelty: { threshold } } = this.facts;
    const [predicted, probabilities] = [decide(P), byClass(P)];
    const isNeither = threshold !== null && distance > threshold;
    this.section.classList.toggle("neither", isNeither);
    const words = (k) => `${withArticle(digits[k])}, with probability ${probabilities[k].toFixed(4)}`;
    const [second, ...others] = descending(probabilities).filter((k) => k !== predicted);
    const next = others.length > 0 ? ` The second most probable is ${words(second)}.` : "";
    const neither = few ? `neither ${digits.map(withArticle).join(" nor ")}` : "none of the digits";
    this.say(isNeither
      ? `This resembles ${neither}. The network, which must choose one of them, predicts ${words(predicted)}.${next}`
      : `The network predicts ${words(predicted)}.${next}`);
    this.section.querySelectorAll(".scale").forEach((scale, output) => {
      scale.classList.toggle("predicted", output === predicted);
      scale.querySelector(":scope > div > div").style.width = `${100 * P[output]}%`;
      scale.querySelector(".number")?.replaceChildren(P[output].toFixed(4));
    });
  }

  showPreparation({ box, scaled }, [height, width]) {
    const [top, bottom, left, right] = box;
    Object.assign(this.find("#box").style, {
      left: `${100 * left / width}%`,
      top: `${100 * top / height}%`,
      width: `${100 * (right - left) / width}%`,
      height: `${100 * (bottom - top) / height}%`,
    });
    drawInk(this.find("#scaled"), this.shape, scaled.map((level) => 255 * level));
  }

  // Show the nearest training images; returns the distance to the nearest one.
  showNearest(image) {
    const { images, labels, indices } = this.training;
    // Made when first needed, as it takes a tenth of a second.
    this.novelty ??= new Novelty(images, this.shape, this.facts.novelty);
    const nearest = this.novelty.nearest(image, NEAREST);
    const [[distance]] = nearest;
    const { threshold, percent_within: percent } = this.facts.novelty;
    const measure = threshold === null
      ? "these are too few to say which drawings are unlike them"
      : `${percent}\u00a0% of these have another one within ${threshold.toFixed(2)}`;
    const count = counted(labels.length);
    this.find("#distance").textContent =
      `Distance to the nearest of ${count} training images: ${distance.toFixed(2)}; ${measure}.`;
    const pixels = image.length;
    this.find("#nearest").replaceChildren(...nearest.map(([away, which]) => {
      const ink = images.subarray(which * pixels, (which + 1) * pixels);
      const name = `training image ${indices[which]}, ${withArticle(labels[which])}`;
      const words = document.createElement("span");
      words.textContent = `${withArticle(labels[which])}, at ${away.toFixed(2)}`;
      const item = document.createElement("li");
      item.append(inkPicture(name, this.shape, ink), words);
      return item;
    }));
    return distance;
  }

  // The activations forward, and back the derivatives of P, the probability of `digit`, with respect to the activations
  // and the pixels.
  showPasses(P, gradients, digit) {
    const [dX, ...others] = gradients;
    const strongest = strength(dX);
    drawSigns(this.find("#pushes"), this.shape, (k) => dX[k], strongest, this.facts.sign_colors);
    this.find("#strongest").textContent = brief(strongest);
    this.section.querySelectorAll(".layer").forEach((layer, k) => {
      const [A, dA] = [this.network.activations[k + 1], others[k]];
      const most = strength(dA);
      const largest = layer.querySelector(".largest"); // of activations without a limit
      const top = largest ? strength(A) || 1 : 1;
      layer.querySelector(".values").setAttribute("d", bars(A.map((a) => a / top)));
      largest?.replaceChildren(brief(top));
      layer.querySelector(".gradients").setAttribute("d", bars(dA.map((d) => (most ? d / most : 0))));
      layer.querySelector(".most").textContent = brief(most);
    });
    this.section.querySelectorAll(".digit").forEach((place) => { place.textContent = digit; });
    this.find("#p").textContent = P.toFixed(4);
    this.find("#dz").textContent = brief(P * (1 - P));
  }
}

// The trained network for one image: the graph of mlp/pages/pad.py, from X to P, which is its last node.
class Network {
  // nodes: those of the graph; activations: the name of each layer's; parameters: numbers, row by row, by name.
  constructor({ nodes, activations, parameters }) {
    this.graph = new Graph(nodes, nodes.length - 1);
    for (const leaf of this.graph.leaves) leaf.value = new NDArray(leaf.shape, parameters[leaf.name]);
    this.shown = ["X", ...activations].map((name) => this.graph.nodes.find((node) => node.name === name));
  }

  // P (outputs) for the image X (inputs). Keeps this.activations: X, each layer's, and P.
  forward(X) {
    this.shown[0].value = new NDArray([1, X.length], X);
    this.graph.forward();
    this.activations = this.shown.map(({ value }) => value.data);
    return this.activations.at(-1);
  }

  // The derivatives of P's element `output` with respect to each of these activations, the image first.
  backward(output) {
    const dP = Array.from(this.activations.at(-1), (_, k) => Number(k === output));
    this.graph.upstream = arrayOf(this.graph.output.shape, dP);
    this.graph.backward();
    return this.shown.map(({ gradient }) => gradient.data);
  }
}

// The probability of each class.
function byClass(P) {
  return P.length === 1 ? [1 - P[0], P[0]] : Array.from(P);
}

// The indices of the values, that of the largest one first.
function descending(values) {
  return values.map((_, k) => k).sort((a, b) => values[b] - values[a]);
}

// The path of an SVG: bars side by side, each 1 wide, their heights from -1 to 1.
function bars(heights) {
  return Array.from(heights, (height, k) => `M${k + 0.1},0v${-height}h0.8v${height}z`).join("");
}
