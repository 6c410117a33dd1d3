// The reading head: where it is, and how it moves. `page` is the state of the page in main.js.

let timer = null; // of reading step by step

/** Move the reading head to step t. */
function setHead(t) {
  page.head = Math.max(0, Math.min(page.steps.length - 1, t));
  colorWords(page);
  moveHead(page);
  drawSoFar(page);
  drawNumbers(page);
  drawGradients(page);
  wordAtHead();
}

/** Return the number of the step at the reading head, in the order in which the chosen layer reads. */
function headNumber() {
  const trace = page.traces[page.reader];
  return trace ? readAs(trace, page.head) : page.head;
}

/** Move the reading head to the step that the chosen layer reads as number k. */
function setHeadNumber(k) {
  const trace = page.traces[page.reader];
  const inside = Math.max(0, Math.min(page.steps.length - 1, k));
  setHead(trace ? readAs(trace, inside) : inside);
}

/** Move the reading head past the next step, or past a whole run of padding. Return false at the end. */
function readOn() {
  const trace = page.traces[page.reader];
  const last = page.steps.length - 1;
  let k = headNumber();
  do k++;
  while (k < last && page.runs[trace ? readAs(trace, k) : k] === page.runs[page.head]);
  if (k <= last) setHeadNumber(k);
  return k < last;
}

/** Move the reading head by words of the text. A run of padding is one word. */
function moveWord(count) {
  const words = [...new Set(page.runs)];
  const place = words.indexOf(page.runs[page.head]) + count;
  setHead(words[Math.max(0, Math.min(words.length - 1, place))] ?? 0);
}

/** Start or stop reading the text step by step. */
function play() {
  const button = find("play");
  const stop = () => {
    clearInterval(timer);
    timer = null;
    find("detail").setAttribute("aria-live", "polite");
    button.textContent = "Read step by step";
  };
  if (timer) {
    stop();
    return;
  }
  button.textContent = "Stop";
  find("detail").setAttribute("aria-live", "off"); // it changes several times a second
  if (headNumber() === page.steps.length - 1) setHeadNumber(0);
  timer = setInterval(() => {
    if (!readOn()) stop();
  }, 350);
}
