// Tooltips: the nearest point to the pointer, or the one that the keys have come to, with its numbers.
const FAR = 6; // pixels that a drag must be long to zoom
const tip = add(document.body, 'div', 'tip');
tip.setAttribute('role', 'status');
tip.hidden = true;

// Pointer and keys over a panel.
function listen(panel) {
  const { figure, left, top, width, height } = panel;
  // A little wider than the plot, so that points on its sides can be met.
  const around = { x: left - 6, y: top - 6, width: width + 12, height: height + 12 };
  const area = mark(panel.group, 'rect', { ...around, class: 'hit', tabindex: 0, role: 'application' });
  const keys = 'Arrow keys go from point to point and from series to series';
  area.setAttribute('aria-label', `${panel.title || 'Curves'}. ${keys}${panel.zooms ? '; plus and minus zoom, Escape resets' : ''}.`);
  const at = (event) => {
    const point = figure.svg.createSVGPoint();
    [point.x, point.y] = [event.clientX, event.clientY];
    return point.matrixTransform(figure.svg.getScreenCTM().inverse());
  };
  let [from, frame] = [null, null];
  area.addEventListener('pointermove', (event) => {
    const { x, y } = at(event);
    if (from === null) { showTip(panel, nearest(panel, x, y)); return; }
    const [low, high] = [Math.min(from, x), Math.max(from, x)].map((v) => Math.min(left + width, Math.max(left, v)));
    frame ??= mark(panel.group, 'rect', { class: 'selected', y: top, height });
    frame.setAttribute('x', low);
    frame.setAttribute('width', high - low);
    hideTip();
  });
  area.addEventListener('pointerdown', (event) => {
    const { x, y } = at(event);
    if (event.pointerType === 'touch') showTip(panel, nearest(panel, x, y));
    else if (panel.zooms && event.button === 0) {
      from = x;
      area.setPointerCapture(event.pointerId);
    }
  });
  const end = (event) => {
    const x = from === null ? null : at(event).x;
    frame?.remove();
    if (x !== null && event.type === 'pointerup' && Math.abs(x - from) > FAR) {
      const [low, high] = panel.xRange;
      const ends = [Math.min(from, x), Math.max(from, x)].map((v) => low + ((v - left) / width) * (high - low));
      setZoom(panel, Math.max(ends[0], low), Math.min(ends[1], high));
      drawPlot(figure);
    }
    [from, frame] = [null, null];
  };
  area.addEventListener('pointerup', end);
  area.addEventListener('pointercancel', end);
  area.addEventListener('pointerleave', () => { if (from === null) hideTip(); });
  area.addEventListener('dblclick', () => { figure.zoom.clear(); drawPlot(figure); });
  area.addEventListener('blur', hideTip);
  area.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const now = tip.found?.panel === panel ? tip.found : null;
    const place = now ? (now.spot.along - panel.xRange[0]) / (panel.xRange[1] - panel.xRange[0]) : 0.5;
    if (panel.zooms && ['+', '=', '-', '0', 'Escape'].includes(event.key)) {
      if (event.key === '-') zoomAbout(panel, place, 2);
      else if (event.key === '0' || event.key === 'Escape') figure.zoom.clear();
      else zoomAbout(panel, place, 0.5);
      drawPlot(figure);
    } else if (event.key === 'Escape') hideTip();
    else if (event.key.startsWith('Arrow') || event.key === 'Home' || event.key === 'End') showTip(panel, next(panel, now, event.key));
    else return;
    event.preventDefault();
  });
}

// The points of the marks that are shown and seen, mark by mark.
function seen(panel) {
  const [low, high] = panel.turned ? [0, 1] : panel.xRange;
  const open = panel.marks.filter((mark) => isShown(panel, mark));
  const inside = (spot) => spot.along >= low - 1e-9 && spot.along <= high + 1e-9;
  return open.map((mark) => ({ mark, spots: spots(panel, mark).filter(inside) })).filter(({ spots }) => spots.length);
}

function nearest(panel, x, y) {
  let [best, found] = [Infinity, null];
  for (const { mark, spots } of seen(panel)) {
    for (const spot of spots) {
      const [h, v] = pixel(panel, spot);
      const far = Math.hypot(h - x, Math.min(panel.top + panel.height, Math.max(panel.top, v)) - y) + (mark.aside ? 3 : 0);
      if (far < best) [best, found] = [far, { panel, mark, spot }];
    }
  }
  return found;
}

// The point that a key goes to from the one that is shown.
function next(panel, now, key) {
  const all = seen(panel);
  if (!all.length) return null;
  const at = all.findIndex(({ mark }) => mark === now?.mark);
  if (at < 0) return { panel, mark: all[0].mark, spot: all[0].spots[0] };
  const { spots: own } = all[at];
  const here = own.findIndex((spot) => spot.i === now.spot.i);
  const steps = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: own.length - 1 };
  if (key in steps) return { panel, mark: all[at].mark, spot: own[Math.min(own.length - 1, Math.max(0, steps[key]))] };
  const other = all[(at + (key === 'ArrowDown' ? 1 : all.length - 1)) % all.length];
  const apart = (spot) => Math.abs(spot.along - now.spot.along);
  return { panel, mark: other.mark, spot: other.spots.reduce((a, b) => (apart(b) < apart(a) ? b : a)) };
}

// Shows what a point is: its series, where it is, its mean, and its interval.
function showTip(panel, found) {
  hideTip();
  if (!found) return;
  const { mark: shown, spot } = found;
  const series = panel.figure.series[shown.series];
  add(tip, 'strong', '', series.name);
  tip.style.borderLeftColor = series.colour;
  if (shown.label !== undefined) add(tip, 'span', '', plots.labels[shown.label]);
  const [along, up] = panel.turned ? [panel.y, panel.x] : [panel.x, panel.y];
  const place = along.scale.named?.[Math.round(spot.x)]?.replaceAll('\n', ' ');
  add(tip, 'span', '', `${along.label || 'at'} ${place ?? written(spot.x, 5)}`);
  const value = add(tip, 'span', 'value', `${up.label || panel.title} ${written(spot.y, 5)}`);
  Object.assign(tip.dataset, { series: series.name, x: spot.x, y: spot.y });
  value.dataset.value = written(spot.y, 5);
  if (spot.low < spot.high) {
    add(tip, 'span', 'ends', `95 % interval ${written(spot.low, 5)} to ${written(spot.high, 5)}`);
    Object.assign(tip.dataset, { low: spot.low, high: spot.high });
  }
  const [x, y] = pixel(panel, spot);
  const dot = mark(panel.group, 'circle', { class: 'tipped', cx: x, cy: Math.min(panel.top + panel.height, Math.max(panel.top, y)), r: 6 });
  dot.style.stroke = series.colour;
  tip.hidden = false;
  Object.assign(tip, { found, dot });
  // Beside the point, within the window.
  const here = dot.getBoundingClientRect();
  const before = here.right + tip.offsetWidth + 8 > innerWidth;
  const x0 = before ? here.left - tip.offsetWidth - 8 : here.right + 8;
  tip.style.left = `${Math.max(4, Math.min(x0, innerWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${Math.max(4, Math.min(here.top - tip.offsetHeight / 2, innerHeight - tip.offsetHeight - 4))}px`;
}

function hideTip() {
  tip.hidden = true;
  tip.replaceChildren();
  tip.dot?.remove();
  for (const key of Object.keys(tip.dataset)) delete tip.dataset[key];
  Object.assign(tip, { found: null, dot: null });
}
