// The two passes of a graph step by step, as you would do them on paper: the rule, the equation, and the chain rule.

// What the page says in a step, by its kind and by the part of the page: the keys between title and note are rows, in
// this order. A step is a line of the listing. A line has its `node`, and its `target`: the node whose value or
// gradient it sets. `of` is the scalar whose derivatives are computed.
const SAYS = {
  values: ({ of }) => ({
    title: say("stepping.the_inputs"),
    note: say("stepping.how", { of }),
  }),

  forward({ node }) {
    const texts = TEXTS[node.gate];
    const form = formOf(node);
    return {
      title: say("stepping.forward", { name: node.name }),
      rule: forwardRule(texts),
      here: `${node.name} = ${fill(form, namesIn(node))}`,
      numbers: `${node.name} = ${equation(fill(form, operandsOf(node)), written(node.value))}`,
      about: aboutGate(texts),
    };
  },

  start: ({ node: { name, gradient }, of }) => ({
    title: say("stepping.begins", { name }),
    here: `d${name} = ${written(gradient)}`,
    note: of === name ? say("stepping.itself", { name }) : say("stepping.derivatives_of", { of }),
  }),

  backward({ node, position, target: { name }, before, total }) {
    const [texts, form, sent] = [TEXTS[node.gate], formOf(node, position), written(node.sent[position])];
    const sum = `d${name} ${before === undefined ? "=" : "+="}`;
    const local = localGradient(node, position);
    return {
      title: say("stepping.backward", { gate: node.name, name }),
      rule: backwardRule(texts, position),
      here: `${sum} ${fill(form, namesIn(node))}`,
      upstream: `d${node.name} = ${written(node.gradient)}`,
      local: local.text,
      product: `${sum} ${equation(local.product ?? fill(form, operandsOf(node)), sent)}`,
      sum: before === undefined ? ""
        : `d${name} = ${written(before)} + ${operand(node.sent[position])} = ${written(total)}`,
      note: sentences([...notes(node, position, before)]),
      about: aboutGate(texts),
    };
  },

  zeros: ({ node: { name, gradient }, output }) => ({
    title: say("stepping.unreached", { name }),
    here: `d${name} = ${written(gradient)}`,
    note: say("stepping.independent", { output: output.name, name }),
  }),
};

// What the page says about a gate: a text of its own, or the docstring of a gate that is not the library's.
const aboutGate = ({ says, about }) => (says ? say(says) : about);

// Sentences as one text.
const sentences = (parts) => parts.filter(Boolean).join(say("stepping.between"));

// The local gradient as text: the formula, and its number; and the product of the upstream gradient and it, if that is
// all that the gate sends: no matrix product, no sum over copies.
function localGradient(node, position) {
  const [{ local, product }, source] = [TEXTS[node.gate].backward[position], node.inputs[position]];
  const of = `∂${node.name}/∂${source.name}`;
  if (local === null) {
    return { text: say("stepping.jacobian", { formula: `${of} = ${written(jacobian(node, position))}` }) };
  }
  const compute = node.local?.[position] ?? node.backward[position];
  const number = compute(1, node.value, ...valuesOf(node.inputs));
  const isAll = !product && String(broadcast([node.shape, shapeOf(number)])) === String(source.shape);
  return {
    text: (product ? "" : `${of} = `) + equation(fill(local, namesIn(node)), written(number)),
    product: isAll ? `${written(node.gradient)} * ${operand(number)}` : undefined,
  };
}

// Easily overlooked facts about the gradient of an input.
function* notes(node, position, before) {
  const [texts, { name, shape }] = [TEXTS[node.gate], node.inputs[position]];
  if (before !== undefined) yield say("stepping.fans_out", { name });
  if (texts.routes) yield* tieNotes(node, position);
  if (texts.copies && String(shape) !== String(node.shape)) {
    yield say("stepping.copied", { name, output: node.name });
  }
  for (const [place, gradient] of node.backward.entries()) {
    if (!gradient) yield say("stepping.class_index", { name: namesIn(node)[place] });
  }
}

// The form of a pass in which a step is written, forward or that of an input's gradient: the plain one if there is only
// one, or if the numbers that the page shows are the same.
function formOf(node, position) {
  const texts = TEXTS[node.gate];
  const forms = position === undefined ? texts.forward : texts.backward[position].forms;
  return forms[forms.length > 1 ? formIndex(node, SHOWN, position) : 0];
}

// A formula and its number, once if they are the same text.
const equation = (formula, number) => (formula === number ? number : `${formula} = ${number}`);

// How the listing writes a gate's inputs, its output, and the output's gradient.
function namesIn({ texts, inputs, name }) {
  return texts ?? [...inputs.map((source) => source.name), name, `d${name}`];
}

// Their numbers as text.
function operandsOf({ inputs, value, gradient }) {
  return [...valuesOf(inputs), value, gradient].map(operand);
}

// A gate, and its forward equation in its own symbols.
function forwardRule({ gate, symbols, forward }) {
  return `${gate}: ${symbols.at(-2)} = ${fill(forward[0], symbols)}`;
}

// The same, and the equation of an input's gradient.
function backwardRule(texts, position) {
  const { symbols, backward } = texts;
  return `${forwardRule(texts)}, d${symbols[position]} = ${fill(backward[position].forms[0], symbols)}`;
}

// A form with these texts in its places; a negative number that is alone in parentheses needs only one pair.
function fill(form, texts) {
  return form.replace(/\{(\d+)\}/g, (_, place) => texts[place])
    .replace(/\(\((-[^()]+)\)\)/g, "($1)").replace(/^\((-[^()]+)\)$/, "$1");
}

// The drawing's numbers known after these steps, as lines of text by key; a sum of gradients as far as it is known.
function known(graph, steps, rows = rowsOf) {
  const arrays = new Map(graph.leaves.map(({ id, value }) => [`value-${id}`, value]));
  for (const { kind, target, total } of steps) {
    if (kind === "forward") arrays.set(`value-${target.id}`, target.value);
    else if (target) arrays.set(`gradient-${target.id}`, total ?? target.gradient);
  }
  return new Map([...arrays].map(([key, A]) => [key, rows(A)]));
}

// The drawing's numbers that a gate's pass reads: forward, or back to the input at this position.
function readBy(node, position) {
  const form = formOf(node, position);
  const keys = [...node.inputs.map(({ id }) => `value-${id}`), `value-${node.id}`, `gradient-${node.id}`];
  return keys.filter((_, place) => form.includes(`{${place}}`));
}

// What the drawing marks in a step: the number that becomes known, those that it reads, and the parts along its way.
function marked({ kind, node, position, target }) {
  if (kind === "values") return {};
  const fresh = [`${kind === "forward" ? "value" : "gradient"}-${target.id}`];
  const end = [`lead-${node.id}`, `gate-${node.id}`];
  if (kind === "start" || kind === "zeros") return { fresh, marks: kind === "start" ? end : end.slice(0, 1) };
  const wires = position === undefined ? [...node.inputs.keys()] : [position];
  const along = wires.flatMap((place) => [`lead-${node.inputs[place].id}`, `wire-${node.id}-${place}`]);
  return { fresh, reads: readBy(node, position), marks: [end[1], ...along] };
}
