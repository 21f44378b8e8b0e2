/* What became of a click whose response was lost: looked up as soon as the server answers again. */
import { still } from './still.js';
import { t } from './words.js';

const LOOK = 2000; // ms between two tries to find out
const DONE = {
  cancel: { cancelling: '“{title}” is being cancelled.', cancelled: '“{title}” was cancelled.' },
  retry: { queued: '“{title}” is queued again.', running: '“{title}” runs again.' },
};
const UNDONE = { cancel: '“{title}” was not cancelled: {why}.', retry: '“{title}” was not retried: {why}.' };
const UNKNOWN = {
  cancel: 'The connection was lost. Whether “{title}” was cancelled will be shown here once it is back.',
  retry: 'The connection was lost. Whether “{title}” is queued again will be shown here once it is back.',
  undo: 'The connection was lost. What became of “{title}” will be shown here once it is back.',
};
const UNDO = '“{title}”: {why}.';
const OVER = { succeeded: 'it has succeeded', failed: 'it has failed', lost: 'its worker was lost', cancelled: 'it is cancelled' };
const BEGUN = { queued: 'it is queued', running: 'it runs' };

/* `turn` says when something may be fetched; `refresh` shows jobs as they are now. */
export function followClicks({ turn, refresh }) {
  let newest = null; // the note that stands

  function note(level, text) {
    const place = document.querySelector('[data-notes]');
    const role = level === 'error' ? 'alert' : 'status';
    newest = Object.assign(document.createElement('p'), { className: `note note-${level}`, role, textContent: text });
    still(() => {
      place?.replaceChildren(newest);
      newest.scrollIntoView({ block: 'nearest' });
    });
    return newest;
  }

  function clear() {
    if (newest) still(() => newest.remove());
    newest = null;
  }

  function onFailure({ detail: { xhr, requestConfig: { verb, path, elt } } }) {
    if (verb !== 'post') return;
    const sentence = xhr.getResponseHeader('Content-Type')?.startsWith('text/plain') && xhr.responseText;
    if (sentence) return note('error', sentence);
    if (xhr.status === 400) return; // with markup: the form again
    const [, job, asked] = path.match(/(.*\/)(cancel|retry|undo)\/$/) ?? [];
    if (asked) return find(job, asked, elt.closest('[data-job]')?.dataset.title);
    note('error', t('The connection was lost. Press Start again: it cannot start a second job.'));
  }

  async function find(job, asked, title) {
    const mine = note('error', t(UNKNOWN[asked], { title }));
    while (mine === newest) {
      await new Promise((done) => setTimeout(done, LOOK));
      const answer = await turn(() => look(job));
      if (mine !== newest) return;
      if (answer?.status) return tell(asked, title, answer.status, job.match(/[^/]+(?=\/$)/)[0]);
      if (answer?.refused) return clear(); // the page says so itself
    }
  }

  /* The job's status, or that it is not ours to see. */
  async function look(job) {
    const answer = await fetch(`${job}status/`, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(8000) });
    if (answer.ok) return answer.json();
    return { refused: answer.status === 401 || answer.status === 404 };
  }

  function tell(asked, title, status, job) {
    refresh([job]);
    const done = DONE[asked]?.[status];
    if (done) return note('success', t(done, { title }));
    const why = t({ ...OVER, ...BEGUN }[status] ?? status);
    if (asked === 'undo') return note('success', t(UNDO, { title, why }));
    const more = status in BEGUN || asked === 'retry' ? ` ${t('Try again.')}` : '';
    note('error', t(UNDONE[asked], { title, why }) + more);
  }

  for (const name of ['htmx:responseError', 'htmx:sendError', 'htmx:timeout']) document.addEventListener(name, onFailure);
  document.addEventListener('htmx:beforeRequest', ({ detail }) => { if (detail.requestConfig.verb === 'post') clear(); });
}
