// The table of a translation's attention: its numbers by pointer and keyboard.

/** Make the cells readable by pointer and arrow keys, as a grid with one stop of the Tab key. */
function setUpAlignment() {
  const table = document.querySelector(".alignment");
  if (!table) return;
  table.setAttribute("role", "grid");
  table.setAttribute("aria-labelledby", "alignment-title");
  const rows = Array.from(table.tBodies[0].rows, (row) => Array.from(row.querySelectorAll("td[title]")));
  const titles = new Map(rows.flat().map((cell) => [cell, cell.title]));
  let current = (table.querySelector(".chosen td[title]") || rows[0][0]);
  const move = (cell) => {
    current.tabIndex = -1;
    current = cell;
    current.tabIndex = 0;
  };
  const say = (cell) => { find("cell").textContent = titles.get(cell); };
  for (const [cell, title] of titles) {
    cell.tabIndex = -1;
    cell.setAttribute("aria-label", title);
  }
  move(current);
  table.addEventListener("focusin", (event) => {
    if (!titles.has(event.target)) return;
    move(event.target);
    say(event.target);
  });
  table.addEventListener("pointerover", (event) => {
    if (titles.has(event.target)) say(event.target);
  });
  table.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9] };
    if (!(event.key in moves) || !titles.has(event.target)) return;
    const within = (place, count) => Math.max(0, Math.min(count - 1, place));
    const [down, right] = moves[event.key];
    const row = rows.findIndex((cells) => cells.includes(event.target));
    const column = rows[row].indexOf(event.target) + right;
    rows[within(row + down, rows.length)][within(column, rows[row].length)].focus();
    event.preventDefault();
  });
}
