// The curves of the figures: zoom along x, and legends whose entries show and hide series. The pictures stay the
// ones that were drawn: zooming moves their own paths.
const plots = JSON.parse(document.getElementById('plots').textContent);
const lists = [];
function numbers(list) {
  if (list === null) return [];
  lists[list] ??= new Float32Array(bytes(plots.numbers[list]).buffer);
  return lists[list];
}

const drawings = plots.figures.map(makePlot);

// A figure with what its parts are.
function makePlot(plot) {
  const box = document.querySelector(`figure[id="${CSS.escape(plot.name)}"]`);
  const svg = box.querySelector('svg');
  const figure = { ...plot, box, svg, hidden: new Set(), zoom: new Map() };
  const groups = [...svg.querySelectorAll('g.p')];
  figure.panels = plot.panels.map(({ curves, marks: all }, i) => {
    const group = groups[i];
    const marks = [...group.querySelectorAll('g.m')].map((g, k) => ({
      of: [],
      ...all[k],
      g,
      paths: [...g.querySelectorAll('path')].map((path) => ({ path, drawn: path.getAttribute('d') })),
    }));
    if (!curves) return { figure, group, marks };
    const [left, top, width, height] = curves.at;
    const [x, y] = [curves.x, curves.y].map((axis) => plots.axes[axis]);
    const made = { ...curves, x, y, figure, group, marks, left, top, width, height, names: [...group.querySelectorAll('g.n')] };
    made.ticks = ['x', 'y'].map((axis) => ({ g: group.querySelector(`g.t${axis}`), axis, moved: false }));
    for (const tick of made.ticks) tick.kept = [...tick.g.childNodes];
    const upright = [...group.querySelectorAll(':scope > text[transform]')];
    made.nameEnd = Math.max(0, ...upright.map((text) => Number(text.getAttribute('x')) + 8));
    made.zooms = !curves.turned && typeof x.scale !== 'object';
    [made.xKey, made.yKey] = [curves.x, curves.y];
    [made.xRange, made.yRange] = [[0, 1], [0, 1]];
    listen(made);
    return made;
  });
  if (figure.panels.some((panel) => panel.ticks)) {
    // A picture whose parts can be reached is a group of them.
    svg.setAttribute('role', 'group');
    svg.setAttribute('aria-label', svg.querySelector('title').textContent);
    svg.querySelector('title').remove();
    makeLegend(figure);
  }
  return figure;
}

// Buttons above a figure: one for each series, and those of the zoom.
function makeLegend(figure) {
  const bar = document.createElement('div');
  bar.className = 'legend';
  figure.box.prepend(bar);
  bar.setAttribute('role', 'group');
  bar.setAttribute('aria-label', 'Series: a press hides or shows one, a double click or Alt with a press shows it alone');
  bar.title = 'Click: hide or show. Double click, or Alt and click: this one alone.';
  figure.buttons = figure.series.map((series, number) => {
    const made = button(bar, '', (event) => {
      if (event.altKey) alone(figure, number);
      else if (!figure.hidden.delete(number)) figure.hidden.add(number);
      drawPlot(figure);
    });
    const swatch = add(made, 'i', series.dashed ? 'dashed' : '');
    swatch.style.color = series.colour;
    add(made, 'span', '', series.name);
    made.addEventListener('dblclick', () => { alone(figure, number); drawPlot(figure); });
    return made;
  });
  if (!figure.panels.some((panel) => panel.zooms)) return;
  const zooms = add(bar, 'span', 'zooms');
  const about = (factor) => () => {
    // Each axis once, however many panels share it.
    const axes = new Map(figure.panels.filter((panel) => panel.zooms).map((panel) => [panel.xKey, panel]));
    for (const panel of axes.values()) zoomAbout(panel, 0.5, factor);
    drawPlot(figure);
  };
  button(zooms, '+', about(0.5)).setAttribute('aria-label', 'Zoom in along x');
  button(zooms, '\u2212', about(2)).setAttribute('aria-label', 'Zoom out along x');
  figure.reset = button(zooms, 'Reset zoom', () => { figure.zoom.clear(); drawPlot(figure); });
  figure.reset.className = 'reset';
}

// Shows one series alone; all of them where it was alone already.
function alone(figure, number) {
  const others = figure.series.map((_, other) => other).filter((other) => other !== number);
  const was = !figure.hidden.has(number) && others.every((other) => figure.hidden.has(other));
  figure.hidden = new Set(was ? [] : others);
}

// Enlarges a panel's axis of abscissas, and equal ones of its figure, by a factor about a place on what is seen of it.
function zoomAbout(panel, place, factor) {
  const { zoom } = panel.figure;
  const [low, high] = zoom.get(panel.xKey) ?? [0, 1];
  const middle = low + place * (high - low);
  setZoom(panel, middle - factor * (middle - low), middle + factor * (high - middle));
}

function setZoom(panel, low, high) {
  const { zoom } = panel.figure;
  [low, high] = [Math.max(0, low), Math.min(1, high)];
  if (low <= 0 && high >= 1) zoom.delete(panel.xKey);
  else if (high - low > 1e-5) zoom.set(panel.xKey, [low, high]);
}

const matches = (mark) => !mark.of.length || mark.of.some(passes);
const isShown = (panel, mark) => matches(mark) && !panel.figure.hidden.has(mark.series);

// The points of a mark that pass the filter, as fractions of the panel's whole axes.
function spots(panel, mark) {
  if (!mark.lists) return [];
  const [x, y, low, high] = mark.lists.map(numbers);
  const [along, up] = panel.turned ? [panel.y, panel.x] : [panel.x, panel.y];
  const found = [];
  for (let i = 0; i < x.length; i++) {
    if (mark.of.length > 1 && !passes(mark.of[i])) continue;
    const spot = { i, x: x[i], y: y[i], low: low[i], high: high[i], along: position(along, x[i]), up: position(up, y[i]) };
    if (Number.isFinite(spot.along) && Number.isFinite(spot.up)) found.push(spot);
  }
  return found;
}

// Where a point is drawn.
function pixel(panel, spot) {
  const [h, v] = panel.turned ? [spot.up, spot.along] : [spot.along, spot.up];
  const part = (value, [low, high]) => (value - low) / (high - low);
  return [panel.left + panel.width * part(h, panel.xRange), panel.top + panel.height * (1 - part(v, panel.yRange))];
}

function drawPlots() {
  drawings.forEach(drawPlot);
}

// Draws a figure anew: what is hidden, what passes the filter, and what part of the axes is seen.
function drawPlot(figure) {
  hideTip();
  const belonging = figure.panels.flatMap((panel) => panel.marks).filter((mark) => mark.of.length);
  figure.box.hidden = belonging.length > 0 && !belonging.some(matches);
  figure.buttons?.forEach((button, number) => {
    button.setAttribute('aria-pressed', !figure.hidden.has(number));
    const own = figure.panels.flatMap((panel) => panel.marks).filter((mark) => mark.series === number);
    button.hidden = !own.some(matches);
  });
  if (figure.reset) figure.reset.hidden = figure.zoom.size === 0;
  if (figure.box.hidden) return;
  for (const panel of figure.panels) {
    if (panel.ticks) panel.xRange = figure.zoom.get(panel.xKey) ?? [0, 1];
    const own = panel.marks.filter((mark) => mark.of.length);
    panel.group.classList.toggle('empty', own.length > 0 && !own.some(matches));
  }
  const fits = new Map();
  for (const panel of figure.panels) {
    if (!panel.ticks) {
      for (const mark of panel.marks) mark.g.classList.toggle('off', !matches(mark));
      continue;
    }
    if (!fits.has(panel.yKey)) fits.set(panel.yKey, fitted(figure, panel.yKey));
    panel.yRange = fits.get(panel.yKey);
    drawPanel(panel);
  }
}

// What part of an axis of ordinates holds the points that are seen; the whole of it where nothing is enlarged.
function fitted(figure, yKey) {
  const panels = figure.panels.filter((panel) => panel.ticks && panel.yKey === yKey);
  if (!panels.some((panel) => panel.zooms && figure.zoom.has(panel.xKey))) return [0, 1];
  let [low, high] = [Infinity, -Infinity];
  for (const panel of panels) {
    for (const mark of panel.marks.filter((mark) => !mark.aside && isShown(panel, mark))) {
      for (const spot of spots(panel, mark)) {
        if (spot.along < panel.xRange[0] || spot.along > panel.xRange[1]) continue;
        for (const end of [spot.up, spot.low, spot.high].map((v, k) => (k ? position(panel.y, v) : v))) {
          if (Number.isFinite(end)) [low, high] = [Math.min(low, end), Math.max(high, end)];
        }
      }
    }
  }
  const room = 0.06 * Math.max(high - low, 0.01);
  [low, high] = [Math.max(0, low - room), Math.min(1, high + room)];
  return high - low > 1e-6 ? [low, high] : [0, 1];
}

function drawPanel(panel) {
  const zoomed = [panel.xRange, panel.yRange].some(([low, high]) => low > 0 || high < 1);
  panel.marks.forEach((mark) => {
    mark.g.classList.toggle('off', !isShown(panel, mark));
    const some = mark.of.length > 1 && !mark.of.every(passes);
    if (!zoomed && !some && !mark.moved) return;
    for (const { path, drawn } of mark.paths) path.setAttribute('d', zoomed || some ? moved(panel, mark, drawn, some) : drawn);
    mark.moved = zoomed || some;
  });
  // Names stand at the ends of lines, which are elsewhere while a part is enlarged.
  for (const name of panel.names) {
    name.classList.toggle('off', zoomed || !isShown(panel, panel.marks[Number(name.dataset.n)]));
  }
  panel.ticks.forEach(({ g, axis, kept }, which) => {
    const [low, high] = which ? panel.yRange : panel.xRange;
    const whole = low === 0 && high === 1;
    if (whole && !panel.ticks[which].moved) return;
    panel.ticks[which].moved = !whole;
    g.replaceChildren(...(whole ? kept : []));
    if (whole) return;
    const [ends, length] = [panel[axis], which ? panel.height : panel.width];
    // Fewer ticks where their labels would be longer than there is room for, each letter some 7 pixels wide.
    const letters = which ? (panel.left - 6 - panel.nameEnd) / 6.6 : Infinity;
    const ticks = (count) => ticksBetween(ends, valueAt(ends, low), valueAt(ends, high), count);
    const most = Math.max(2, length / (which ? 46 : 76));
    let found = ticks(most);
    for (let count = most - 1; count >= 1 && found.some(([, label]) => label.length > letters); count--) {
      const fewer = ticks(count);
      if (fewer.length > 1) found = fewer;
    }
    for (const [value, label] of found) {
      const part = (position(ends, value) - low) / (high - low);
      const [right, bottom] = [panel.left + panel.width, panel.top + panel.height];
      const [x, y] = [panel.left + panel.width * part, bottom - panel.height * part];
      mark(g, 'line', which ? { class: 'grid', x1: panel.left, x2: right, y1: y, y2: y } : { class: 'grid', x1: x, x2: x, y1: panel.top, y2: bottom });
      if (g.dataset.n !== '1') continue;
      const place = which ? { x: panel.left - 6, y: y + 4, 'text-anchor': 'end' } : { x, y: bottom + 18.5, 'text-anchor': 'middle' };
      const text = mark(g, 'text', { class: 'tick', ...place }, label);
      // A label that is too long for the space beside the name of the axis is smaller.
      const [long, room] = [which ? text.getComputedTextLength() : 0, panel.left - 6 - panel.nameEnd];
      if (long > room) text.style.fontSize = `${Math.max(8, (11.5 * room) / long)}px`;
    }
  });
}

// A path of a mark where what is seen of the axes fills the panel; of a mark with an origin for each point without those
// that the filter hides.
function moved(panel, mark, drawn, some) {
  const corners = [...drawn.matchAll(/([MLZh])(?:(-?[\d.]+)(?: (-?[\d.]+))?)?/g)];
  const each = corners.filter(([, letter]) => letter === 'M' || letter === 'L').length / mark.of.length;
  const [x0, x1] = panel.xRange;
  const [y0, y1] = panel.yRange;
  let [text, number, pen] = ['', 0, null];
  for (const [all, letter, x, y] of corners) {
    if (letter === 'Z' || letter === 'h') {
      if (text && pen) text += all;
      continue;
    }
    const here = !some || passes(mark.of[Math.min(Math.floor(number / each), mark.of.length - 1)]);
    number++;
    if (!here) { if (letter === 'M') pen = null; continue; }
    const h = panel.left + panel.width * (((x - panel.left) / panel.width - x0) / (x1 - x0));
    const v = panel.top + panel.height * (1 - (1 - (y - panel.top) / panel.height - y0) / (y1 - y0));
    pen = letter === 'M' || !pen ? 'M' : 'L';
    text += `${pen}${h.toFixed(2)} ${v.toFixed(2)}`;
  }
  return text;
}
