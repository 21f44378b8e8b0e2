/* One line of the log is a stop of the Tab key; from there the arrow keys lead to the others, wherever they are drawn. */
const WAYS = { ArrowUp: 'previousElementSibling', ArrowDown: 'nextElementSibling' };

/* `hold` keeps the log where it is, whatever comes at its end. */
export function makeKeys({ box, hold }) {
  const stop = () => box.querySelector('a[tabindex="0"]');
  const linkOf = (li) => li?.querySelector('a[data-n]');

  function choose(link) {
    for (const [el, value] of [[stop(), -1], [link, 0]]) if (el) el.tabIndex = value;
  }

  function beside(li, way) {
    let next = li[way];
    while (next && !linkOf(next)) next = next[way]; // over what is not there
    return linkOf(next);
  }

  box.addEventListener('focusin', ({ target }) => {
    if (!target.dataset.n) return;
    hold();
    choose(target);
  });
  box.addEventListener('keydown', (event) => {
    const way = event.target.dataset.n && WAYS[event.key];
    if (!way) return;
    event.preventDefault();
    beside(event.target.closest('li'), way)?.focus();
  });
  const keep = () => { if (!stop()) choose(linkOf(box.lastElementChild)); };
  new MutationObserver(keep).observe(box, { childList: true });
  keep();
}
