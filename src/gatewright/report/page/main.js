// The state of the page, and what the reader does with it.

const data = JSON.parse(find("data").textContent);
const network = data.network && makeNetwork(data.network);
const reader = data.network && makeReader(data.network.reading.rule);
const SLICE = 12; // milliseconds of leave-one-out between two looks at the keyboard
const SLOW = 3e10; // multiplications that take minutes in a browser
const TOLERANCE = 1e-3;

const page = {
  noun: data.noun, quantity: data.quantity, titles: data.methodTitles, target: data.target,
  methods: data.attributions.map(({ method }) => method), method: data.method, answered: data.target.step,
  edited: false, reader: data.reader, head: 0,
};
const original = {};
let originalWords = [];
let words = []; // the tokens of the text, also those that the network does not read
let wordEdit = null; // the tokens before and after the one that is being edited
let lastOmission = 0;
const unknownToModel = new Set(data.steps.filter(({ kind }) => kind === "unknown").map(({ text }) => text));

/** Return the traces in the form that the page shows. */
function tracesOf(values) {
  return data.layers.map((layer, index) => {
    const found = values(layer, index);
    const gates = layer.gates.filter((name) => name in found);
    return { ...layer, values: found, time: page.steps.length, gates, shown: [...gates, ...layer.states] };
  });
}

/** Compute what depends on the traces and on the chosen layer. */
function measure() {
  const trace = page.traces[page.reader];
  if (!trace) return;
  page.order = unitOrder(trace);
  if (!trace.values.keep) return;
  page.lives = halfLives(trace);
  const written = writtenAmounts(trace), overwritten = overwrittenAmounts(trace);
  page.amounts = { written, overwritten, largest: Math.max(1e-12, ...written, ...overwritten) };
  page.keptAtEnd = trace.time ? keptAmounts(trace, readAs(trace, trace.time - 1)) : new Float64Array(0);
}

function drawAll() {
  drawAnswer(page);
  drawWords(page);
  drawLegend(page);
  drawGates(page);
  moveHead(page);
  drawSoFar(page);
  drawNumbers(page);
  drawGradients(page);
  drawOpenTable();
}

function drawOpenTable() {
  if (find("table").closest("details").open) drawTable(page);
}

function probabilitiesOf(logits) {
  const kind = data.network.reading.outputs;
  const sigmoid = ACTIVATIONS.sigmoid;
  if (kind === "sigmoid") return [1 - sigmoid(logits[0]), sigmoid(logits[0])];
  if (kind === "sigmoids") return Array.from(logits, sigmoid);
  const top = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Return the answer in words. */
function answerOf(probabilities) {
  const { outputs, labels } = data.network.reading;
  const named = (k) => `${visible(labels[k])}, probability ${probable(probabilities[k])}`;
  if (outputs !== "sigmoids") return named(probabilities.indexOf(Math.max(...probabilities)));
  const chosen = labels.map((_, k) => k).filter((k) => probabilities[k] >= 0.5);
  return chosen.length ? chosen.map(named).join("; ") : "no label";
}

/** Run the network on steps, and show what it computes. */
function compute(steps) {
  page.steps = steps;
  const result = network.run(steps.map(({ id }) => id), true);
  page.traces = tracesOf((layer, index) => result.traces[index].values);
  page.value = result.target;
  const probabilities = probabilitiesOf(result.logits);
  const place = data.network.reading.labels.indexOf(data.target.name);
  page.probability = place < 0 ? null : probabilities[place];
  page.answer = answerOf(probabilities);
  const prefixes = network.prefixes(result);
  page.soFar = prefixes && prefixes.map((logits) => (place < 0 ? network.targetOf(logits) : probabilitiesOf(logits)[place]));
  page.soFarName = place < 0 ? visible(data.target.name) : `probability of ${visible(data.target.name)}`;
  return result;
}

/** Return the step that the chosen layer reads last. */
function lastRead() {
  const trace = page.traces[page.reader];
  return trace ? readAs(trace, trace.time - 1) : page.steps.length - 1;
}

function show(head) {
  page.head = Math.max(0, Math.min(page.steps.length - 1, head));
  measure();
  drawAll();
  wordAtHead();
}

/** Show the answer for the text in the editor. */
function applyText(text) {
  const all = reader.tokens(text);
  const read = all.filter(({ id }) => id !== null);
  words = read.map((token) => token.text);
  const result = compute(reader.steps(read));
  page.edited = true;
  const ledger = page.methods.includes("ledger") ? network.ledger(result) : null;
  page.effects = ledger ? { ledger } : {};
  setMethods();
  sayAbsent(all);
  show(lastRead());
  find("restore").disabled = false;
  startOmission(read);
}

function restore() {
  lastOmission++; // stops leave-one-out of the changed text
  Object.assign(page, original);
  page.edited = false;
  page.methodNote = "";
  words = originalWords;
  find("text").value = reader.join(words);
  find("absent").hidden = true;
  find("restore").disabled = true;
  setMethods();
  show(lastRead());
}

/** Say which words of the text the page does not have. */
function sayAbsent(all) {
  const absent = [...new Set(all.filter(({ known }) => !known).map(({ text }) => text))];
  const { tokens } = data.network.reading.rule;
  const element = find("absent");
  element.hidden = !absent.length;
  if (!absent.length) return;
  const listed = absent.slice(0, 8).map((text) => `“${visible(text)}”`).join(", ") + (absent.length > 8 ? " …" : "");
  const isLeftOut = data.network.reading.rule.unknown === null;
  const unread = isLeftOut ? "The network does not read it" : "The network reads it as unknown";
  const partial = tokens.length < data.network.vocabulary && absent.some((text) => !unknownToModel.has(text));
  element.textContent = partial
    ? `Not in this page: ${listed}. ${unread} here. The page has ${tokens.length.toLocaleString("en")} ` +
      `of the model's ${data.network.vocabulary.toLocaleString("en")} ${page.noun}s, so the model's own answer can differ.`
    : `Not in the model's vocabulary: ${listed}. ${unread}.`;
}

/** Compute leave-one-out of a changed text, a few steps at a time. */
function startOmission(read) {
  const run = ++lastOmission;
  page.methodNote = "";
  if (!page.methods.includes("omission")) return;
  const { steps } = page;
  if (network.multiplications * steps.length * steps.length > SLOW) {
    page.methodNote = "The page does not compute leave-one-out of a changed text: this network and text are too large.";
    colorWords(page);
    return;
  }
  const values = new Float64Array(steps.length).fill(NaN);
  const full = page.value;
  let t = 0;
  function slice() {
    if (run !== lastOmission) return;
    const end = performance.now() + SLICE;
    for (; t < steps.length && performance.now() < end; t++) {
      if (steps[t].place < 0) continue;
      const ids = reader.steps(read.filter((_, place) => place !== steps[t].place)).map(({ id }) => id);
      values[t] = full - network.run(ids, false).target;
    }
    if (t < steps.length) {
      page.methodNote = page.method === "omission" ? `${capital(page.titles.omission)}: ${percent(t / steps.length)} computed.` : "";
      find("method-note").textContent = page.methodNote || METHOD_NOTES[page.method];
      setTimeout(slice);
      return;
    }
    page.methodNote = "";
    page.effects.omission = { values, others: {} };
    setMethods();
    colorWords(page);
    moveHead(page);
    drawOpenTable();
  }
  setTimeout(slice);
}

/** Offer the methods that have effects of the text shown. */
function setMethods() {
  document.querySelectorAll("#methods input").forEach((radio) => {
    radio.disabled = page.edited && radio.value === "integrated_gradients";
    radio.parentElement.title = radio.disabled ? "Computed by Python, for the original text only" : "";
  });
  if (page.edited && page.method === "integrated_gradients") [page.method] = page.methods;
  document.querySelectorAll("#methods input").forEach((radio) => { radio.checked = radio.value === page.method; });
}

/** Return the place in the text of the token at the reading head, or -1. */
function placeAtHead() {
  return page.steps[page.head]?.place ?? -1;
}

function wordAtHead() {
  if (!network) return;
  const place = placeAtHead();
  const input = find("word");
  if (document.activeElement !== input) input.value = place < 0 ? "" : words[place];
  input.disabled = find("delete").disabled = place < 0;
}

function chooseReader(index) {
  page.reader = index;
  const trace = page.traces[index];
  find("gates-title").textContent = trace ? `The gates of ${trace.title}` : "The gates";
  find("gates-note").textContent = !trace
    ? "The network has no recurrent layer."
    : trace.values.keep
      ? `A column is a ${page.noun}, a row is a unit. Units that remember longest are at the top: half of what they hold ` +
        "is left after their half-life."
      : `A column is a ${page.noun}, a row is a unit. This layer has no gates that keep or overwrite, so there are no ` +
        "bars and no half-lives.";
  makeGates(page);
  show(lastRead());
}

function setUpControls() {
  const methods = find("methods");
  methods.hidden = !page.methods.length;
  page.methods.forEach((method) => {
    const label = make("label");
    const radio = make("input");
    radio.type = "radio";
    radio.name = "method";
    radio.value = method;
    radio.addEventListener("change", () => {
      page.method = method;
      page.methodNote = "";
      colorWords(page);
      moveHead(page);
    });
    label.append(radio, capital(data.methodTitles[method]));
    methods.append(label);
  });
  const select = find("reader");
  data.layers.forEach((layer, index) => {
    const option = make("option", "", layer.title);
    option.value = index;
    select.append(option);
  });
  find("reader-label").hidden = data.layers.length < 2;
  select.value = page.reader;
  select.addEventListener("change", () => chooseReader(Number(select.value)));

  find("words").addEventListener("click", (event) => {
    const word = event.target.closest(".word");
    if (word) setHead(Number(word.dataset.step));
  });
  find("words").addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -1e9, End: 1e9 };
    if (event.key === "Enter" && network) find("word").focus();
    else if (event.key in moves) {
      moveWord(moves[event.key]);
      find(`step-${page.runs[page.head]}`)?.scrollIntoView({ block: "nearest" });
    } else return;
    event.preventDefault();
  });
  find("head").addEventListener("input", (event) => setHeadNumber(Number(event.target.value)));
  find("play").textContent = "Read step by step";
  find("play").addEventListener("click", play);
  find("table").closest("details").addEventListener("toggle", drawOpenTable);
}

function setUpPictures() {
  const gates = find("gates");
  gates.addEventListener("pointermove", (event) => {
    const canvas = event.target.closest("canvas");
    if (!canvas || !page.steps.length) return;
    const box = canvas.getBoundingClientRect();
    const rows = page.order.length;
    const row = Math.min(rows - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * rows)));
    readGate(page, canvas, stepAt(canvas, event, page.steps.length), row);
  });
  gates.addEventListener("click", (event) => {
    const canvas = event.target.closest("canvas");
    if (canvas) setHead(stepAt(canvas, event, page.steps.length));
  });
  gates.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const canvas = event.target.closest("canvas");
    if (!canvas || !(event.key in moves) || !page.steps.length) return;
    const [steps, rows] = moves[event.key];
    setHead(page.head + steps);
    page.row = Math.max(0, Math.min(page.order.length - 1, (page.row || 0) + rows));
    readGate(page, canvas, page.head, page.row);
    event.preventDefault();
  });
  for (const id of ["so-far", "numbers", "gradients"]) {
    const canvas = find(id).firstElementChild;
    canvas.addEventListener("click", (event) => setHead(stepAt(canvas, event, page.steps.length)));
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      setHead(page.head + (event.key === "ArrowLeft" ? -1 : 1));
      event.preventDefault();
    });
  }
  darkMode.addEventListener("change", drawAll);
  window.addEventListener("resize", () => {
    drawSoFar(page);
    drawNumbers(page);
    drawGradients(page);
  });
  for (const [event, value] of [["beforeprint", true], ["afterprint", false]])
    window.addEventListener(event, () => {
      printing = value;
      drawAll();
    });
}

function setUpEditor() {
  if (!network) {
    find("no-editor").hidden = false;
    find("no-editor").textContent = data.noNetwork;
    find("edit-title").hidden = true;
    return;
  }
  find("editor").hidden = false;
  const { tokens } = data.network.reading.rule;
  const all = tokens.length === data.network.vocabulary;
  find("edit-note").textContent =
    `The network itself runs in this page. It has ${all ? "all" : `the ${tokens.length.toLocaleString("en")} most frequent`} ` +
    `of the model's ${data.network.vocabulary.toLocaleString("en")} ${page.noun}s${all ? "" : " and those of this text"}.`;
  find("text").value = reader.join(words);
  find("text").addEventListener("input", (event) => applyText(event.target.value));
  const input = find("word");
  input.addEventListener("focus", () => {
    const place = placeAtHead();
    wordEdit = { before: words.slice(0, place), after: words.slice(place + 1) };
  });
  const replace = (typed) => {
    const text = reader.join([...wordEdit.before, typed, ...wordEdit.after]);
    find("text").value = text;
    applyText(text);
    const place = Math.min(wordEdit.before.length, words.length - 1);
    setHead(page.steps.findIndex((step) => step.place === place));
  };
  input.addEventListener("input", () => replace(input.value));
  input.addEventListener("blur", wordAtHead);
  find("delete").addEventListener("click", () => {
    const place = placeAtHead();
    wordEdit = { before: words.slice(0, place), after: words.slice(place + 1) };
    replace("");
  });
  find("restore").addEventListener("click", restore);
}

function start() {
  page.steps = data.steps;
  page.effects = Object.fromEntries(data.attributions.map((found) => [found.method, found]));
  for (const found of data.attributions) found.values = found.values.map((value) => value ?? NaN);
  for (const step of data.steps)
    step.place = step.kind === "input" || step.kind === "unknown" ? words.push(step.text) - 1 : -1;
  if (network) {
    compute(data.steps);
    const difference = Math.abs(page.value - data.target.value);
    if (!(difference <= TOLERANCE * (1 + Math.abs(data.target.value)))) {
      find("warning").hidden = false;
      find("warning").textContent =
        `The network in this page computes ${signed(page.value)} where Python computed ${signed(data.target.value)}. ` +
        "Do not rely on the gates, the bars and the answers to changed texts.";
    }
    page.before = page.value;
  } else {
    page.traces = tracesOf((layer) =>
      Object.fromEntries(Object.entries(layer.values).map(([name, packed]) => [name, unpack(packed)])));
    page.value = data.target.value;
    page.probability = data.target.probability;
  }
  for (const name of ["steps", "traces", "effects", "value", "probability", "answer", "soFar"]) original[name] = page[name];
  originalWords = words;
  setUpControls();
  setUpPictures();
  setUpEditor();
  setUpAlignment();
  setMethods();
  chooseReader(page.reader);
}

start();
