/* The list of my jobs. The server decides which jobs are on it, and in what order: the page is fetched again, rows
   are added and removed, and the remaining rows are left unchanged. */
import { still } from './still.js';

export function makeList({ turn, absent }) {
  const list = document.querySelector('[data-list]');
  const PAUSE = 300; // ms between two fetches
  let wanted = new Set(); // jobs that may belong on the list
  let busy = false;

  const has = (job) => list.querySelector(`[data-job="${job}"]`);

  /* Soon; `job` is one that is not on the list, and which `absent` gets when it does not belong there. */
  async function take(job) {
    wanted.add(job);
    if (busy) return;
    busy = true;
    while (wanted.size) {
      const asked = wanted;
      wanted = new Set();
      const page = await turn(read);
      if (!page) break; // whoever wants a job asks again
      still(() => show(page));
      for (const each of asked) if (!has(each)) absent(each);
      await new Promise((done) => setTimeout(done, PAUSE));
    }
    busy = false;
  }

  async function read() {
    const answer = await fetch(list.dataset.from ?? location.href, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(8000) }).catch(() => null);
    const text = answer?.ok && await answer.text().catch(() => null);
    const page = text && new DOMParser().parseFromString(text, 'text/html');
    return page && page.querySelector('[data-list]') ? page : null; // else it is the sign-in page
  }

  function show(page) {
    const rows = [...page.querySelector('[data-list]').children];
    const jobs = new Set(rows.map(({ dataset }) => dataset.job));
    for (const row of [...list.children]) if (!jobs.has(row.dataset.job) && !row.querySelector('form.htmx-request')) row.remove();
    let place = list.firstElementChild;
    for (const row of rows) {
      const here = has(row.dataset.job);
      if (here && here === place) place = place.nextElementSibling;
      else list.insertBefore(here ?? row, place);
      if (!here) begin(row);
    }
    const [old, pager] = [document, page].map((root) => root.querySelector('[data-pager]'));
    if (old && pager && old.textContent !== pager.textContent) old.replaceWith(pager);
  }

  function begin(row) {
    window.htmx.process(row);
    window.htmx.trigger(row, 'htmx:load');
  }

  /* A row that has come into a state which is not shown here leaves. */
  document.addEventListener('htmx:load', ({ target }) => {
    if (list?.contains(target) && target.dataset.job && !list.dataset.list.split(' ').includes(target.dataset.status)) take(null);
  });

  return list && { take, has, shows: (status) => list.dataset.list.split(' ').includes(status), grows: 'grows' in list.dataset };
}
