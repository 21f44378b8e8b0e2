/* What the newest attempt of a job says: its output, and its lines (log.js). */
import { get, one } from './dom.js';
import { shared } from './extras.js';

/* `changed` is called when there is something where nothing was, or the reverse. */
export function makeRecord({ log, changed }) {
  let held = null; // what comes while the record is fetched again

  /* Null where the page shows what an earlier attempt said. */
  const boxOf = (job, kind) => one(`${kind === 'output' ? '#output' : '#lines'}[data-said="${job}"]:not([data-earlier])`);
  const away = (box) => box.scrollHeight - box.scrollTop - box.clientHeight;

  /* What an attempt said stands under no other. */
  function empty(job, attempt) {
    const [output, lines] = [boxOf(job, 'output'), boxOf(job, 'log')];
    if (output && attempt > output.dataset.attempt) {
      Object.assign(output.dataset, { attempt, empty: '' });
      output.querySelector('pre').replaceChildren();
      changed();
    }
    if (lines && attempt > lines.dataset.attempt) log.begin(attempt);
  }

  function onLine(data, kind, id) {
    const box = boxOf(data.job, kind);
    if (!box || data.attempt < box.dataset.attempt) return;
    held?.push([data, kind, id]);
    if (id <= box.dataset.until) return; // it was rendered, which was after the cursor was read
    box.dataset.until = id;
    empty(data.job, data.attempt);
    if (kind === 'output') append(box, data.text);
    else log.add({ ...data, level: data.level ?? (kind === 'log' ? 'info' : kind) });
  }

  function append(part, text) {
    const box = part.querySelector('pre');
    const atEnd = away(box) < 40;
    box.append(text);
    if (atEnd) box.scrollTop = box.scrollHeight;
    if (!('empty' in part.dataset)) return;
    delete part.dataset.empty;
    changed();
  }

  /* Before a snapshot something may be missing: fetch the record again, and then what has come meanwhile. */
  function renew({ job }) {
    if (held || !boxOf(job, 'log')) return;
    held = [];
    const goOn = () => {
      const since = held;
      held = null;
      for (const line of since) onLine(...line);
    };
    shared.turn(() => get(location.pathname, { target: '#output', select: '#output', selectOOB: '#lines' })).then(goOn);
  }

  /* An output that grows is followed at its end, after a reload too. */
  function follow() {
    const box = one('#output-text');
    if (!box || box.dataset.followed) return;
    box.dataset.followed = 'yes';
    if (one('.panel')?.matches('[data-status=running], [data-status=cancelling]')) box.scrollTop = box.scrollHeight;
  }

  return { onLine, renew, empty, follow };
}
