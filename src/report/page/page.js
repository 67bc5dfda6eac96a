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


// Boxes that scroll say what lies beyond their edges, by a shadow and in words.
for (const scroll of document.querySelectorAll('.box .scroll')) tellMore(scroll);
function tellMore(scroll) {
  const [edge, words] = [scroll.parentNode, scroll.parentNode.parentNode.querySelector('.more')];
  const what = scroll.querySelector('table') ? 'table' : 'picture';
  const update = () => {
    const right = scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft > 2;
    const down = scroll.scrollHeight - scroll.clientHeight - scroll.scrollTop > 2;
    edge.classList.toggle('right', right);
    edge.classList.toggle('down', down);
    edge.classList.toggle('left', scroll.scrollLeft > 2);
    if (!words) return;
    const where = [right ? 'to the right' : '', down ? 'below' : ''].filter((part) => part).join(' and ');
    const scrolls = scroll.scrollWidth - scroll.clientWidth > 2 || scroll.scrollHeight - scroll.clientHeight > 2;
    words.hidden = !scrolls;
    words.textContent = where ? `The ${what} goes on ${where}: scroll it.` : `This is the end of the ${what}.`;
  };
  scroll.addEventListener('scroll', update, { passive: true });
  const watch = new ResizeObserver(update);
  [scroll, ...scroll.children].forEach((part) => watch.observe(part));
}
