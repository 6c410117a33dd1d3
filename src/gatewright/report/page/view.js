// The parts of the page. Each function draws one part from the state of the page; none of them changes the state.

const find = (id) => document.getElementById(id);

/** Return a new element with a class and a text. Texts are never read as HTML. */
function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Return a step's name in sentences. */
function stepName(step, noun) {
  if (Object.keys(step.numbers || {}).length) return `${noun} ${visible(step.text)}`;
  return step.kind === "input" || step.kind === "unknown" ? `“${visible(step.text)}”` : tokenText(step);
}

/** Return what is shown in place of a step. */
function tokenText(step) {
  return step.kind === "padding" ? "padding" : visible(step.text);
}

/** Return for each step the first step of its run of padding, which stands for the whole run; otherwise the step. */
function runsOf(steps) {
  const first = steps.map((_, t) => t);
  for (let t = 1; t < steps.length; t++)
    if (steps[t].kind === "padding" && steps[t - 1].kind === "padding") first[t] = first[t - 1];
  return first;
}

function effectsOf(page) {
  return page.effects[page.method] || null;
}

/** Draw the steps: a token and three bars for each. */
function drawWords(page) {
  const list = find("words");
  const trace = page.traces[page.reader];
  page.runs = runsOf(page.steps);
  const counts = new Int32Array(page.steps.length);
  for (const first of page.runs) counts[first]++;
  list.setAttribute("aria-label", `The ${page.noun}s that the network reads. Arrow keys move the reading head.`);
  list.replaceChildren(
    ...page.steps.map((step, t) => {
      const word = make("div", `word${step.kind === "input" || step.kind === "unknown" ? "" : " quiet"}`);
      if (step.kind === "unknown") word.classList.add("unknown");
      if (page.answered === t) word.classList.add("answered");
      word.id = `step-${t}`;
      word.dataset.step = t;
      word.setAttribute("role", "option");
      word.hidden = page.runs[t] !== t;
      word.append(make("span", "token", counts[t] > 1 ? `padding × ${counts[t]}` : tokenText(step)));
      if (trace && trace.values.keep) {
        const bars = make("span", "bars");
        bars.setAttribute("aria-hidden", "true");
        bars.append(make("i", "w"), make("i", "k"), make("i", "o"));
        word.append(bars);
      }
      return word;
    }),
  );
  colorWords(page);
}

/** Color the steps by their effects. */
function colorWords(page) {
  const effects = effectsOf(page);
  const sums = new Float64Array(page.steps.length).fill(NaN); // runs of padding have one color, that of their sum
  if (effects) effects.values.forEach((value, t) => { sums[page.runs[t]] = (sums[page.runs[t]] || 0) + value; });
  const largest = sums.reduce((top, v) => Math.max(top, Math.abs(v) || 0), 0) || 1;
  page.steps.forEach((step, t) => {
    const token = find(`step-${t}`).firstChild;
    const value = sums[t];
    const share = Number.isFinite(value) ? Math.abs(value) / largest : 0;
    token.style.background = share > 0.02 ? `rgba(var(${value > 0 ? "--for" : "--against"}), ${0.85 * share})` : "";
  });
  find("method-note").textContent = page.methodNote || METHOD_NOTES[page.method] || "";
}

/** Move the reading head: what is read, what is left of it, and the bars. */
function moveHead(page) {
  const trace = page.traces[page.reader];
  const now = trace ? readAs(trace, page.head) : page.head;
  const amounts = trace && trace.values.keep ? page.amounts : null;
  const kept = amounts ? keptAmounts(trace, page.head) : null;
  page.steps.forEach((step, t) => {
    const word = find(`step-${t}`);
    const ahead = trace ? readAs(trace, t) > now : t > now;
    word.classList.toggle("ahead", ahead);
    word.classList.toggle("at", t === page.runs[page.head]);
    word.setAttribute("aria-selected", String(t === page.head));
    if (ahead) word.firstChild.style.background = "";
    const heights = amounts && [amounts.written[t], kept[t], amounts.overwritten[t]];
    if (heights)
      [...word.lastChild.children].forEach((bar, k) => {
        bar.style.height = ahead ? "0" : `${(100 * heights[k]) / amounts.largest}%`;
      });
    word.title = stepLabel(page, t, heights, ahead);
    word.setAttribute("aria-label", word.title);
  });
  find("words").setAttribute("aria-activedescendant", page.steps.length ? `step-${page.head}` : "");
  const slider = find("head");
  slider.max = Math.max(0, page.steps.length - 1);
  slider.value = now;
  const step = page.steps[page.head];
  slider.setAttribute("aria-valuetext", step ? stepName(step, page.noun) : "nothing");
  find("place").textContent = `position ${page.steps.length ? page.head + 1 : 0} of ${page.steps.length}`;
  drawDetail(page, kept);
  document.querySelectorAll(".map .line").forEach((bar) => {
    bar.style.left = `${(100 * page.head) / page.steps.length}%`;
    bar.style.width = `${100 / page.steps.length}%`;
  });
}

function stepLabel(page, t, heights, ahead) {
  const effects = effectsOf(page);
  const parts = [tokenText(page.steps[t])];
  if (page.steps[t].kind === "unknown") parts.push("unknown");
  if (ahead) parts.push("not read yet");
  else {
    if (effects && Number.isFinite(effects.values[t])) parts.push(`effect ${signed(effects.values[t])}`);
    if (heights) parts.push(`written ${short(heights[0])}, kept ${short(heights[1])}, overwritten ${short(heights[2])}`);
  }
  return parts.join(", ");
}

/** Describe the step at the reading head. */
function drawDetail(page, kept) {
  const box = find("detail");
  const t = page.head;
  const step = page.steps[t];
  if (!step) {
    box.replaceChildren(make("p", "", "The network has read nothing."));
    return;
  }
  const lines = [];
  const title = make("p", "");
  title.append(make("strong", "", capital(stepName(step, page.noun))));
  if (step.kind === "unknown") title.append(" is not in the vocabulary, so the network reads the id of unknown tokens.");
  const numbers = Object.entries(step.numbers || {}).map(([name, value]) => `${visible(name)} = ${short(value ?? NaN)}`);
  if (numbers.length) title.append(`: ${numbers.join(", ")}`);
  lines.push(title);
  const trace = page.traces[page.reader];
  if (trace) lines.push(...gateSentences(trace, t, page.noun).map((text) => make("p", "", text)));
  if (kept) {
    const written = page.amounts.written[t];
    const gone = overwrittenAt(trace, t);
    const later = gone < 0 ? "" : ` More than half of it is gone after ${stepName(page.steps[gone], page.noun)}.`;
    lines.push(make("p", "", `It writes ${short(written)} and overwrites ${short(page.amounts.overwritten[t])} of what ` +
      `was there.${later} At the end ${percent(written ? page.keptAtEnd[t] / written : 0)} of it is left.`));
  }
  const found = page.methods.map((method) => [method, page.effects[method]?.values[t]])
    .filter(([, value]) => Number.isFinite(value))
    .map(([method, value]) => `${signed(value)} (${page.titles[method]})`);
  if (found.length) lines.push(make("p", "", `Effect on the ${page.quantity} of ${visible(page.target.name)}: ${found.join(", ")}.`));
  if (page.soFar) lines.push(make("p", "", `If the text ended here: ${page.soFarName} ${short(page.soFar[t])}.`));
  box.replaceChildren(...lines);
}

/** Explain the colors and the bars. */
function drawLegend(page) {
  const items = [];
  const add = (key, text) => {
    const item = make("li");
    item.append(key, make("span", "", text));
    items.push(item);
  };
  const ramp = make("span", "ramp");
  ramp.style.background = "linear-gradient(90deg, rgba(var(--against), .8), var(--paper), rgba(var(--for), .8))";
  const name = visible(page.target.name), other = visible(page.target.against);
  add(ramp, other ? `orange speaks for ${other}, blue for ${name}` : `orange lowers ${name}, blue raises it`);
  if (page.answered !== null) add(make("span", "key answered"), `the answer of this ${page.noun} is explained`);
  find("bars").hidden = !page.traces[page.reader]?.values.keep;
  if (!find("bars").hidden) {
    add(make("span", "key w"), "written");
    add(make("span", "key k"), "kept at the reading head");
    add(make("span", "key o"), "overwritten here");
  }
  find("legend").replaceChildren(...items);
}

/** Show the answer, and what it was before the text was changed. */
function drawAnswer(page) {
  if (!page.answer) return;
  find("answer").textContent = page.answer;
  const { name, against } = page.target;
  const odds = `the ${page.quantity} of ${visible(name)}${against ? ` against ${visible(against)}` : ""}`;
  const p = page.probability === null ? "" : ` The probability of ${visible(name)} is ${probable(page.probability)}.`;
  const before = page.edited ? ` Before the change it was ${signed(page.before)}.` : "";
  const element = find("target");
  element.textContent = `Explained: ${odds}, ${signed(page.value)}.${p}${before}`;
  element.dataset.value = page.value;
  find("summary").hidden = page.edited;
}

/** Draw the probability, or the number, that the network would answer if the text ended at each step. */
function drawSoFar(page) {
  const figure = find("so-far");
  figure.hidden = !page.soFar;
  if (!page.soFar) return;
  const canvas = figure.firstElementChild;
  const isProbability = page.probability !== null;
  const range = isProbability ? [0, 1] : [Math.min(...page.soFar, 0), Math.max(...page.soFar, 0)];
  drawChart(canvas, [{ values: page.soFar }], range, isProbability ? 0.5 : null, page.head);
  const text = `${page.soFarName} if the text ended at each ${page.noun}`;
  canvas.setAttribute("aria-label", `${text}, from ${short(page.soFar[0])} to ${short(page.soFar[page.soFar.length - 1])}`);
  figure.lastElementChild.textContent = `${capital(text)}.`;
}

/** Draw the numbers of the steps of a series. */
function drawNumbers(page) {
  const names = Object.keys(page.steps[0]?.numbers || {});
  const figure = find("numbers");
  figure.hidden = !names.length;
  if (!names.length) return;
  const lines = names.map((name) => ({ values: page.steps.map((step) => step.numbers[name] ?? NaN) }));
  const all = lines.flatMap(({ values }) => values).filter(Number.isFinite);
  const canvas = figure.firstElementChild;
  drawChart(canvas, lines, [Math.min(...all), Math.max(...all)], null, page.head);
  canvas.setAttribute("aria-label", `The numbers that the network reads: ${names.map(visible).join(", ")}`);
  labelLines(figure.lastElementChild, "The numbers that the network reads: ", names.map(visible));
}

/** Draw the gradient of the target with respect to each state, on a logarithmic scale. Python computes it. */
function drawGradients(page) {
  const figure = find("gradients");
  const trace = page.traces[page.reader];
  const names = Object.keys(trace?.gradients || {});
  figure.hidden = page.edited || !names.length;
  if (figure.hidden) return;
  const lines = names.map((name) => ({ values: trace.gradients[name].map((norm) => Math.log10(norm || NaN)) }));
  const all = lines.flatMap(({ values }) => values).filter(Number.isFinite);
  const range = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all))];
  const canvas = figure.firstElementChild;
  drawChart(canvas, lines, range, null, page.head, (power) => short(10 ** power));
  const text = `Gradient of the ${page.quantity} through time: its norm with respect to ${names.join(" and ")} after each ` +
    `${page.noun}, on a logarithmic scale`;
  canvas.setAttribute("aria-label", text);
  labelLines(figure.lastElementChild, `${text}. At the reading head: `, names.map((name) =>
    `${name} ${short(trace.gradients[name][page.head] ?? NaN)}`));
}

/** Write a caption with a colored key before the name of each line. */
function labelLines(caption, text, names) {
  const palette = colors().lines;
  caption.replaceChildren(text);
  names.forEach((name, k) => {
    const key = make("span", "key");
    key.style.background = palette[k % palette.length];
    caption.append(key, ` ${name}  `);
  });
}

/** Make the heat maps of a trace. Call `drawGates` to draw them. */
function makeGates(page) {
  const trace = page.traces[page.reader];
  const box = find("gates");
  if (!trace) {
    box.replaceChildren();
    return;
  }
  box.replaceChildren(
    ...trace.shown.map((name) => {
      const gate = make("div", "gate");
      const header = make("header");
      header.append(make("h3", "", name), make("span", "soft", gateTitle(trace, name)));
      const map = make("div", "map");
      map.style.height = `${Math.min(16, Math.max(5, trace.units * 0.25))}rem`;
      const canvas = make("canvas");
      canvas.tabIndex = 0;
      canvas.setAttribute("role", "img");
      canvas.dataset.gate = name;
      map.append(canvas, make("div", "line"));
      const readout = make("div", "readout soft");
      readout.setAttribute("role", "status");
      gate.append(header, map, readout);
      return gate;
    }),
  );
}

/** Draw the heat maps. */
function drawGates(page) {
  const trace = page.traces[page.reader];
  if (!trace) return;
  const order = page.order;
  document.querySelectorAll("#gates canvas").forEach((canvas) => {
    const name = canvas.dataset.gate;
    const values = trace.values[name];
    const isGate = trace.gates.includes(name) && GATES.has(name);
    drawMap(canvas, values, trace.time, order, rangeOf(values, isGate));
    canvas.setAttribute("aria-label", `Heat map of ${name}: ${trace.units} units, ${trace.time} ${page.noun}s. ` +
      "Arrow keys choose a unit and a step.");
    const readout = canvas.parentElement.nextElementSibling;
    if (isGate) {
      const [low, high] = saturation(values);
      const scale = colors() === DARK ? "Black is 0, bright is 1" : "White is 0, dark is 1";
      readout.textContent = `${scale}. ${percent(low)} of the values are below 0.1, ${percent(high)} above 0.9.`;
    } else readout.textContent = "Blue is positive, orange is negative.";
  });
}

/** Show one number of a heat map as text. */
function readGate(page, canvas, t, row) {
  const trace = page.traces[page.reader];
  const unit = page.order[row];
  const life = trace.values.keep ? ` (half-life ${lifeOf(page.lives[unit], page.noun)})` : "";
  const value = trace.values[canvas.dataset.gate][t * trace.units + unit];
  canvas.parentElement.nextElementSibling.textContent =
    `${stepName(page.steps[t], page.noun)}, unit ${unit + 1}${life}: ${canvas.dataset.gate} = ${short(value)}`;
}

function lifeOf(steps, noun) {
  return steps === Infinity ? "without end" : `${short(steps)} ${noun}s`;
}

/** Write all numbers as a table. */
function drawTable(page) {
  const trace = page.traces[page.reader];
  const hasBars = trace && trace.values.keep;
  const head = make("tr");
  const titles = ["Place", page.noun, ...page.methods.map((method) => capital(page.titles[method]))];
  if (hasBars) titles.push("Written", "Kept at the end", "Overwritten here");
  const gates = trace ? trace.gates : [];
  titles.push(...gates.map((name) => `Mean ${name}`));
  titles.forEach((title) => {
    const cell = make("th", "", title);
    cell.scope = "col";
    head.append(cell);
  });
  const rows = page.steps.map((step, t) => {
    const row = make("tr");
    row.append(make("td", "", String(t + 1)));
    const name = make("th", "left", tokenText(step));
    name.scope = "row";
    row.append(name);
    const numbers = page.methods.map((method) => page.effects[method]?.values[t] ?? NaN);
    if (hasBars) numbers.push(page.amounts.written[t], page.keptAtEnd[t], page.amounts.overwritten[t]);
    numbers.push(...gates.map((gate) => meanAt(trace, gate, t)));
    numbers.forEach((value) => row.append(make("td", "", short(value))));
    return row;
  });
  const body = make("tbody");
  body.append(...rows);
  const header = make("thead");
  header.append(head);
  const caption = make("caption", "soft left", trace ? `Gates and bars: ${trace.title}` : "");
  find("table").replaceChildren(caption, header, body);
}
