// Numbers and sentences.

const METHOD_NOTES = {
  ledger: "What each step wrote into the state of the top recurrent layer, times what later steps kept of it, times its " +
    "weight in the output. These effects and the bias add up to the output.",
  omission: "The fall of the output when the network reads the input without this step.",
  integrated_gradients: "Gradients of the output, integrated from an empty input to this one. Computed by Python.",
};

/** Return a text with a capital letter at its beginning. */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const GATES = new Set(["z", "r", "i", "f", "o", "k"]);
const NAMES = {
  gru: { z: "update gate", r: "reset gate", c: "candidate", u: "recurrent product" },
  lstm: { i: "input gate", f: "forget gate", g: "candidate", o: "output gate", c: "cell state" },
  min_gru: { z: "update gate", c: "candidate" },
  min_lstm: { i: "input gate", f: "forget gate", g: "candidate", k: "fraction kept" },
  mgu: { f: "forget gate", c: "candidate" },
};
NAMES.layer_norm_gru = NAMES.gru;
NAMES.layer_norm_lstm = NAMES.lstm;

/** Return a number with two or three digits. */
function short(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(1).replace("-", "−").replace("e-", "e−");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3).replace("-", "−");
}

function signed(value) {
  return value > 0 ? `+${short(value)}` : short(value);
}

function percent(share) {
  return `${Math.round(100 * share)}%`;
}

/** Return a probability that is not rounded to 0 or 1. */
function probable(p) {
  return p > 0.999 ? "over 0.999" : p < 0.001 ? "under 0.001" : p.toFixed(3);
}

/** Return a text in which control characters, which could change the direction of the line, are visible. */
function visible(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu, (found) =>
    found === "\n" ? "⏎" : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Return the name of a gate or state, and what a value near 1 means. */
function gateTitle(trace, name) {
  if (name === "h") return "state, and output of the layer";
  const meaning = (NAMES[trace.cell] || {})[name] || "";
  const convention = trace.conventions[name];
  return [meaning, convention && `here ${convention}`].filter(Boolean).join("; ");
}

/** Return what the gates do at step t, one sentence for each. */
function gateSentences(trace, t, noun) {
  const mean = (name) => percent(meanAt(trace, name, t));
  const rest = (name) => percent(1 - meanAt(trace, name, t));
  const here = (name) => (trace.conventions[name] ? ` (here ${trace.conventions[name].split(";")[0]})` : "");
  const cell = trace.cell.replace("layer_norm_", "");
  if (cell === "simple_rnn") return [`This layer has no gates: each ${noun} rewrites the whole state.`];
  const kept = mean("keep"), taken = rest("keep");
  if (cell === "lstm")
    return [
      `The forget gate keeps ${kept} of the cell state${here("f")}.`,
      `The input gate lets ${mean("i")} of the candidate in${here("i")}, and the output gate shows ${mean("o")} of the ` +
        `cell state${here("o")}.`,
    ];
  if (cell === "gru")
    return [
      `The update gate keeps ${kept} of the memory and takes ${taken} from this ${noun}${here("z")}.`,
      `The reset gate ignores ${rest("r")} of the memory when it reads this ${noun}${here("r")}.`,
    ];
  if (cell === "mgu")
    return [
      `The forget gate keeps ${kept} of the memory and takes ${taken} from this ${noun}${here("f")}. ` +
        `It also ignores ${rest("f")} of the memory when it reads this ${noun}.`,
    ];
  if (cell === "min_lstm")
    return [`The forget and input gates together keep ${kept} of the memory and take ${taken} from this ${noun}${here("k")}.`];
  const gate = cell === "min_gru" ? `The update gate keeps ${kept}` : `The gates keep ${kept}`;
  return [`${gate} of the memory and ${cell === "min_gru" ? "takes" : "take"} ${taken} from this ${noun}${here("z")}.`];
}
