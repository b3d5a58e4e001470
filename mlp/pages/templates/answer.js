// What the network makes of ink: each stage of the preparation, its answer, the training images that are nearest, and
// both passes, down to which pixels push the answer towards one digit or the other.

const NEAREST = 3; // training images shown
const REST = 500; // milliseconds without a change
const WHITE = [255, 255, 255];
const RED = [215, 25, 28]; // as in mlp/figures/style.py
const BLUE = [44, 123, 182];

class Answer {
  // facts: as mlp/pages/pad.py gives them, unpacked; training: the images of the plane and their labels.
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
  tell(ink, size) {
    const prepared = prepare(ink, size, this.facts.preparation);
    this.section.classList.toggle("blank", prepared === null);
    if (prepared === null) {
      this.section.classList.remove("neither");
      this.say("The pad is empty: draw a digit, or take one of the test images.");
      return;
    }
    const P = this.network.forward(prepared.image);
    const gradients = this.network.backward();
    this.showStages(prepared, size);
    this.showAnswer(P, this.showNearest(prepared.image));
    this.showPasses(P, gradients);
  }

  // Shown at once, and read out when the drawing has come to rest.
  say(words) {
    this.find("#answer").textContent = words;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.find("#said").textContent = words; }, REST);
  }

  // distance: of the nearest training image.
  showAnswer(P, distance) {
    const [zero, one] = this.facts.digits;
    const [digit, probability] = P >= 0.5 ? [one, P] : [zero, 1 - P];
    const { threshold } = this.facts.novelty;
    const isNeither = threshold !== null && distance > threshold;
    this.section.classList.toggle("neither", isNeither);
    const verdict = `says: ${withArticle(digit)}, with probability ${probability.toFixed(4)}.`;
    this.say(isNeither
      ? `This resembles neither ${withArticle(zero)} nor ${withArticle(one)}. ` +
        `The network, which knows nothing else, ${verdict}`
      : `The network ${verdict}`);
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

  // The training images that are nearest; returns how near.
  showNearest(image) {
    const { images, labels, indices } = this.training;
    // Made when it is first asked, as it takes a tenth of a second.
    this.novelty ??= new Novelty(images, this.shape, this.facts.novelty);
    const nearest = this.novelty.nearest(image, NEAREST);
    const [[distance]] = nearest;
    const { threshold, percent_within: percent } = this.facts.novelty;
    const measure = threshold === null
      ? "they are too few to tell what is like them"
      : `${percent}\u00a0% of them have another within ${threshold.toFixed(2)}`;
    const count = labels.length.toLocaleString("en");
    this.find("#distance").textContent =
      `The nearest of ${count} training images is at a distance of ${distance.toFixed(2)}; ${measure}.`;
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

  // Forward: the activations; back: how each activation, and each pixel, would change P.
  showPasses(P, gradients) {
    const [dX, ...others] = gradients;
    const strongest = strength(dX);
    const [towardsZero, towardsOne] = this.facts.first_is_red ? [RED, BLUE] : [BLUE, RED];
    drawImage(this.find("#pushes"), this.shape, (k) => {
      const share = strongest ? dX[k] / strongest : 0;
      return mixed(share < 0 ? towardsZero : towardsOne, Math.abs(share));
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

// White at a share of 0, the colour at 1.
function mixed(color, share) {
  return WHITE.map((white, channel) => white + share * (color[channel] - white));
}

function strength(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function brief(value) {
  return value === 0 || value >= 0.001 ? value.toFixed(4) : value.toExponential(1);
}

// Bars side by side, each 1 wide, from a height of 0 up or down to 1 or -1, as the path of an SVG.
function bars(heights) {
  return Array.from(heights, (height, k) => `M${k + 0.1},0v${-height}h0.8v${height}z`).join("");
}
