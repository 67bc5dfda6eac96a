// Two pipelines or sweep points side by side: their clouds at the step of the slider, and their lines of the summary.
const pair = { box: document.getElementById('pair'), columns: [], selects: [] };

// Everything that can be chosen, by its number: its name, its run with clouds, its line of the summary.
const candidates = new Map();
for (const row of document.querySelectorAll('#summary tr[data-point]')) {
  const [table, number] = [row.closest('table'), Number(row.dataset.of)];
  if (table === document.querySelector('#summary table') && row.dataset.of) candidates.set(number, { row });
}
for (const run of runs) {
  for (const side of run.sides) {
    if (side.of !== null) candidates.set(side.of, { ...candidates.get(side.of), run, side });
  }
}
for (const [number, candidate] of candidates) {
  const count = study.pipelines.length + 1;
  const parts = [study.pipelines[number % count].name, study.names[Math.floor(number / count)]];
  candidate.name = parts.filter((part) => part).join(', ');
  candidate.colour = study.pipelines[number % count].colour;
}

// Fills the lists with what passes the filter; what was chosen stays where it can.
function fillPair() {
  if (!pair.box || candidates.size < 2) return;
  const open = [...candidates].filter(([number]) => passes(number));
  pair.selects.forEach((select, which) => {
    const before = select.value;
    select.replaceChildren();
    for (const [number, candidate] of open) {
      const option = add(select, 'option', '', candidate.name);
      option.value = number;
    }
    const stays = open.some(([number]) => String(number) === before);
    if (stays) select.value = before;
    else if (open.length) select.value = open[Math.min(which, open.length - 1)][0];
  });
  showPair();
}

// Shows what is chosen.
function showPair() {
  const two = pair.selects.map((select) => candidates.get(Number(select.value)));
  pair.clouds.replaceChildren();
  pair.columns = two.map((one) => {
    const box = add(pair.clouds, 'div', 'side');
    if (!one) return { words: add(box, 'p', 'muted', 'Nothing passes the filter.') };
    add(box, 'h4', '', one.name).style.color = `var(--${one.colour})`;
    if (!one.side?.positions) {
      add(box, 'p', 'muted', 'The page has no cloud of it: it has those of some sweep points, evenly chosen.');
      return { words: null };
    }
    const made = makeCloud(box, one.run, one.side, `Samples of ${one.name} at the chosen step`);
    return { ...made, words: add(box, 'p', 'outside muted') };
  });
  pair.table.replaceChildren();
  const table = document.querySelector('#summary table');
  if (table && two.some((one) => one?.row)) {
    const heads = [...table.tHead.rows[0].cells];
    const top = add(add(pair.table, 'thead'), 'tr');
    add(top, 'th', 'words', 'last step');
    for (const one of two) add(top, 'th', '', one?.name ?? '').style.color = `var(--${one?.colour ?? 'ink'})`;
    const body = add(pair.table, 'tbody');
    heads.forEach((head, column) => {
      if (head.classList.contains('words')) return;
      const line = add(body, 'tr');
      add(line, 'td', 'words', head.textContent);
      for (const one of two) line.append(one?.row ? one.row.cells[column].cloneNode(true) : add(line, 'td'));
    });
  }
  layOutPair();
  if (sides.length) draw();
}

function layOutPair() {
  pair.columns.filter((column) => column.canvas).forEach(drawAxes);
}

// Draws the two clouds where this share of the reverse process is done.
function drawPair(share) {
  for (const column of pair.columns.filter((column) => column.canvas)) {
    const stop = Math.round(share * (column.stops.length - 1));
    const [own, end] = [column.stops[stop], column.stops[column.stops.length - 1]];
    const [outside, all] = cloud(column, column.clouds[stop]);
    const words = [`step ${own.step} of ${end.step}, t = ${own.t}`];
    if (outside) words.push(`${outside} of ${all} points lie outside`);
    column.words.textContent = words.join(' \u00b7 ');
  }
}

if (pair.box && candidates.size > 1) {
  add(pair.box, 'h3', '', 'Two side by side');
  const bar = add(pair.box, 'div', 'choices');
  pair.selects = ['left', 'right'].map((side) => {
    const label = add(bar, 'label', '', `${side} `);
    const select = add(label, 'select');
    select.id = `pair-${side}`;
    // A page that is loaded again shows its first choice, and the list is to say the same.
    select.autocomplete = 'off';
    select.addEventListener('change', showPair);
    return select;
  });
  pair.clouds = add(pair.box, 'div', 'two');
  pair.table = add(add(add(add(pair.box, 'div', 'box'), 'div', 'edge'), 'div', 'scroll'), 'table', 'compared');
  pair.table.parentNode.tabIndex = 0;
  pair.table.parentNode.setAttribute('aria-label', 'The last step of both');
}
