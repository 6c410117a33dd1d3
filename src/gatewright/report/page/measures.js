// What the page shows of a trace: how much each step wrote, how much of it is left, and how much it overwrote.

/** Return the index of the step that a direction reads as number k. It is its own inverse. */
function readAs(trace, k) {
  return trace.backward ? trace.time - 1 - k : k;
}

/** Return the sum of |w_t| over the units, for each step. */
function writtenAmounts(trace) {
  return amounts(trace, (at) => Math.abs(trace.values.written[at]));
}

/** Return the sum of (1 - k_t) |state before t| over the units, for each step. */
function overwrittenAmounts(trace) {
  const { keep } = trace.values;
  const state = trace.values[trace.ledgerState];
  const before = trace.backward ? trace.units : -trace.units;
  return amounts(trace, (at) => {
    const previous = state[at + before];
    return previous === undefined ? 0 : (1 - keep[at]) * Math.abs(previous);
  });
}

function amounts(trace, value) {
  const sums = new Float64Array(trace.time);
  for (let t = 0; t < trace.time; t++)
    for (let j = 0; j < trace.units; j++) sums[t] += value(t * trace.units + j);
  return sums;
}

/** Return how much of what each step wrote is still there after step `at`. It is 0 for steps that are read later. */
function keptAmounts(trace, at) {
  const { keep, written } = trace.values;
  const n = trace.units;
  const left = new Float64Array(n).fill(1);
  const sums = new Float64Array(trace.time);
  for (let k = readAs(trace, at); k >= 0; k--) {
    const t = readAs(trace, k);
    for (let j = 0; j < n; j++) {
      sums[t] += Math.abs(written[t * n + j]) * left[j];
      left[j] *= Math.abs(keep[t * n + j]);
    }
  }
  return sums;
}

/** Return the index of the step after which less than half of what step t wrote is left, or -1. */
function overwrittenAt(trace, t) {
  const { keep, written } = trace.values;
  const n = trace.units;
  const left = Float64Array.from(written.subarray(t * n, (t + 1) * n), Math.abs);
  const half = left.reduce((a, b) => a + b, 0) / 2;
  for (let k = readAs(trace, t) + 1; k < trace.time; k++) {
    const s = readAs(trace, k);
    let sum = 0;
    for (let j = 0; j < n; j++) sum += left[j] *= Math.abs(keep[s * n + j]);
    if (sum < half) return s;
  }
  return -1;
}

/** Return the steps after which half of what each unit held is left, at its mean keep factor. */
function halfLives(trace) {
  const { keep } = trace.values;
  const lives = new Float64Array(trace.units);
  for (let j = 0; j < trace.units; j++) {
    let mean = 0;
    for (let t = 0; t < trace.time; t++) mean += Math.abs(keep[t * trace.units + j]) / trace.time;
    lives[j] = mean <= 0 ? 0 : mean >= 1 ? Infinity : Math.log(0.5) / Math.log(mean);
  }
  return lives;
}

/** Return the units in the order of their half-life, the longest first; without a ledger in the network's order. */
function unitOrder(trace) {
  const order = Array.from({ length: trace.units }, (_, j) => j);
  if (!trace.values.keep) return order;
  const lives = halfLives(trace);
  return order.sort((a, b) => lives[b] - lives[a] || a - b);
}

/** Return the mean of a value over the units at step t. */
function meanAt(trace, name, t) {
  let sum = 0;
  for (let j = 0; j < trace.units; j++) sum += trace.values[name][t * trace.units + j];
  return sum / trace.units;
}

/** Return the fractions of a gate's values below 0.1 and above 0.9 (Karpathy, Johnson & Fei-Fei 2015, section 4.2). */
function saturation(values) {
  let low = 0, high = 0;
  for (const value of values) {
    if (value < 0.1) low++;
    if (value > 0.9) high++;
  }
  return [low / values.length, high / values.length];
}
