/* LZMA1 (lc 3, lp 0, pb 0), raw, after the LZMA SDK's specification: a fifth smaller than gzip, which is worth a page of code. */
const expand = (packed, size) => {
  const out = new Uint8Array(size);
  const fresh = (count) => new Uint16Array(count).fill(1024);
  const [isMatch, isRep, isRep0, isRep1, isRep2, isRep0Long] = [12, 12, 12, 12, 12, 12].map(fresh);
  const [literals, slots, special, align] = [fresh(0x300 << 3), fresh(4 << 6), fresh(128), fresh(16)];
  const lengths = () => ({ choice: fresh(2), low: fresh(8), mid: fresh(8), high: fresh(256) });
  const [matchLength, repLength] = [lengths(), lengths()];
  let at = 5;
  /* [range, code] in a typed array: numbers of 32 bits that a closure holds would be boxed at every step */
  const coder = new Uint32Array([0xffffffff, 0]);
  for (let k = 1; k < 5; k += 1) coder[1] = (coder[1] << 8) | packed[k];

  const bit = (probs, index) => {
    const chance = probs[index];
    const bound = (coder[0] >>> 11) * chance;
    let found = 0;
    if (coder[1] < bound) {
      coder[0] = bound;
      probs[index] = chance + ((2048 - chance) >>> 5);
    } else {
      coder[0] -= bound;
      coder[1] -= bound;
      probs[index] = chance - (chance >>> 5);
      found = 1;
    }
    if (coder[0] < 0x1000000) shift();
    return found;
  };
  const shift = () => {
    coder[0] <<= 8;
    coder[1] = (coder[1] << 8) | packed[at];
    at += 1;
  };
  const tree = (probs, from, bits) => {
    let node = 1;
    for (let k = 0; k < bits; k += 1) node = (node << 1) | bit(probs, from + node);
    return node - (1 << bits);
  };
  const reversed = (probs, from, bits) => {
    let [node, value] = [1, 0];
    for (let k = 0; k < bits; k += 1) {
      const one = bit(probs, from + node);
      node = (node << 1) | one;
      value |= one << k;
    }
    return value;
  };
  const direct = (bits) => {
    let value = 0;
    for (let k = 0; k < bits; k += 1) {
      coder[0] >>>= 1;
      const one = coder[1] >= coder[0] ? 1 : 0;
      if (one) coder[1] -= coder[0];
      value = value * 2 + one;
      if (coder[0] < 0x1000000) shift();
    }
    return value;
  };
  const lengthOf = (of) => {
    if (!bit(of.choice, 0)) return tree(of.low, 0, 3);
    return bit(of.choice, 1) ? 16 + tree(of.high, 0, 8) : 8 + tree(of.mid, 0, 3);
  };
  const distanceOf = (length) => {
    const slot = tree(slots, Math.min(length, 3) << 6, 6);
    if (slot < 4) return slot;
    const bits = (slot >>> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + reversed(special, base - slot, bits);
    return base + direct(bits - 4) * 16 + reversed(align, 0, 4);
  };

  let [state, rep0, rep1, rep2, rep3] = [0, 0, 0, 0, 0];
  for (let to = 0; to < size;) {
    if (!bit(isMatch, state)) {
      const from = 0x300 * (to ? out[to - 1] >>> 5 : 0);
      let symbol = 1;
      if (state >= 7) {
        let other = out[to - rep0 - 1];
        while (symbol < 0x100) {
          const hint = (other >>> 7) & 1;
          other <<= 1;
          const one = bit(literals, from + ((1 + hint) << 8) + symbol);
          symbol = (symbol << 1) | one;
          if (hint !== one) break;
        }
      }
      while (symbol < 0x100) symbol = (symbol << 1) | bit(literals, from + symbol);
      out[to] = symbol & 0xff;
      to += 1;
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    let length = 0;
    if (bit(isRep, state)) {
      if (!bit(isRep0, state)) {
        if (!bit(isRep0Long, state)) {
          state = state < 7 ? 9 : 11;
          out[to] = out[to - rep0 - 1];
          to += 1;
          continue;
        }
      } else if (!bit(isRep1, state)) {
        [rep0, rep1] = [rep1, rep0];
      } else if (!bit(isRep2, state)) {
        [rep0, rep1, rep2] = [rep2, rep0, rep1];
      } else {
        [rep0, rep1, rep2, rep3] = [rep3, rep0, rep1, rep2];
      }
      length = lengthOf(repLength);
      state = state < 7 ? 8 : 11;
    } else {
      [rep1, rep2, rep3] = [rep0, rep1, rep2];
      length = lengthOf(matchLength);
      state = state < 7 ? 7 : 10;
      rep0 = distanceOf(length);
    }
    for (const end = Math.min(size, to + length + 2); to < end; to += 1) out[to] = out[to - rep0 - 1];
  }
  return out;
};
