// The filter: buttons for each pipeline and each value of each key, a list where a key has many values. What does not
// match is hidden in tables, curves, clouds and the lists of sweep points.
const MOST_BUTTONS = 8;

function filtered() {
  for (const row of document.querySelectorAll('tr[data-of]')) row.hidden = !passes(Number(row.dataset.of));
  if (choice) {
    for (const option of choice.options) {
      const here = runs[option.value].sides;
      option.hidden = option.disabled = !here.some((side) => side.of === null || passes(side.of));
    }
    const [now, first] = [choice.selectedOptions[0], [...choice.options].find((option) => !option.disabled)];
    if (first && (!now || now.disabled)) choice.value = first.value;
  }
  if (runs.length) show(choice ? choice.value : 0);
  fillPair();
  drawPlots();
  const count = study.pipelines.length + 1;
  const all = [];
  study.points.forEach((_, point) => study.pipelines.forEach((_, p) => all.push(point * count + p)));
  const left = all.filter(passes).length;
  const isAll = left === all.length;
  if (filters.said) {
    filters.said.textContent = isAll ? '' : `Shown are ${left} of ${all.length} pipelines at sweep points.`;
    filters.clear.hidden = isAll;
  }
  document.dispatchEvent(new Event('laid-out'));
}

// A choice among named values; `put` takes the set of those that are chosen, or null for all.
function choices(parent, title, values, colours, put) {
  const group = add(parent, 'fieldset');
  add(group, 'legend', '', title);
  if (values.length > MOST_BUTTONS) {
    const select = add(group, 'select');
    select.setAttribute('aria-label', title);
    select.autocomplete = 'off';
    ['all', ...values].forEach((value, i) => { add(select, 'option', '', value).value = i - 1; });
    select.addEventListener('change', () => { put(select.value === '-1' ? null : new Set([Number(select.value)])); filtered(); });
    return () => { select.value = -1; put(null); };
  }
  let set = new Set();
  const pressed = () => buttons.forEach((b, i) => b.setAttribute('aria-pressed', set.has(i)));
  const buttons = values.map((value, i) => {
    const made = button(group, value, () => {
      if (!set.delete(i)) set.add(i);
      // All of them are as good as none.
      if (set.size === values.length) set = new Set();
      pressed();
      put(set.size ? set : null);
      filtered();
    });
    if (colours) made.style.borderColor = `var(--${colours[i]})`;
    return made;
  });
  pressed();
  return () => { set = new Set(); pressed(); put(null); };
}

const filters = document.getElementById('filters');
const rest = [];
const { pipelines } = study;
if (pipelines.length > 1) {
  const names = pipelines.map((pipeline) => pipeline.name);
  const colours = pipelines.map((pipeline) => pipeline.colour);
  rest.push(choices(filters, 'pipeline', names, colours, (set) => { chosen.pipelines = set; }));
}
study.keys.forEach((key, k) => {
  if (key.values.length > 1) rest.push(choices(filters, key.name, key.values, null, (set) => { chosen.keys[k] = set; }));
});
if (rest.length) {
  filters.setAttribute('role', 'group');
  filters.setAttribute('aria-label', 'Filter by pipeline and by the keys of the sweep');
  filters.clear = button(filters, 'Show all', () => { rest.forEach((reset) => reset()); filtered(); });
  filters.clear.id = 'show-all';
  filters.said = add(filters, 'p', 'muted');
  filters.said.setAttribute('role', 'status');
}

begin();
filtered();
