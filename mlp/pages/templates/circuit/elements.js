// What the page's parts share: elements, and fields for the numbers of an array.

const MAX_FIELDS = 64; // a larger array has no fields

const make = (tag) => document.createElement(tag);

// Write a text where it is another one: a screen reader says it once.
function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

// A field for each number of an array, labelled with its index; none for an array that is too large.
function fieldsFor(name, shape) {
  const size = sizeOf(shape);
  return Array.from({ length: size > MAX_FIELDS ? 0 : size }, (_, k) => {
    const index = strides(shape).map((stride, axis) => Math.floor(k / stride) % shape[axis]);
    const field = Object.assign(make("input"), { autocomplete: "off" });
    field.ariaLabel = shape.length ? `${name}[${index.join(", ")}]` : name;
    return field;
  });
}

// Fields in rows as those of the array, with a legend.
function inGrid(shape, fields, legend) {
  const [set, name, grid] = ["fieldset", "legend", "div"].map(make);
  name.textContent = legend;
  grid.style = `--columns: ${shape.at(-1) ?? 1}`;
  grid.className = "wide";
  grid.append(...fields);
  set.append(name, grid);
  return set;
}
