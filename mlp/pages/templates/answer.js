// The network's answer to a drawing: the stages of the preparation, the prediction, the nearest training images, and
// both passes, back to the pixels that push the prediction towards one digit or the other.

const NEAREST = 3; // training images shown
const REST = 500; // milliseconds without a change before the answer is read out

class Answer {
  // facts: those of mlp/pages/pad.py, unpacked; training: the page's training images with their labels and indices.
  constructor(section, facts, training) {
    this.section = section;
    this.facts = facts;
    this.training = training;
    this.shape = facts.preparation.shape;
    this.network = new Network(facts.sizes, facts.parameters);
  }

  find(selector) {
    return this.section.querySelector(selector);
  }

  // ink: 0 to 1, row by row; size: its rows and columns.
  update(ink, size) {
    const prepared = prepare(ink, size, this.facts.preparation);
    this.section.classList.toggle("blank", prepared === null);
    if (prepared === null) {
      this.section.classList.remove("neither");
      this.say("The pad is empty: draw a digit, or take a test image.");
      return;
    }
    const P = this.network.forward(prepared.image);
    const gradients = this.network.backward();
    this.showStages(prepared, size);
    this.showAnswer(P, this.showNearest(prepared.image));
    this.showPasses(P, gradients);
  }

  // Shown at once; screen readers get it when the drawing has not changed for a moment.
  say(words) {
    this.find("#answer").textContent = words;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.find("#said").textContent = words; }, REST);
  }

  // distance: to the nearest training image.
  showAnswer(P, distance) {
    const [zero, one] = this.facts.digits;
    const [digit, probability] = P >= 0.5 ? [one, P] : [zero, 1 - P];
    const { threshold } = this.facts.novelty;
    const isNeither = threshold !== null && distance > threshold;
    this.section.classList.toggle("neither", isNeither);
    const prediction = `predicts ${withArticle(digit)}, with probability ${probability.toFixed(4)}.`;
    this.say(isNeither
      ? `This resembles neither ${withArticle(zero)} nor ${withArticle(one)}. ` +
        `The network, which must choose one of them, ${prediction}`
      : `The network ${prediction}`);
    this.find("#share").style.width = `${100 * P}%`;
  }

  showStages({ box, scaled, image }, [height, width]) {
    const [top, bottom, left, right] = box;
    Object.assign(this.find("#box").style, {
      left: `${100 * left / width}%`,
      top: `${100 * top / height}%`,
      width: `${100 * (right - left) / width}%`,
      height: `${100 * (bottom - top) / height}%`,
    });
    drawInk(this.find("#scaled"), this.shape, scaled.map((level) => 255 * level));
    drawInk(this.find("#centred"), this.shape, image.map((level) => 255 * level));
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
    const count = labels.length.toLocaleString("en");
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

  // The activations forward, and back the derivatives of P with respect to the activations and the pixels.
  showPasses(P, gradients) {
    const [dX, ...others] = gradients;
    const strongest = strength(dX);
    const colors = this.facts.sign_colors; // rows 1 to 255: from -1, orange, to 1, purple
    drawImage(this.find("#pushes"), this.shape, (k) => {
      const row = 128 + Math.round(strongest ? 127 * dX[k] / strongest : 0);
      return colors.subarray(3 * row, 3 * row + 3);
    });
    this.find("#strongest").textContent = brief(strongest);
    this.section.querySelectorAll(".layer").forEach((layer, k) => {
      const [A, dA] = [this.network.activations[k + 1], others[k]];
      const most = strength(dA);
      layer.querySelector(".values").setAttribute("d", bars(A));
      layer.querySelector(".gradients").setAttribute("d", bars(dA.map((d) => (most ? d / most : 0))));
      layer.querySelector(".most").textContent = brief(most);
    });
    this.find("#p").textContent = P.toFixed(4);
    this.find("#dz").textContent = brief(P * (1 - P));
  }
}

function strength(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function brief(value) {
  return value === 0 || value >= 0.001 ? value.toFixed(4) : value.toExponential(1);
}

// The path of an SVG: bars side by side, each 1 wide, their heights from -1 to 1.
function bars(heights) {
  return Array.from(heights, (height, k) => `M${k + 0.1},0v${-height}h0.8v${height}z`).join("");
}
