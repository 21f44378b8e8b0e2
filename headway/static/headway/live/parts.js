/* The parts of a job's page as tabs: one is shown, the address says which. Without this script they stand one below
   the other, and the tabs are links to them. */
import { all, one } from './dom.js';

/* `goToLine` gets the number of a line that the address names. */
export function makeParts({ goToLine }) {
  const root = one('.parts');
  const bar = one('.part-links');
  const links = all('a', bar);
  let chosen = one('#lines[data-earlier]') ? 'log' : ''; // the id of the part that somebody wants to see
  const partOf = (link) => document.getElementById(link.hash.slice(1));

  bar.setAttribute('role', 'tablist');
  root.dataset.tabs = '';
  for (const link of links) {
    link.setAttribute('role', 'tab');
    link.setAttribute('aria-controls', link.hash.slice(1));
  }

  /* Those parts are shown that have something in them: the one that was chosen, else the one that the job's state
     suggests. Call it when parts have been replaced. */
  function show() {
    const filled = links.filter((link) => !('empty' in partOf(link).dataset));
    const suggested = one('.panel')?.dataset.part;
    const find = (id) => filled.find(({ hash }) => hash === `#${id}`);
    const shown = find(chosen) ?? find(suggested) ?? filled[0];
    for (const link of links) paint(link, link === shown, filled.includes(link));
    // Not at once: to measure now would make a bar that was just rendered move from where it was rendered
    if (shown) requestAnimationFrame(() => bringIntoView(shown));
  }

  /* Where the tabs are wider than the page; the page itself is not moved. */
  function bringIntoView(link) {
    const [tab, room] = [link.getBoundingClientRect(), bar.getBoundingClientRect()];
    bar.scrollLeft += Math.max(0, tab.right - room.right) - Math.max(0, room.left - tab.left);
  }

  function paint(link, isShown, isFilled) {
    const part = partOf(link);
    link.hidden = !isFilled;
    link.tabIndex = isShown ? 0 : -1;
    link.setAttribute('aria-selected', isShown);
    const { count } = part.dataset;
    if (count) link.dataset.count = count;
    else delete link.dataset.count;
    part.hidden = !isShown;
    part.setAttribute('role', 'tabpanel');
    part.setAttribute('aria-labelledby', link.id);
  }

  function choose(link) {
    chosen = link.hash.slice(1);
    history.replaceState(history.state, '', link.hash);
    show();
  }

  bar.addEventListener('click', (event) => {
    const link = event.target.closest('a');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(link);
  });

  bar.addEventListener('keydown', (event) => {
    const seen = links.filter(({ hidden }) => !hidden);
    const at = seen.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === ' ') event.preventDefault();
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const link = seen.at(to % seen.length);
    link.focus();
    choose(link);
  });

  // What somebody has begun to read stays.
  for (const name of ['pointerdown', 'focusin', 'wheel']) {
    root.addEventListener(name, ({ target }) => {
      const part = target.closest('.pane');
      if (part) chosen = part.id;
    }, { passive: true });
  }

  function read() {
    const id = location.hash.slice(1);
    const line = id.match(/^line-(\d+)$/)?.[1];
    if (line) chosen = 'log';
    else if (links.some(({ hash }) => hash === location.hash)) chosen = id;
    show();
    if (line) goToLine(Number(line));
  }

  window.addEventListener('hashchange', read);
  document.addEventListener('htmx:load', read, { once: true });
  show();
  return { show };
}
