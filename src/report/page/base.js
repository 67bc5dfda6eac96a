// What the parts of the page share: elements, numbers, axes, and which pipelines and sweep points are chosen.
const runs = JSON.parse(document.getElementById('runs').textContent);
const study = JSON.parse(document.getElementById('study').textContent);

// The bytes of a text in base64.
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// An element of the page below another one.
function add(parent, name, classes, text) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text) made.textContent = text;
  parent.append(made);
  return made;
}

// A button below an element.
function button(parent, text, press) {
  const made = add(parent, 'button', '', text);
  made.type = 'button';
  made.addEventListener('click', press);
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

// Where a value lies on an axis: 0 at its beginning, 1 at its end; and the value that lies there.
const isLog = (axis) => axis.scale === 'log' || axis.scale === 'log_from_zero';
function position(axis, value) {
  if (axis.scale === 'log_from_zero') value = Math.max(value, axis.low);
  const scaled = isLog(axis) ? Math.log : Number;
  return (scaled(value) - scaled(axis.low)) / (scaled(axis.high) - scaled(axis.low));
}
function valueAt(axis, fraction) {
  if (isLog(axis)) return axis.low * (axis.high / axis.low) ** fraction;
  return axis.low + (axis.high - axis.low) * fraction;
}
const within = (fraction) => Math.min(1, Math.max(0, fraction));

// A value with so many digits, and a true minus sign.
function written(value, digits = 4) {
  const size = Math.abs(value);
  const isPlain = value === 0 || (size >= 1e-3 && size < 1e6);
  const text = Number.isInteger(value) && isPlain ? String(value) : isPlain ? value.toPrecision(digits) : value.toExponential(digits - 1);
  return text.replaceAll('-', '\u2212').replace('e+', 'e');
}

// Ticks between two values, about so many, each with its label: round numbers, on a logarithmic axis 1, 2 and 5 of each
// decade where there are enough of them.
function ticksBetween(axis, low, high, count) {
  if (isLog(axis)) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const digit of [1, 2, 5]) {
        const value = digit * 10 ** power;
        if (value >= low && value <= high) found.push(value);
      }
    }
    const decades = found.filter((value) => Number.isInteger(Number(Math.log10(value).toFixed(9))));
    const kept = found.length > 2 * count && decades.length > 1 ? decades : found;
    if (kept.length > 1) return kept.map((value) => [value, written(Number(value.toPrecision(1)), 1)]);
  }
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((step) => step >= 0.999 * raw);
  if (!(step > 0)) return [];
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) + (/^2\.?5/.test(step.toExponential()) ? 1 : 0);
  const size = Math.max(Math.abs(low), Math.abs(high));
  const label = (value) => {
    if (value === 0) return '0';
    if (size >= 1e7 || step < 1e-4) return written(Number(value.toPrecision(12)), 1 + Math.round(Math.log10(size / step)));
    const format = { minimumFractionDigits: Math.min(digits, 9), maximumFractionDigits: Math.min(digits, 9) };
    return value.toLocaleString('en-US', format).replace('-', '\u2212');
  };
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push([i * step, label(i * step)]);
  return found;
}

// Which pipelines, and which values of each key, are chosen; all of them where there is no set. A pipeline at a sweep point
// has the number `point * (pipelines + 1) + pipeline`, where real points are the last pipeline.
const chosen = { pipelines: null, keys: study.keys.map(() => null) };
function passes(number) {
  const count = study.pipelines.length + 1;
  const [point, pipeline] = [Math.floor(number / count), number % count];
  if (chosen.pipelines && pipeline < study.pipelines.length && !chosen.pipelines.has(pipeline)) return false;
  return chosen.keys.every((values, k) => !values || values.has(study.points[point][k]));
}
