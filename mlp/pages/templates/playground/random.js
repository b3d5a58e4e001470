// NumPy's random numbers, np.random.default_rng(words), so that a seed gives the page the weights and the order of
// images that it gives the library: SeedSequence spreads the words over 256 bits, from which PCG64 begins (O'Neill
// 2014, with the output XSL-RR).

const [MASK_32, MASK_64, MASK_128] = [32n, 64n, 128n].map((bits) => (1n << bits) - 1n);
const PCG_MULTIPLIER = (2549297995355413924n << 64n) | 4865540595714422341n;

class Random {
  // words: whole numbers from 0, each below 2^53.
  constructor(words) {
    const [seedHigh, seedLow, sequenceHigh, sequenceLow] = seedState(words.flatMap(uint32Words));
    this.increment = ((((sequenceHigh << 64n) | sequenceLow) << 1n) | 1n) & MASK_128;
    this.state = this.increment + ((seedHigh << 64n) | seedLow);
    this.advance();
    this.half = null; // the upper half of the latest 64 bits, if only the lower one is used
  }

  advance() {
    this.state = (this.state * PCG_MULTIPLIER + this.increment) & MASK_128;
  }

  bits64() {
    this.advance();
    const [bits, turn] = [(this.state >> 64n) ^ (this.state & MASK_64), this.state >> 122n];
    return ((bits >> turn) | (bits << ((64n - turn) & 63n))) & MASK_64;
  }

  bits32() {
    if (this.half !== null) {
      const bits = this.half;
      this.half = null;
      return bits;
    }
    const bits = this.bits64();
    this.half = Number(bits >> 32n);
    return Number(bits & MASK_32);
  }

  // A number from 0, below 1.
  uniform() {
    return Number(this.bits64() >> 11n) * 2 ** -53;
  }

  // A whole number from 0 to `last`, below 2^31: the lowest bits that it needs, until they are small enough.
  upTo(last) {
    const mask = 2 ** (32 - Math.clz32(last)) - 1;
    for (;;) {
      const number = this.bits32() & mask;
      if (number <= last) return number;
    }
  }

  // The values in a random order.
  permutation(values) {
    const order = Array.from(values);
    for (let k = order.length - 1; k > 0; k -= 1) {
      const other = this.upTo(k);
      [order[k], order[other]] = [order[other], order[k]];
    }
    return order;
  }
}

// A number in words of 32 bits, the lowest first.
function uint32Words(number) {
  return number < 2 ** 32 ? [number] : [number % 2 ** 32, Math.floor(number / 2 ** 32)];
}

// Four numbers of 64 bits: SeedSequence(words).generate_state(4, np.uint64).
function seedState(words) {
  const hash = hashing(0x43b0d7e5, 0x931e8875);
  const pool = Array.from({ length: 4 }, (_, k) => hash(words[k] ?? 0));
  const stir = (to, value) => { pool[to] = mixed(pool[to], hash(value)); };
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) if (to !== from) stir(to, pool[from]);
  }
  for (const word of words.slice(4)) for (let to = 0; to < 4; to += 1) stir(to, word);
  const spread = hashing(0x8b51f9dd, 0x58f38ded);
  const halves = Array.from({ length: 8 }, (_, k) => BigInt(spread(pool[k % 4])));
  return Array.from({ length: 4 }, (_, k) => halves[2 * k] | (halves[2 * k + 1] << 32n));
}

// A hash of 32 bits whose constant changes with each call.
function hashing(constant, multiplier) {
  return (value) => {
    const changed = value ^ constant;
    constant = Math.imul(constant, multiplier);
    return shifted(Math.imul(changed, constant));
  };
}

const mixed = (x, y) => shifted(Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y));

const shifted = (value) => (value ^ (value >>> 16)) >>> 0;
