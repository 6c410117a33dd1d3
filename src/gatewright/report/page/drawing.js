// Heat maps and line charts on canvases, with colors that color-blind readers can tell apart.

const LIGHT = {
  empty: [255, 255, 255], high: [8, 69, 148], low: [190, 84, 4], ink: "#1f2933", soft: "#566270", rule: "#d5dae0",
  lines: ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555", "#56B4E9", "#B07D00"],
};
const DARK = {
  empty: [20, 24, 29], high: [140, 196, 255], low: [255, 170, 84], ink: "#e6e9ed", soft: "#a9b3be", rule: "#39424c",
  lines: ["#6cb8f0", "#ff9f5a", "#4fd0a5", "#eba6cb", "#bbbbbb", "#9bd7ff", "#e8c04a"],
};
const darkMode = window.matchMedia("(prefers-color-scheme: dark)");
let printing = false;

// Margins of a chart, in rem.
const CHART_LEFT = 3.2, CHART_RIGHT = 0.6;

function colors() {
  return darkMode.matches && !printing ? DARK : LIGHT;
}

function mix(from, to, share) {
  return from.map((value, k) => value + (to[k] - value) * share);
}

/** Set the size of a canvas to its place on the page, in pixels of the screen. Return its context and size. */
function prepareCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, canvas.clientWidth), height = Math.max(1, canvas.clientHeight);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}

/** Return the lowest and the highest color value: 0 and 1 for gates, otherwise symmetric about 0. */
function rangeOf(values, isGate) {
  if (isGate) return [0, 1];
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return [-(largest || 1), largest || 1];
}

/** Draw values [time, units] with a column for each step and a row for each unit, in the order given. */
function drawMap(canvas, values, time, order, range) {
  canvas.width = Math.max(1, time);
  canvas.height = order.length;
  if (!time) return;
  const context = canvas.getContext("2d");
  const image = context.createImageData(time, order.length);
  const { empty, high, low } = colors();
  const units = order.length;
  const [bottom, top] = range;
  for (let row = 0; row < units; row++)
    for (let t = 0; t < time; t++) {
      const value = values[t * units + order[row]];
      const share = bottom < 0 ? value / top : (value - bottom) / (top - bottom);
      const strength = Math.min(1, Math.abs(share));
      const end = share < 0 ? low : high;
      const at = 4 * (row * time + t);
      for (let k = 0; k < 3; k++) image.data[at + k] = empty[k] + (end[k] - empty[k]) * strength;
      image.data[at + 3] = 255;
    }
  context.putImageData(image, 0, 0);
}

/**
 * Draw lines over the steps.
 *
 * lines: a list of {values, label}. range: the lowest and the highest value. mark: a value with a horizontal line, or
 * null. head: the step of the reading head. label: a function that names a value.
 */
function drawChart(canvas, lines, range, mark, head, label = short) {
  const { context, width, height } = prepareCanvas(canvas);
  const palette = colors();
  const [low, high] = range;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const left = CHART_LEFT * rem, right = CHART_RIGHT * rem, top = 0.6 * rem, bottom = 0.6 * rem;
  const time = lines[0].values.length;
  const x = (t) => left + ((t + 0.5) / Math.max(1, time)) * (width - left - right);
  const y = (value) => top + (1 - (value - low) / (high - low || 1)) * (height - top - bottom);
  context.clearRect(0, 0, width, height);
  context.font = `${0.75 * rem}px system-ui, sans-serif`;
  context.fillStyle = palette.soft;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of mark === null ? [low, high] : [low, mark, high]) {
    context.fillText(label(value), left - 0.4 * rem, y(value));
    line(context, palette.rule, 1, [[left, y(value)], [width - right, y(value)]]);
  }
  line(context, palette.ink, 1, [[x(head), 0], [x(head), height]]);
  lines.forEach(({ values }, index) => {
    const points = Array.from(values, (value, t) => [x(t), y(value)]);
    line(context, palette.lines[index % palette.lines.length], 0.12 * rem, points);
  });
}

function line(context, color, width, points) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.beginPath();
  let drawing = false;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) drawing = false;
    else if (drawing) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      drawing = true;
    }
  }
  context.stroke();
}

/** Return the index of the step under a pointer. A chart has margins on both sides. */
function stepAt(canvas, event, time) {
  const box = canvas.getBoundingClientRect();
  const rem = canvas.classList.contains("chart") ? parseFloat(getComputedStyle(document.documentElement).fontSize) : 0;
  const left = CHART_LEFT * rem, right = CHART_RIGHT * rem;
  const share = (event.clientX - box.left - left) / (box.width - left - right);
  return Math.min(time - 1, Math.max(0, Math.floor(share * time)));
}
