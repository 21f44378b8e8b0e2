/* The list of jobs. The server decides which jobs are on it, in what order and under which headings: the page is
   fetched again, rows are added, moved and removed, and the remaining rows are left unchanged. */
import { all } from './dom.js';
import { still } from './still.js';

const TICKED = 'input[name=job]:checked'; // while there are any, the list keeps its rows where they are
const OTHERS = 5000; // ms between two looks at jobs of others, of which the stream does not tell

export function makeList({ turn, absent }) {
  const list = document.querySelector('[data-list]');
  const PAUSE = 300; // ms between two fetches
  const ACTIVE = ['queued', 'running', 'cancelling'];
  let wanted = new Set(); // jobs that may belong on the list
  let busy = false;
  let frozen = () => {}; // called when nothing is ticked any more

  const has = (job) => list.querySelector(`[data-job="${job}"]`);

  /* Soon; `job` is one that is not on the list, and which `absent` gets when it does not belong there. */
  async function take(job) {
    wanted.add(job);
    if (busy) return;
    busy = true;
    while (wanted.size) {
      await unticked();
      const asked = wanted;
      wanted = new Set();
      const page = await turn(read);
      if (!page) break; // whoever wants a job asks again
      if (list.querySelector(TICKED)) {
        for (const each of asked) wanted.add(each);
        continue;
      }
      still(() => show(page));
      for (const each of asked) if (each && !has(each)) absent(each);
      await new Promise((done) => setTimeout(done, PAUSE));
    }
    busy = false;
  }

  const unticked = () => list.querySelector(TICKED) && new Promise((done) => { frozen = done; });

  async function read() {
    const answer = await fetch(list.dataset.from ?? location.href, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(8000) }).catch(() => null);
    const text = answer?.ok && await answer.text().catch(() => null);
    const page = text && new DOMParser().parseFromString(text, 'text/html');
    return page && page.querySelector('[data-list]') ? page : null; // else it is the sign-in page
  }

  const key = (el) => el.dataset.job ?? el.id;

  function show(page) {
    const rows = [...page.querySelector('[data-list]').children];
    const keys = new Set(rows.map(key));
    for (const row of [...list.children]) if (!keys.has(key(row)) && !row.querySelector('form.htmx-request')) row.remove();
    const here = new Map([...list.children].map((el) => [key(el), el]));
    let place = list.firstElementChild;
    for (const row of rows) {
      const known = here.get(key(row));
      if (known && known === place) place = place.nextElementSibling;
      else list.insertBefore(known ?? row, place);
      if (!known) begin(row);
    }
    for (const part of all('[data-part]')) {
      const fresh = page.getElementById(part.id);
      if (fresh && part.textContent !== fresh.textContent && !part.contains(document.activeElement)) part.replaceWith(fresh);
    }
  }

  function begin(row) {
    if (!row.dataset.job) return;
    window.htmx.process(row);
    window.htmx.trigger(row, 'htmx:load');
  }

  /* Whether a row stands above the first heading though its job has ended, or below one though it is at it. */
  function misplaced(row) {
    const above = !all('.day', list).some((day) => day.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING);
    return list.hasAttribute('data-pins') && above !== ACTIVE.includes(row.dataset.status);
  }

  const shows = (status) => list.dataset.list.split(' ').includes(status);

  /* A row that has come into a state which is not shown here leaves; one that has ended goes to its day. */
  document.addEventListener('htmx:load', ({ target }) => {
    if (list?.contains(target) && target.dataset.job && (!shows(target.dataset.status) || misplaced(target))) take(null);
  });

  // A tick survives what its row becomes.
  let ticked = [];
  document.addEventListener('htmx:beforeSwap', ({ detail: { target } }) => {
    if (list?.contains(target)) ticked = all(TICKED, list).map(({ value }) => value);
  });
  document.addEventListener('htmx:afterSwap', () => {
    for (const box of list ? all('input[name=job]', list) : []) if (ticked.includes(box.value)) box.checked = true;
    ticked = [];
  });
  document.addEventListener('change', () => { if (list && !list.querySelector(TICKED)) frozen(); });

  if (list && 'grows' in list.dataset && !('mine' in list.dataset)) setInterval(() => { if (!document.hidden) take(null); }, OTHERS);

  return list && { take, has, shows, grows: 'grows' in list.dataset, mine: 'mine' in list.dataset };
}
