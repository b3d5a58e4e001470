// The limits of an axis, its ticks at round numbers, and their labels.

const ROUND = [1, 2, 5, 10];
const MAX_TICKS = 6;
const MIN_SPREAD = 1e-9; // of the largest magnitude: numbers that are closer are the same on the axis
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const PLAIN = new Intl.NumberFormat("en", { maximumFractionDigits: 12 });

// Numbers 1, 2 or 5 times a power of ten apart, and at least `minStep`: from at most `low` to at least `high`.
function linearTicks(low, high, minStep = 0) {
  const rough = (high - low) / (MAX_TICKS - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(minStep, power * ROUND.find((round) => round * power >= rough * (1 - MIN_SPREAD)));
  const [first, last] = [Math.floor(low / step + MIN_SPREAD), Math.ceil(high / step - MIN_SPREAD)];
  return Array.from({ length: last - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

// Powers of ten; if there are fewer than three of them between, also 2 and 5 times these: around `low` and `high`.
function logarithmicTicks(low, high) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.ceil((last - first) / MAX_TICKS) || 1;
  const rounds = last - first > 3 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(first / every) * every; power < last + every; power += every) {
    const exponent = Math.max(-307, Math.min(power, 307)); // of normal numbers
    ticks.push(...rounds.map((round) => Number(`${round}e${exponent}`))); // exact, as ** would not be
  }
  const begin = ticks.findLastIndex((tick) => tick <= low);
  return ticks.slice(begin, ticks.findIndex((tick) => tick >= high) + 1);
}

// Numbers that are equal, and a missing range, get some room on both sides.
function spread([low, high], isLogarithmic) {
  if (low > high) return isLogarithmic ? [0.1, 1] : [0, 1];
  if (high - low > MIN_SPREAD * Math.max(Math.abs(low), Math.abs(high))) return [low, high];
  if (isLogarithmic) return [low / 2, high * 2];
  const room = Math.abs(low) / 10 || 0.5;
  return [low - room, high + room];
}

// Labels of ticks that are all the same distance apart: as many decimals for each.
function linearLabels(ticks) {
  const decimals = ticks.length > 1 ? -Math.floor(Math.log10(ticks[1] - ticks[0]) + MIN_SPREAD) : 0;
  const isPlain = decimals > 0 && decimals < 7 && Math.abs(ticks.at(-1)) < 1e6;
  return ticks.map((tick) => (isPlain ? tick.toFixed(decimals).replace("-", "−") : tickLabel(tick)));
}

function tickLabel(value) {
  const [digits, power] = value.toExponential().split("e");
  if (value === 0 || (power >= -4 && power < 6)) return PLAIN.format(value).replace("-", "−");
  const exponent = Array.from(String(Number(power)), (sign) => SUPERSCRIPT[sign]).join("");
  const factor = digits === "1" ? "" : `${digits.replace("-", "−")}·`;
  return `${factor}10${exponent}`;
}
