// Numbers and arrays as text for people, as in mlp/circuits/notation.py, and a number as Python writes it.

const MAX_SHOWN_LENGTH = 4; // a drawing shows the numbers of an array with up to this many rows and columns

// A number with this many significant digits, as Python's %g; whole numbers below a million in full.
function rounded(number, digits = 4) {
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
  if (Number.isInteger(number) && Math.abs(number) < 1e6) return String(number + 0);
  const [mantissa, exponent] = halfToEven(number, digits).split("e");
  if (exponent >= -4 && exponent < digits) return String(Number(`${mantissa}e${exponent}`));
  return `${Number(mantissa)}e${signed(exponent)}`;
}

// In the notation of toExponential, which rounds a number in the middle up; Python takes the even last digit.
function halfToEven(number, digits) {
  const up = number.toExponential(digits - 1);
  if (!/[13579]e/.test(up)) return up;
  const exact = number.toExponential(30); // a number in the middle has no more digits
  const [head, tail] = [exact.slice(0, exact.indexOf(".") + digits), exact.slice(exact.indexOf(".") + digits)];
  return /^50*e/.test(tail) ? `${head}${tail.slice(tail.indexOf("e"))}` : up;
}

// An exponent with its sign and at least two digits.
function signed(exponent) {
  return `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

// A number as Python's repr of a float.
function python(number) {
  if (!Number.isFinite(number)) return rounded(number);
  const [mantissa, exponent] = number.toExponential().split("e");
  if (exponent < -4 || exponent >= 16) return `${mantissa}e${signed(exponent)}`;
  const text = Object.is(number, -0) ? "-0" : String(number);
  return text.includes(".") ? text : `${text}.0`;
}

function isLarge(shape) {
  return shape.length > 2 || Math.max(0, ...shape) > MAX_SHOWN_LENGTH;
}

// A shape as Python writes it.
function shapeText(shape) {
  return `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
}

// A number, the rows of a small array, or the shape of a larger one: a line each, for a drawing. Numbers are written by
// `text(number, k)`.
function rowsOf(A, text = (number) => rounded(number, isArray(A) ? 3 : 4)) {
  if (isLarge(shapeOf(A))) return [shapeText(A.shape)];
  const texts = Array.from(flat(A), text);
  const columns = shapeOf(A).at(-1);
  return columns === undefined ? texts : texts.flatMap((_, k) =>
    (k % columns ? [] : [`[${texts.slice(k, k + columns).join("  ")}]`]));
}

// A number, a small array in brackets, or the shape of a larger one: on one line, for an equation.
function written(A) {
  if (!isArray(A)) return rounded(Number(A));
  if (isLarge(A.shape)) return shapeText(A.shape);
  return nested(A, rounded);
}

// The same inside an equation: a negative number is in parentheses.
function operand(A) {
  const text = written(A);
  return text.startsWith("-") ? `(${text})` : text;
}

// An array in brackets, its numbers as `text` writes them.
function nested(A, text) {
  const numbers = Array.from(A.data, (number) => text(number));
  return A.shape.reduceRight((parts, length) => {
    const groups = Array.from({ length: parts.length / length }, (_, k) => parts.slice(k * length, (k + 1) * length));
    return groups.map((group) => `[${group.join(", ")}]`);
  }, numbers)[0];
}
