// Inside the reverse process. Points of each cloud are pairs of 16-bit numbers across the axes; the curves are rows of
// the tables, and `at` names the row of each stop of the slider.
const runs = JSON.parse(document.getElementById('runs').textContent);
const OUTSIDE = 65535;
// Of a small curve, in pixels: a line of names above it, the curve, what is left, right and below.
const NAME = 14, PLOT = 86, LEFT = 46, RIGHT = 8, BELOW = 33;
const stage = document.getElementById('sides');
const slider = document.getElementById('step');
const play = document.getElementById('play');
const shownStep = document.getElementById('shown-step');
const choice = document.getElementById('run');
let sides = [];
let behind = [];
let contours = [];
let timer = null;

function points(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const numbers = new Uint16Array(bytes.length / 2);
  for (let i = 0; i < numbers.length; i++) numbers[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
  return numbers;
}

// An element of the page below another one.
function add(parent, name, classes, text) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

const graphics = (() => {
  const template = document.createElement('template');
  template.innerHTML = '<svg></svg>';
  return template.content.firstChild.namespaceURI;
})();

// An element of a drawing below another one.
function mark(parent, name, attributes, text) {
  const made = document.createElementNS(graphics, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

// Where a value lies on an axis: 0 at its beginning, 1 at its end.
function position(axis, value) {
  const scaled = axis.scale === 'log' ? Math.log : Number;
  return (scaled(value) - scaled(axis.low)) / (scaled(axis.high) - scaled(axis.low));
}
const within = (fraction) => Math.min(1, Math.max(0, fraction));

// A value with four digits.
function written(value) {
  const text = value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(3) : value.toPrecision(4);
  return text.replaceAll('-', '\u2212').replace('e+', 'e');
}

function show(index) {
  const run = runs[index];
  behind = points(run.behind);
  contours = run.contours.map(points);
  stage.replaceChildren();
  const clouds = run.sides.some((side) => side.positions);
  const words = run.sides.some((side) => side.words);
  sides = run.sides.map((side) => {
    const box = add(stage, 'div', 'side');
    const title = add(box, 'h3', '', side.name);
    title.style.color = `var(--${side.colour})`;
    const parts = add(box, 'div', 'parts');
    const made = { ...side, positions: points(side.positions), canvas: null, outside: null };
    if (clouds) {
      const cloud = add(parts, 'div', 'cloud');
      if (side.positions) {
        made.canvas = add(cloud, 'canvas');
        made.canvas.setAttribute('role', 'img');
        made.canvas.setAttribute('aria-label', `Samples of the ${side.name} pipeline at the chosen step`);
      } else {
        add(cloud, 'div', 'none', 'No cloud of this pipeline.');
      }
      made.outside = add(cloud, 'p', 'outside');
      if (words) add(cloud, 'p', 'words muted', side.words);
    } else if (words) {
      add(box, 'p', 'words muted', side.words);
    }
    // A quantity that this pipeline does not have is left out: they come in one order.
    made.plots = run.panels.flatMap((panel, k) => {
      const curve = side.curves[k];
      if (!curve) return [];
      const plot = add(parts, 'div', 'curve');
      Object.assign(plot.dataset, { pipeline: side.pipeline, column: panel.column, place: panel.place });
      add(plot, 'p', 'what', panel.title).title = panel.title;
      const line = add(plot, 'p', 'read');
      const value = add(line, 'strong');
      value.style.color = `var(--${side.colour})`;
      const where = add(line, 'span', 'muted where');
      if (panel.y.label) add(line, 'span', 'muted scale', panel.y.label);
      if (panel.level) add(line, 'span', 'muted level', panel.level[0]);
      return [{ plot, panel, curve, value, where }];
    });
    return made;
  });
  const last = run.stops.length - 1;
  slider.max = last;
  slider.value = Math.min(slider.value, last);
  layOut();
}

// Draws what stays as it is when the slider moves: axes, fixed lines and curves, as wide as there is room.
function layOut() {
  // Names of fixed lines have as many lines of their own as any pipeline needs, so that curves stand side by side.
  const rows = Math.max(0, ...sides.map((side) => side.guides.length));
  for (const side of sides) {
    for (const drawn of side.plots) {
      const { plot, panel, curve } = drawn;
      plot.querySelector('svg')?.remove();
      const [width, top] = [plot.clientWidth, NAME * rows + 4];
      const height = top + PLOT + BELOW;
      const wide = Math.max(1, width - LEFT - RIGHT);
      const svg = mark(plot, 'svg', { width, height, role: 'img', 'aria-label': `${side.name}: ${panel.title}` });
      const x = (value) => LEFT + wide * position(curve.axis, value);
      const y = (value) => top + PLOT * (1 - position(panel.y, value));
      for (const [value, label] of panel.y.ticks) {
        mark(svg, 'line', { class: 'grid', x1: LEFT, x2: LEFT + wide, y1: y(value), y2: y(value) });
        mark(svg, 'text', { x: LEFT - 5, y: y(value) + 3.5, 'text-anchor': 'end' }, label);
      }
      for (const [value, label] of curve.axis.ticks) {
        const at = x(value);
        mark(svg, 'line', { class: 'grid', x1: at, x2: at, y1: top + PLOT, y2: top + PLOT + 3 });
        // The last label stays within the drawing.
        const middle = Math.min(at, width - 3.2 * label.length);
        mark(svg, 'text', { x: middle, y: top + PLOT + 16, 'text-anchor': 'middle' }, label);
      }
      mark(svg, 'text', { x: LEFT + wide / 2, y: height - 3, 'text-anchor': 'middle' }, curve.axis.label);
      const places = side.guides.map((guide) => (panel.over === 'step' ? guide.step : guide.t));
      const across = (value) => LEFT + wide * within(position(curve.axis, value));
      side.guides.forEach((guide, row) => {
        if (places[row] === null) return;
        const at = across(places[row]);
        // A name stands on the side that the line above it leaves free, or else on the broader one.
        const [length, above] = [5.8 * guide.name.length, row > 0 && places[0] !== null ? across(places[0]) : null];
        let left = above === null ? at > LEFT + wide / 2 : at < above;
        if (left ? at < length : at > width - length) left = !left;
        mark(svg, 'line', { class: `guide guide${row}`, x1: at, x2: at, y1: NAME * row + 4, y2: top + PLOT });
        mark(svg, 'text', {
          x: at + (left ? -4 : 4), y: NAME * row + 12, 'text-anchor': left ? 'end' : 'start',
        }, guide.name);
      });
      // What leaves the axes is cut off by the inner drawing.
      const inner = mark(svg, 'svg', { x: LEFT, y: top, width: wide, height: PLOT });
      if (panel.level) {
        const at = y(panel.level[1]) - top;
        mark(inner, 'line', { class: 'level', x1: 0, x2: wide, y1: at, y2: at });
      }
      const corners = curve.x.map((value, i) => `${(x(value) - LEFT).toFixed(1)},${(y(curve.y[i]) - top).toFixed(1)}`);
      const line = mark(inner, 'polyline', { points: corners.join(' ') });
      line.style.stroke = `var(--${side.colour})`;
      drawn.line = mark(svg, 'line', { class: 'at', y1: top, y2: top + PLOT });
      drawn.dot = mark(svg, 'circle', { class: 'dot', r: 4 });
      drawn.dot.style.fill = `var(--${side.colour})`;
      drawn.across = across;
      drawn.up = (value) => top + PLOT * (1 - within(position(panel.y, value)));
    }
  }
  draw();
}

// Draws what the slider moves: clouds, markers, and the values at them.
function draw() {
  if (!sides.length) return;
  const stop = Number(slider.value);
  const run = runs[choice ? choice.value : 0];
  const last = run.stops[run.stops.length - 1];
  const here = run.stops[stop];
  shownStep.textContent = `step ${here.step} of ${last.step}, t = ${here.t}`;
  slider.setAttribute('aria-valuetext', shownStep.textContent);
  for (const side of sides) {
    const own = side.stops[stop];
    const end = side.stops[side.stops.length - 1];
    const words = [];
    if (end.step === 0) words.push('No reverse step');
    else if (end.step !== last.step) words.push(`Step ${own.step} of ${end.step}, t = ${own.t}`);
    if (side.canvas) {
      const [outside, all] = cloud(side, side.clouds[stop]);
      if (outside) words.push(`${outside} of ${all} points lie outside`);
    }
    if (side.outside) side.outside.textContent = words.join(' \u00b7 ');
    for (const drawn of side.plots) {
      const { panel, curve } = drawn;
      const row = curve.at[stop];
      const place = panel.over === 'step' ? own.step : own.t;
      const [x, y] = [curve.x[row], curve.y[row]];
      drawn.line.setAttribute('x1', drawn.across(place));
      drawn.line.setAttribute('x2', drawn.across(place));
      drawn.dot.setAttribute('cx', drawn.across(x));
      drawn.dot.setAttribute('cy', drawn.up(y));
      drawn.value.textContent = written(y);
      Object.assign(drawn.value.dataset, { value: y, row: x });
      // The nearest row of the table may belong to another step.
      drawn.where.textContent = x === place ? '' : panel.over === 'step' ? `at step ${x}` : `at t = ${x}`;
    }
  }
}

// Draws one cloud; how many of its points lie outside of the axes, and how many it has.
function cloud(side, number) {
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`);
  const pixels = Math.round(side.canvas.clientWidth * (window.devicePixelRatio || 1));
  if (side.canvas.width !== pixels) side.canvas.width = side.canvas.height = pixels;
  const pen = side.canvas.getContext('2d');
  pen.clearRect(0, 0, pixels, pixels);
  const at = (position) => (position / (OUTSIDE - 1)) * pixels;
  // Whole pixels: a dot between them would be pale.
  const size = Math.max(2, Math.round(pixels / 190));
  const dots = (positions, begin, end, fill) => {
    pen.fillStyle = fill;
    for (let i = begin; i < end; i += 2) {
      if (positions[i] === OUTSIDE) continue;
      const [x, y] = [at(positions[i]), pixels - at(positions[i + 1])];
      pen.fillRect(Math.round(x - size / 2), Math.round(y - size / 2), size, size);
    }
  };
  dots(behind, 0, behind.length, colour('grid'));
  const each = side.positions.length / (side.clouds[side.clouds.length - 1] + 1);
  const [begin, end] = [number * each, (number + 1) * each];
  dots(side.positions, begin, end, colour(side.colour));
  pen.strokeStyle = colour('quiet');
  pen.lineWidth = Math.max(1, pixels / 420);
  for (const line of contours) {
    pen.beginPath();
    for (let i = 0; i < line.length; i += 2) pen.lineTo(at(line[i]), pixels - at(line[i + 1]));
    pen.stroke();
  }
  let outside = 0;
  for (let i = begin; i < end; i += 2) outside += side.positions[i] === OUTSIDE;
  return [outside, each / 2];
}

function stop() {
  clearInterval(timer);
  timer = null;
  play.textContent = 'Play';
}

if (runs.length) {
  slider.addEventListener('input', () => { stop(); draw(); });
  play.addEventListener('click', () => {
    if (timer) { stop(); return; }
    if (slider.value === slider.max) slider.value = 0;
    play.textContent = 'Pause';
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      draw();
      if (slider.value === slider.max) stop();
    }, 60);
  });
  if (choice) choice.addEventListener('change', () => show(choice.value));
  window.addEventListener('resize', layOut);
  slider.value = 0;
  show(choice ? choice.value : 0);
}
