// Inside the reverse process. Points of each cloud are pairs of 16-bit numbers across the axes; the curves are rows of
// the tables, and `at` names the row of each stop of the slider.
const OUTSIDE = 65535;
const PLOT = 86; // height of a small curve, in pixels
const stage = document.getElementById('sides');
const slider = document.getElementById('step');
const play = document.getElementById('play');
const shownStep = document.getElementById('shown-step');
const choice = document.getElementById('run');
let sides = [];
let timer = null;

// The size of the letters of small drawings, in pixels: larger where the whole page is narrow.
const letters = () => (innerWidth <= 600 ? 14 : 11.5);

function points(text) {
  const raw = bytes(text);
  const numbers = new Uint16Array(raw.length / 2);
  for (let i = 0; i < numbers.length; i++) numbers[i] = raw[2 * i] | (raw[2 * i + 1] << 8);
  return numbers;
}

// A cloud of a pipeline with its axes, below an element.
function makeCloud(parent, run, side, what) {
  const frame = add(parent, 'div', 'frame');
  const canvas = add(frame, 'canvas');
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', what);
  return { ...side, run, frame, canvas, positions: points(side.positions), behind: points(run.behind), contours: run.contours.map(points) };
}

// Draws the axes of a cloud around it, as large as there is room.
function drawAxes(cloud) {
  cloud.frame.querySelector('svg')?.remove();
  const size = letters();
  const [across, up] = cloud.run.axes;
  const widest = Math.max(0, ...up.ticks.map(([, label]) => label.length));
  const [left, below] = [0.62 * size * widest + 8 + (up.label ? 1.5 * size : 0), 1.5 * size + (across.label ? 1.5 * size : 0) + 4];
  cloud.frame.style.padding = `${size / 2}px ${size / 2}px ${below}px ${left}px`;
  const [width, height] = [cloud.frame.clientWidth, cloud.frame.clientHeight];
  const [top, plot] = [size / 2, width - left - size / 2];
  const svg = mark(cloud.frame, 'svg', { width, height, class: 'axes', 'aria-hidden': 'true', 'font-size': size });
  let free = -Infinity;
  for (const [value, label] of across.ticks) {
    const at = left + plot * position(across, value);
    mark(svg, 'line', { x1: at, x2: at, y1: top + plot, y2: top + plot + 4 });
    // A label that would touch the one before it is left out.
    const half = 0.31 * size * label.length;
    if (at - half < free || at + half > width) continue;
    mark(svg, 'text', { x: at, y: top + plot + 4 + size, 'text-anchor': 'middle', class: 'across' }, label);
    free = at + half + 4;
  }
  for (const [value, label] of up.ticks) {
    const at = top + plot * (1 - position(up, value));
    mark(svg, 'line', { x1: left - 4, x2: left, y1: at, y2: at });
    mark(svg, 'text', { x: left - 6, y: at + 0.36 * size, 'text-anchor': 'end', class: 'up' }, label);
  }
  mark(svg, 'text', { x: left + plot / 2, y: height - 3, 'text-anchor': 'middle', class: 'name' }, across.label);
  const [x, y] = [size, top + plot / 2];
  mark(svg, 'text', { x, y, 'text-anchor': 'middle', class: 'name', transform: `rotate(-90 ${x} ${y})` }, up.label);
}

function show(index) {
  const run = runs[index];
  stage.replaceChildren();
  const clouds = run.sides.some((side) => side.positions);
  const words = run.sides.some((side) => side.words);
  sides = run.sides.map((side) => {
    const box = add(stage, 'div', 'side');
    const title = add(box, 'h3', '', side.name);
    title.style.color = `var(--${side.colour})`;
    const parts = add(box, 'div', 'parts');
    let made = { ...side, run, positions: points(side.positions), canvas: null, outside: null };
    if (clouds) {
      const cloud = add(parts, 'div', 'cloud');
      if (side.positions) {
        made = { ...made, ...makeCloud(cloud, run, side, `Samples of the ${side.name} pipeline at the chosen step`) };
      } else {
        add(cloud, 'div', 'none', 'No cloud of this pipeline.');
      }
      made.outside = add(cloud, 'p', 'outside');
      if (words) add(cloud, 'p', 'words muted', side.words);
    } else if (words) {
      add(box, 'p', 'words muted', side.words);
    }
    made.box = box;
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
  const size = letters();
  const [name, left, right, below] = [1.33 * size, 4.4 * size, 8, 3.1 * size];
  // Names of fixed lines have as many lines of their own as any pipeline needs, so that curves stand side by side.
  const rows = Math.max(0, ...sides.map((side) => side.guides.length));
  for (const side of sides) {
    side.box.hidden = side.of !== null && !passes(side.of);
    if (side.box.hidden) continue;
    if (side.canvas) drawAxes(side);
    for (const drawn of side.plots) {
      const { plot, panel, curve } = drawn;
      plot.querySelector('svg')?.remove();
      const [width, top] = [plot.clientWidth, name * rows + 4];
      const height = top + PLOT + below;
      const wide = Math.max(1, width - left - right);
      const svg = mark(plot, 'svg', { width, height, role: 'img', 'aria-label': `${side.name}: ${panel.title}`, 'font-size': size });
      const x = (value) => left + wide * position(curve.axis, value);
      const y = (value) => top + PLOT * (1 - position(panel.y, value));
      let free = Infinity;
      for (const [value, label] of panel.y.ticks) {
        mark(svg, 'line', { class: 'grid', x1: left, x2: left + wide, y1: y(value), y2: y(value) });
        if (y(value) > free) continue;
        mark(svg, 'text', { x: left - 5, y: y(value) + 0.34 * size, 'text-anchor': 'end' }, label);
        free = y(value) - 1.25 * size;
      }
      // Labels stay within the drawing and apart from each other.
      let taken = [];
      for (const [value, label] of curve.axis.ticks) {
        const at = x(value);
        mark(svg, 'line', { class: 'grid', x1: at, x2: at, y1: top + PLOT, y2: top + PLOT + 3 });
        const half = 0.32 * size * label.length;
        const middle = Math.min(at, width - half);
        if (taken.some((other) => Math.abs(other.middle - middle) < other.half + half + 3)) continue;
        taken.push({ middle, half });
        mark(svg, 'text', { x: middle, y: top + PLOT + 1.45 * size, 'text-anchor': 'middle' }, label);
      }
      mark(svg, 'text', { x: left + wide / 2, y: height - 3, 'text-anchor': 'middle' }, curve.axis.label);
      const places = side.guides.map((guide) => (panel.over === 'step' ? guide.step : guide.t));
      const across = (value) => left + wide * within(position(curve.axis, value));
      side.guides.forEach((guide, row) => {
        if (places[row] === null) return;
        const at = across(places[row]);
        // A name stands on the side that the line above it leaves free, or else on the broader one.
        const [length, above] = [0.56 * size * guide.name.length, row > 0 && places[0] !== null ? across(places[0]) : null];
        let before = above === null ? at > left + wide / 2 : at < above;
        if (before ? at < length : at > width - length) before = !before;
        mark(svg, 'line', { class: `guide guide${row}`, x1: at, x2: at, y1: name * row + 4, y2: top + PLOT });
        mark(svg, 'text', {
          x: at + (before ? -4 : 4), y: name * row + 1.1 * size, 'text-anchor': before ? 'end' : 'start',
        }, guide.name);
      });
      // What leaves the axes is cut off by the inner drawing.
      const inner = mark(svg, 'svg', { x: left, y: top, width: wide, height: PLOT });
      if (panel.level) {
        const at = y(panel.level[1]) - top;
        mark(inner, 'line', { class: 'level', x1: 0, x2: wide, y1: at, y2: at });
      }
      const corners = curve.x.map((value, i) => `${(x(value) - left).toFixed(1)},${(y(curve.y[i]) - top).toFixed(1)}`);
      const line = mark(inner, 'polyline', { points: corners.join(' ') });
      line.style.stroke = `var(--${side.colour})`;
      drawn.line = mark(svg, 'line', { class: 'at', y1: top, y2: top + PLOT });
      drawn.dot = mark(svg, 'circle', { class: 'dot', r: 4 });
      drawn.dot.style.fill = `var(--${side.colour})`;
      drawn.across = across;
      drawn.up = (value) => top + PLOT * (1 - within(position(panel.y, value)));
    }
  }
  layOutPair();
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
  for (const side of sides.filter((side) => !side.box.hidden)) {
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
  drawPair(stop / (run.stops.length - 1 || 1));
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
  dots(side.behind, 0, side.behind.length, colour('grid'));
  const each = side.positions.length / (side.clouds[side.clouds.length - 1] + 1);
  const [begin, end] = [number * each, (number + 1) * each];
  dots(side.positions, begin, end, colour(side.colour));
  pen.strokeStyle = colour('quiet');
  pen.lineWidth = Math.max(1, pixels / 420);
  for (const line of side.contours) {
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

function begin() {
  if (!runs.length) return;
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
