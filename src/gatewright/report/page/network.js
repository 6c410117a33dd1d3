// The network of the page: forward pass, ledger and leave-one-out.

/** Return the network that Python has packed, ready to run. */
function makeNetwork(packed) {
  const layers = packed.layers.map((layer) => {
    const weights = {};
    for (const name of Object.keys(layer.weights)) weights[name] = unpack(layer.weights[name]);
    return { kind: layer.kind, options: layer.options, weights, shapes: layer.weights };
  });
  const table = layers[0].weights.table;
  const features = layers[0].shapes.table.shape[1];
  const rows = new Map(packed.rows.map((id, row) => [id, row]));
  const stages = [];
  for (const layer of layers.slice(1)) {
    if (layer.kind === "recurrent") prepare(layer);
    if (layer.options.joined) stages[stages.length - 1].directions.push(layer);
    else stages.push(layer.kind === "recurrent" ? { kind: "recurrent", directions: [layer] } : layer);
  }
  const recurrent = stages.filter((stage) => stage.kind === "recurrent");
  const tail = stages.slice(stages.lastIndexOf(recurrent[recurrent.length - 1]) + 1);
  const pool = tail.length && tail[0].kind === "pool" ? tail.shift() : null;
  const readout = tail.length === 1 && tail[0].options.activation === "linear" ? tail[0] : null;
  const { mask: hasMask } = layers[0].options;
  const projections = new Map(); // x @ W of the first layer, by id

  function prepare(layer) {
    const { kernel, recurrent_kernel: U, bias } = layer.weights;
    layer.units = layer.options.units;
    Object.assign(layer, {
      W: kernel, U, b: bias,
      activation: ACTIVATIONS[layer.options.activation],
      sigma: ACTIVATIONS[layer.options.recurrent_activation],
      columns: layer.shapes.kernel.shape[1],
    });
  }

  /** Return x @ W of the first layer for an id, for each direction. */
  function projected(id) {
    let found = projections.get(id);
    if (!found) {
      const row = rows.get(id);
      const x = table.subarray(row * features, (row + 1) * features);
      found = recurrent[0].directions.map((layer) => {
        const p = new Float64Array(layer.columns);
        addProduct(p, x, layer.W, layer.columns, 0, layer.columns);
        return p;
      });
      projections.set(id, found);
    }
    return found;
  }

  /**
   * Run one direction of a layer. Write its outputs to columns of `outputs`; return the trace if it is wanted. A masked
   * step keeps the states, and its output is h, or 0 if `zeroed`.
   */
  function runDirection(layer, product, outputs, { live, width, first, traced, zeroed }) {
    const cell = startCell(layer);
    const n = layer.units;
    const time = live.length;
    const states = CELLS[layer.options.cell].states;
    const trace = {};
    if (traced) for (const name of Object.keys(cell.values)) trace[name] = new Float32Array(time * n);
    for (let k = 0; k < time; k++) {
      const t = layer.options.reverse ? time - 1 - k : k;
      if (live[t]) cell.step(product(t));
      if (live[t] || !zeroed) outputs.set(cell.values.h, t * width + first);
      if (!traced) continue;
      for (const name of Object.keys(trace))
        if (live[t] || states.includes(name)) trace[name].set(cell.values[name], t * n);
        else if (name === "keep") trace[name].fill(1, t * n, (t + 1) * n);
    }
    return trace;
  }

  /** Run the recurrent layers. Return the outputs of the last one, [time, width], and all traces. */
  function recur(ids, traced) {
    const time = ids.length;
    const live = ids.map((id) => !hasMask || id !== PADDING);
    const traces = [];
    let x = null, width = features;
    recurrent.forEach((stage, index) => {
      const units = stage.directions.map((layer) => layer.units);
      const total = units.reduce((a, b) => a + b, 0);
      const outputs = new Float64Array(time * total);
      let first = 0;
      stage.directions.forEach((layer, direction) => {
        const p = new Float64Array(layer.columns);
        const below = x, belowWidth = width;
        const product = index === 0
          ? (t) => projected(ids[t])[direction]
          : (t) => {
              p.fill(0);
              addProduct(p, below.subarray(t * belowWidth, (t + 1) * belowWidth), layer.W, layer.columns, 0, layer.columns);
              return p;
            };
        const zeroed = layer.options.zero_output_for_mask && (pool !== null || stage !== recurrent[recurrent.length - 1]);
        const trace = runDirection(layer, product, outputs, { live, width: total, first, traced, zeroed });
        if (traced) traces.push({ layer, values: trace, units: layer.units, first, time });
        first += layer.units;
      });
      x = outputs;
      width = total;
    });
    return { x, width, traces, time, live };
  }

  /** Return the weight of each output of the last recurrent layer in each pooled feature, as a function (t, feature). */
  function poolWeights(sequence) {
    const { x, width, time } = sequence;
    if (!pool) {
      const last = recurrent[recurrent.length - 1].directions.flatMap((layer) => Array(layer.units).fill(layer.options.reverse ? 0 : time - 1));
      return (t, j) => (t === last[j] ? 1 : 0);
    }
    const pooled = sequence.live.map((alive) => alive || pool.options.padding);
    if (pool.options.method === "mean") {
      const count = pooled.filter(Boolean).length;
      return (t) => (pooled[t] ? 1 / count : 0);
    }
    if (pool.options.method === "max") {
      const place = new Int32Array(width).fill(pooled.indexOf(true));
      for (let t = place[0] + 1; t < time; t++)
        if (pooled[t]) for (let j = 0; j < width; j++) if (x[t * width + j] > x[place[j] * width + j]) place[j] = t;
      return (t, j) => (place[j] === t ? 1 : 0);
    }
    const scores = attentionScores(sequence).map((score, t) => (pooled[t] ? score : -Infinity));
    const top = scores.reduce((a, b) => Math.max(a, b), -Infinity);
    const a = scores.map((score) => (score === -Infinity ? 0 : Math.exp(score - top)));
    const sum = a.reduce((p, q) => p + q, 0);
    return (t) => (sum ? a[t] / sum : 0);
  }

  /** Return u_t c of each step, with u_t = tanh(W h_t + b). The weight of step t is exp(u_t c) / sum of exp(u_t c). */
  function attentionScores({ x, width, time }) {
    const { kernel, bias, context } = pool.weights;
    const scores = new Float64Array(time);
    for (let t = 0; t < time; t++) {
      const u = Float64Array.from(bias);
      addProduct(u, x.subarray(t * width, (t + 1) * width), kernel, width, 0, width);
      for (let j = 0; j < width; j++) scores[t] += Math.tanh(u[j]) * context[j];
    }
    return scores;
  }

  /** Return the outputs of the layers after pooling. */
  function finish(pooled) {
    return tail.reduce((x, layer) => {
      const outputs = Float64Array.from(layer.weights.bias);
      addProduct(outputs, x, layer.weights.kernel, outputs.length, 0, outputs.length);
      return outputs.map(ACTIVATIONS[layer.options.activation]);
    }, pooled);
  }

  function targetOf(logits) {
    return packed.target.reduce((sum, weight, k) => sum + weight * logits[k], 0);
  }

  function pooledOf(sequence, weight) {
    const { x, width, time } = sequence;
    const pooled = new Float64Array(width);
    for (let t = 0; t < time; t++)
      for (let j = 0; j < width; j++) {
        const w = weight(t, j);
        if (w) pooled[j] += w * x[t * width + j];
      }
    return pooled;
  }

  /** Return the logits, the target and the traces for ids. */
  function run(ids, traced) {
    const sequence = recur(ids, traced);
    const weight = poolWeights(sequence);
    const logits = finish(pooledOf(sequence, weight));
    return { ...sequence, weight, logits, target: targetOf(logits), isText: !ids.includes(PADDING) };
  }

  /**
   * Return the effect of each step on the target, and the bias, by the ledger of the last recurrent layer. Unrolled, a
   * state is the sum of what each step wrote, times the keep factors of the steps after it.
   */
  function ledger(result) {
    if (!readout) return null;
    const { kernel, bias } = readout.weights;
    const outputs = bias.length;
    const v = new Float64Array(result.width); // the weight of each pooled feature in the target
    for (let j = 0; j < v.length; j++)
      for (let k = 0; k < outputs; k++) v[j] += kernel[j * outputs + k] * packed.target[k];
    const effects = new Float64Array(result.time);
    for (const trace of result.traces.slice(-recurrent[recurrent.length - 1].directions.length)) {
      const { layer, units: n, values, first } = trace;
      const name = CELLS[layer.options.cell].ledger;
      if (!name || layer.options.cell === "layer_norm_lstm") return null;
      const G = new Float64Array(n);
      for (let k = result.time - 1; k >= 0; k--) {
        const t = layer.options.reverse ? result.time - 1 - k : k;
        const next = layer.options.reverse ? t - 1 : t + 1;
        for (let j = 0; j < n; j++) {
          if (k < result.time - 1) G[j] *= values.keep[next * n + j];
          const weight = result.weight(t, first + j);
          const hidden = layer.options.zero_output_for_mask && pool && !result.live[t];
          if (weight && !hidden) G[j] += v[first + j] * weight * shown(values, name, t * n + j);
          effects[t] += G[j] * values.written[t * n + j];
        }
      }
    }
    return { values: effects, others: { bias: targetOf(bias) } };
  }

  /** Return the part of the output h in its state: 1 for h, and o * tanh(c) / c for an LSTM, with its limit at c = 0. */
  function shown(values, name, at) {
    if (name === "h") return 1;
    return values.c[at] ? values.h[at] / values.c[at] : values.o[at];
  }

  /** Return the logits after each step, as if the text ended there. Null if a step depends on what comes after it. */
  function prefixes(result) {
    const { x, width, time } = result;
    if (!time || !result.isText || layers.some((layer) => layer.options.reverse)) return null;
    const method = pool ? pool.options.method : "last";
    const scores = method === "attention" ? attentionScores(result) : null;
    const pooled = new Float64Array(width);
    const found = [];
    let total = 0, top = -Infinity;
    for (let t = 0; t < time; t++) {
      let kept = 1, weight = 1; // pooled = (kept * pooled + weight * x_t) / total, but for "max"
      if (scores) {
        const higher = Math.max(top, scores[t]);
        kept = Math.exp(top - higher);
        weight = Math.exp(scores[t] - higher);
        top = higher;
      }
      for (let j = 0; j < width; j++) {
        const now = x[t * width + j];
        if (method === "last") pooled[j] = now;
        else if (method === "max") pooled[j] = t ? Math.max(pooled[j], now) : now;
        else pooled[j] = kept * pooled[j] + weight * now;
      }
      total = kept * total + weight;
      found.push(finish(method === "mean" || scores ? pooled.map((sum) => sum / total) : pooled));
    }
    return found;
  }

  return {
    run, ledger, prefixes, targetOf,
    multiplications: recurrent.reduce(
      (sum, stage) => sum + stage.directions.reduce((part, layer) => part + layer.U.length, 0), 0),
  };
}
