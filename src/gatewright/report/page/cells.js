// Recurrent cells, one step at a time: the equations of gatewright/ops/cells, in the same letters.

const ACTIVATIONS = {
  tanh: Math.tanh,
  sigmoid: (a) => 1 / (1 + Math.exp(-a)),
  relu: (a) => (a <= 0 ? 0 : a),
  hard_sigmoid: (a) => Math.min(1, Math.max(0, a / 6 + 0.5)),
  linear: (a) => a,
};
const EPSILON = 1e-5; // of layer normalization

/** Add vector @ matrix[:, first : first + count] to sums. The matrix has `stride` columns. */
function addProduct(sums, vector, matrix, stride, first, count) {
  const rows = vector.length;
  let k = 0;
  for (; k + 3 < rows; k += 4) {
    const a = vector[k], b = vector[k + 1], c = vector[k + 2], d = vector[k + 3];
    const r = k * stride + first;
    const s = r + stride, t = s + stride, u = t + stride;
    for (let j = 0; j < count; j++)
      sums[j] += a * matrix[r + j] + b * matrix[s + j] + c * matrix[t + j] + d * matrix[u + j];
  }
  for (; k < rows; k++) {
    const a = vector[k], r = k * stride + first;
    for (let j = 0; j < count; j++) sums[j] += a * matrix[r + j];
  }
}

/** Replace the numbers first, ..., first + count - 1 of v by N(v) of these numbers. */
function normalize(v, first, count) {
  let mean = 0, variance = 0;
  for (let j = first; j < first + count; j++) mean += v[j] / count;
  for (let j = first; j < first + count; j++) variance += (v[j] - mean) ** 2 / count;
  const scale = 1 / Math.sqrt(variance + EPSILON);
  for (let j = first; j < first + count; j++) v[j] = (v[j] - mean) * scale;
}

/**
 * The cells. For each: the gates in the order of the columns of W and U; the values that a step computes; the state that
 * the ledger follows (state = keep * state + written); and a function that makes the step. The step reads p, the products
 * x @ W of all gates, and changes the values in place.
 */
const CELLS = {
  simple_rnn: {
    gates: 1, shown: () => [], states: ["h"], ledger: null,
    make({ U, b, units: n, activation }, v) {
      const a = new Float64Array(n);
      return (p) => {
        for (let j = 0; j < n; j++) a[j] = p[j] + b[j];
        addProduct(a, v.h, U, n, 0, n);
        for (let j = 0; j < n; j++) v.h[j] = activation(a[j]);
      };
    },
  },

  gru: {
    gates: 3, shown: (options) => (options.reset_after ? ["z", "r", "c", "u"] : ["z", "r", "c"]), states: ["h"],
    ledger: "h",
    make({ U, b, units: n, activation, sigma, options }, v) {
      const a = new Float64Array(3 * n), s = new Float64Array(n), q = new Float64Array(n);
      return (p) => {
        const after = options.reset_after;
        for (let j = 0; j < 3 * n; j++) a[j] = after ? b[3 * n + j] : 0;
        addProduct(a, v.h, U, 3 * n, 0, after ? 3 * n : 2 * n);
        for (let j = 0; j < n; j++) {
          v.z[j] = sigma(p[j] + b[j] + a[j]);
          v.r[j] = sigma(p[n + j] + b[n + j] + a[n + j]);
        }
        if (!after) {
          for (let j = 0; j < n; j++) { s[j] = v.r[j] * v.h[j]; q[j] = 0; }
          addProduct(q, s, U, 3 * n, 2 * n, n);
        }
        for (let j = 0; j < n; j++) {
          const u = a[2 * n + j];
          if (after) v.u[j] = u;
          v.c[j] = activation(p[2 * n + j] + b[2 * n + j] + (after ? v.r[j] * u : q[j]));
          v.keep[j] = v.z[j];
          v.written[j] = (1 - v.z[j]) * v.c[j];
        }
      };
    },
  },

  lstm: {
    gates: 4, shown: () => ["i", "f", "g", "o"], states: ["h", "c"], ledger: "c",
    make({ U, b, units: n, activation, sigma }, v) {
      const a = new Float64Array(4 * n);
      return (p) => {
        for (let j = 0; j < 4 * n; j++) a[j] = p[j] + b[j];
        addProduct(a, v.h, U, 4 * n, 0, 4 * n);
        for (let j = 0; j < n; j++) {
          v.i[j] = sigma(a[j]);
          v.f[j] = sigma(a[n + j]);
          v.g[j] = activation(a[2 * n + j]);
          v.o[j] = sigma(a[3 * n + j]);
          v.keep[j] = v.f[j];
          v.written[j] = v.i[j] * v.g[j];
        }
      };
    },
    output({ units: n, activation }, v) {
      for (let j = 0; j < n; j++) v.h[j] = v.o[j] * activation(v.c[j]);
    },
  },

  min_gru: {
    gates: 2, shown: () => ["z", "c"], states: ["h"], ledger: "h",
    make({ b, units: n, sigma }, v) {
      return (p) => {
        for (let j = 0; j < n; j++) {
          v.z[j] = sigma(p[j] + b[j]);
          v.c[j] = p[n + j] + b[n + j];
          v.keep[j] = 1 - v.z[j];
          v.written[j] = v.z[j] * v.c[j];
        }
      };
    },
  },

  min_lstm: {
    gates: 3, shown: () => ["i", "f", "g", "k"], states: ["h"], ledger: "h",
    make({ b, units: n }, v) {
      const sigmoid = ACTIVATIONS.sigmoid;
      // log(1 + exp(a)), which does not overflow
      const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));
      return (p) => {
        for (let j = 0; j < n; j++) {
          const i = p[j] + b[j], f = p[n + j] + b[n + j];
          v.i[j] = sigmoid(i);
          v.f[j] = sigmoid(f);
          v.g[j] = p[2 * n + j] + b[2 * n + j];
          v.k[j] = sigmoid(softplus(-i) - softplus(-f));
          v.keep[j] = v.k[j];
          v.written[j] = (1 - v.k[j]) * v.g[j];
        }
      };
    },
  },

  mgu: {
    gates: 2, shown: () => ["f", "c"], states: ["h"], ledger: "h",
    make({ U, b, units: n, activation, sigma }, v) {
      const a = new Float64Array(n), s = new Float64Array(n), q = new Float64Array(n);
      return (p) => {
        a.fill(0);
        q.fill(0);
        addProduct(a, v.h, U, 2 * n, 0, n);
        for (let j = 0; j < n; j++) {
          v.f[j] = sigma(p[j] + b[j] + a[j]);
          s[j] = v.f[j] * v.h[j];
        }
        addProduct(q, s, U, 2 * n, n, n);
        for (let j = 0; j < n; j++) {
          v.c[j] = activation(p[n + j] + b[n + j] + q[j]);
          v.keep[j] = 1 - v.f[j];
          v.written[j] = v.f[j] * v.c[j];
        }
      };
    },
  },

  // The rows of b: b (z, r, h), b_u, gain_x (z, r, h), gain_h (z, r, h).
  layer_norm_gru: {
    gates: 3, shown: () => ["z", "r", "c"], states: ["h"], ledger: "h",
    make({ U, b, units: n, activation, sigma }, v) {
      const x = new Float64Array(3 * n), h = new Float64Array(3 * n);
      return (p) => {
        x.set(p);
        h.fill(0);
        addProduct(h, v.h, U, 3 * n, 0, 3 * n);
        for (const sums of [x, h]) {
          normalize(sums, 0, 2 * n);
          normalize(sums, 2 * n, n);
        }
        const a = (k) => b[4 * n + k] * x[k] + b[7 * n + k] * h[k] + b[k];
        for (let j = 0; j < n; j++) {
          v.z[j] = sigma(a(j));
          v.r[j] = sigma(a(n + j));
          const u = b[9 * n + j] * h[2 * n + j] + b[3 * n + j];
          v.c[j] = activation(b[6 * n + j] * x[2 * n + j] + b[2 * n + j] + v.r[j] * u);
          v.keep[j] = 1 - v.z[j];
          v.written[j] = v.z[j] * v.c[j];
        }
      };
    },
  },

  // The rows of b: b (i, f, c, o), gain_x (i, f, c, o), gain_h (i, f, c, o), gain_c, shift_c.
  layer_norm_lstm: {
    gates: 4, shown: () => ["i", "f", "g", "o"], states: ["h", "c"], ledger: "c",
    make({ U, b, units: n, activation, sigma }, v) {
      const x = new Float64Array(4 * n), h = new Float64Array(4 * n);
      return (p) => {
        x.set(p);
        h.fill(0);
        addProduct(h, v.h, U, 4 * n, 0, 4 * n);
        normalize(x, 0, 4 * n);
        normalize(h, 0, 4 * n);
        const a = (k) => b[4 * n + k] * x[k] + b[8 * n + k] * h[k] + b[k];
        for (let j = 0; j < n; j++) {
          v.i[j] = sigma(a(j));
          v.f[j] = sigma(a(n + j));
          v.g[j] = activation(a(2 * n + j));
          v.o[j] = sigma(a(3 * n + j));
          v.keep[j] = v.f[j];
          v.written[j] = v.i[j] * v.g[j];
        }
      };
    },
    output({ b, units: n, activation }, v) {
      v.h.set(v.c);
      normalize(v.h, 0, n);
      for (let j = 0; j < n; j++) v.h[j] = v.o[j] * activation(b[12 * n + j] * v.h[j] + b[13 * n + j]);
    },
  },
};

/** Return the cell of a recurrent layer with its values, at the initial state. */
function startCell(layer) {
  const cell = CELLS[layer.options.cell];
  const n = layer.units;
  const values = { keep: new Float64Array(n), written: new Float64Array(n) };
  for (const name of [...cell.shown(layer.options), ...cell.states]) values[name] = new Float64Array(n);
  const gates = cell.make(layer, values);
  const state = cell.ledger && values[cell.ledger];
  const d = layer.options.zoneout;

  /** Compute one step, given x @ W. With zoneout, a new state s becomes d * s_prev + (1 - d) * s. */
  function step(p) {
    const before = d && !cell.ledger ? Float64Array.from(values.h) : null;
    gates(p);
    if (before) for (let j = 0; j < n; j++) values.h[j] = d * before[j] + (1 - d) * values.h[j];
    if (state) {
      for (let j = 0; j < n; j++) {
        if (d) {
          values.keep[j] = d + (1 - d) * values.keep[j];
          values.written[j] *= 1 - d;
        }
        state[j] = values.keep[j] * state[j] + values.written[j];
      }
    }
    if (cell.output) cell.output(layer, values);
  }
  return { values, step };
}
