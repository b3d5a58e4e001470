// Of gates that have two forms, a plain one for people and an exact one for extreme numbers: which one to write.

const SHOWN = 1e-4; // an equation has the plain form if the numbers that the page shows are the same
const ROUNDING = 1e-12; // a line of the listing has it if all digits are the same, but for rounding

// Whether to write the plain form of a pass, forward or that of an input's gradient, or the exact one: 0 or 1.
function formIndex(node, tolerance, position) {
  const isForward = position === undefined;
  const simple = isForward ? node.plainForward : node.plainBackward?.[position];
  if (!simple) return 0;
  const inputs = valuesOf(node.inputs);
  const given = isForward ? inputs : [node.gradient, node.value, ...inputs];
  const exact = flat((isForward ? node.forward : node.backward[position])(...given));
  const isSame = (number, k) => Math.abs(number - exact[k]) <= tolerance * Math.abs(exact[k]);
  return Number(!Array.from(flat(simple(...given))).every(isSame));
}

// A line in the form that has the same numbers. A backward line quotes the forward line: the quote has its own form.
function inForm(forms, node, position) {
  const [code, quote] = [forms[formIndex(node, ROUNDING, position)], forms[formIndex(node, ROUNDING)]];
  const [end, begin] = [code, quote].map((line) => line.indexOf("# "));
  return `${code.slice(0, end)}${quote.slice(begin)}\n`;
}
