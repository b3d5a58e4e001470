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
      this.say("pad.empty");
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
  say(key, values) {
    sayAt(this.find("#answer"), key, values);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => sayAt(this.find("#said"), key, values), REST);
  }

  // distance: to the nearest training image.
  showAnswer(P, distance) {
    const { digits, novelty: { threshold } } = this.facts;
    const [predicted, probabilities] = [decide(P), byClass(P)];
    const isNeither = threshold !== null && distance > threshold;
    this.section.classList.toggle("neither", isNeither);
    const [next] = descending(probabilities).filter((k) => k !== predicted);
    const [key, values] = isNeither ? this.neither() : [digits.length > 2 ? "pad.predicts_of_many" : "pad.predicts"];
    this.say(key, {
      ...values,
      digit: digits[predicted],
      p: probabilities[predicted].toFixed(4),
      next: digits[next],
      q: probabilities[next].toFixed(4),
    });
    this.section.querySelectorAll(".scale").forEach((scale, output) => {
      scale.classList.toggle("predicted", output === predicted);
      scale.querySelector(":scope > div > div").style.width = `${100 * P[output]}%`;
      scale.querySelector(".number")?.replaceChildren(P[output].toFixed(4));
    });
  }

  // The key of the answer to what resembles no training image, and values: the digits are listed if they are few.
  neither() {
    const { digits, few } = this.facts;
    if (!few) return ["pad.none_of_many"];
    const [first, second, third, fourth] = digits;
    const key = { 2: "pad.neither_of_two", 3: "pad.neither_of_three", 4: "pad.neither_of_four" }[digits.length];
    return [key, { first, second, third, fourth }];
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
    sayAt(this.find("#distance"), threshold === null ? "pad.distance_to_few" : "pad.distance", {
      count: counted(labels.length),
      distance: distance.toFixed(2),
      percent,
      threshold: threshold?.toFixed(2),
    });
    const pixels = image.length;
    this.find("#nearest").replaceChildren(...nearest.map(([away, which]) => {
      const ink = images.subarray(which * pixels, (which + 1) * pixels);
      const picture = inkPicture(this.shape, ink);
      sayIn("aria-label", picture, "pad.training_image", { index: indices[which], digit: labels[which] });
      const words = document.createElement("span");
      sayAt(words, "pad.near", { digit: labels[which], distance: away.toFixed(2) });
      const item = document.createElement("li");
      item.append(picture, words);
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
    sayAgain(this.find("#pushes + span"), { digit, strongest: brief(strongest) });
    this.section.querySelectorAll(".layer").forEach((layer, k) => {
      const [A, dA] = [this.network.activations[k + 1], others[k]];
      const most = strength(dA);
      const isUnlimited = layer.classList.contains("unlimited"); // then the bars are relative to the largest activation
      const top = isUnlimited ? strength(A) || 1 : 1;
      layer.querySelector(".values").setAttribute("d", bars(A.map((a) => a / top)));
      layer.querySelector(".gradients").setAttribute("d", bars(dA.map((d) => (most ? d / most : 0))));
      sayAgain(layer.querySelector("figcaption"), { most: brief(most), ...(isUnlimited && { high: brief(top) }) });
    });
    sayAgain(this.find(".ends"), { digit, P: P.toFixed(4), dZ: brief(P * (1 - P)) });
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
