'use strict';

// Light or dark: as the system says, until the button is pressed.
const root = document.documentElement;
const dark = () => root.dataset.theme
  ? root.dataset.theme === 'dark'
  : matchMedia('(prefers-color-scheme: dark)').matches;
document.getElementById('theme').addEventListener('click', () => {
  root.dataset.theme = dark() ? 'light' : 'dark';
  draw();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw());

// Tables are sorted by the column that is clicked; a second click reverses the order.
for (const table of document.querySelectorAll('table.sortable')) {
  const body = table.tBodies[0];
  table.tHead.addEventListener('click', (event) => {
    const head = event.target.closest('th');
    if (!head) return;
    const column = [...head.parentNode.children].indexOf(head);
    const down = head.getAttribute('aria-sort') === 'ascending';
    for (const other of head.parentNode.children) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const value = (row) => row.children[column].dataset.value ?? row.children[column].textContent;
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === '' || y === '') return (x === '') - (y === '');
      const [p, q] = [Number(x), Number(y)];
      const sign = Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y) : p - q;
      return down ? -sign : sign;
    };
    body.append(...[...body.rows].sort(order));
  });
}

// The reverse process: points of each step as pairs of 16-bit numbers across the axes.
const runs = JSON.parse(document.getElementById('runs').textContent);
const OUTSIDE = 65535;
const stage = document.getElementById('clouds');
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

function show(index) {
  const run = runs[index];
  behind = points(run.behind);
  contours = run.contours.map(points);
  stage.replaceChildren();
  sides = run.sides.map((side) => {
    const box = document.createElement('div');
    const title = document.createElement('h3');
    title.textContent = side.name;
    title.style.color = `var(--${side.colour})`;
    const canvas = document.createElement('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `Samples of the ${side.name} pipeline at the chosen step`);
    const words = document.createElement('p');
    box.append(title, canvas, words);
    stage.append(box);
    return { ...side, canvas, words, positions: points(side.positions) };
  });
  const last = run.sides[0].steps.length - 1;
  slider.max = last;
  slider.value = Math.min(slider.value, last);
  draw();
}

function draw() {
  if (!sides.length) return;
  const frame = Number(slider.value);
  const run = runs[choice ? choice.value : 0];
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`);
  const steps = sides[0].steps;
  shownStep.textContent = `step ${steps[frame]} of ${steps[steps.length - 1]}`;
  for (const side of sides) {
    const pixels = Math.round(side.canvas.clientWidth * (window.devicePixelRatio || 1));
    if (side.canvas.width !== pixels) side.canvas.width = side.canvas.height = pixels;
    const pen = side.canvas.getContext('2d');
    pen.clearRect(0, 0, pixels, pixels);
    const at = (position) => (position / (OUTSIDE - 1)) * pixels;
    const size = Math.max(1.5, pixels / 190);
    const dots = (positions, begin, end, fill) => {
      pen.fillStyle = fill;
      for (let i = begin; i < end; i += 2) {
        if (positions[i] === OUTSIDE) continue;
        pen.fillRect(at(positions[i]) - size / 2, pixels - at(positions[i + 1]) - size / 2, size, size);
      }
    };
    dots(behind, 0, behind.length, colour('grid'));
    const each = side.positions.length / side.steps.length;
    dots(side.positions, frame * each, (frame + 1) * each, colour(side.colour));
    pen.strokeStyle = colour('quiet');
    pen.lineWidth = Math.max(1, pixels / 420);
    for (const line of contours) {
      pen.beginPath();
      for (let i = 0; i < line.length; i += 2) pen.lineTo(at(line[i]), pixels - at(line[i + 1]));
      pen.stroke();
    }
    const value = side.log_likelihood[frame];
    const data = run.data === null ? '' : ` (real points ${run.data.toFixed(3)})`;
    let outside = 0;
    for (let i = frame * each; i < (frame + 1) * each; i += 2) outside += side.positions[i] === OUTSIDE;
    const words = value === null ? [] : [`log-likelihood ${value.toFixed(3)}${data}`];
    if (outside) words.push(`${outside} of ${each / 2} points lie outside`);
    side.words.textContent = words.join(' · ');
  }
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
  window.addEventListener('resize', draw);
  slider.value = 0;
  show(0);
}
