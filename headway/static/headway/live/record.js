/* What the newest attempt of a job says: its output and its lines, on the job's own page. */
import { all, get, one } from './dom.js';

export function makeRecord({ turn }) {
  let held = null; // lines that come while the record is fetched again

  /* Null where the page shows what an earlier attempt said. */
  const recordOf = (job) => one(`[data-record="${job}"]:not([data-earlier])`);

  /* What an attempt said stands under no other. */
  function empty(job, attempt) {
    const record = recordOf(job);
    if (!record || attempt <= record.dataset.attempt) return;
    record.dataset.attempt = attempt;
    for (const box of all('[data-output], [data-lines]', record)) box.replaceChildren();
  }

  function onLine(data, kind, id) {
    const record = recordOf(data.job);
    if (!record || data.attempt < record.dataset.attempt) return;
    held?.push([data, kind, id]);
    if (id <= record.dataset.until) return; // it was rendered, which was after the cursor was read
    record.dataset.until = id;
    empty(data.job, data.attempt);
    const [output, lines] = [record.querySelector('[data-output]'), record.querySelector('[data-lines]')];
    const box = kind === 'output' ? output : lines;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    const level = data.level ?? (kind === 'log' ? 'info' : kind);
    const line = Object.assign(document.createElement('li'), { className: level, textContent: data.text });
    box.append(kind === 'output' ? data.text : line);
    if (lines.children.length > 500) lines.firstElementChild.remove();
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  /* Before a snapshot lines may be missing: fetch the record again, and then what has come meanwhile. */
  function renew({ job }) {
    if (held || !recordOf(job)) return;
    held = [];
    const goOn = () => {
      const since = held;
      held = null;
      for (const line of since) onLine(...line);
    };
    turn(() => get(location.href, { target: '#record', select: '#record' })).then(goOn);
  }

  /* What grows is followed at its end, after a reload too; `target` is what has just come. */
  function follow(target) {
    if (!target.matches('[data-record]') && !target.querySelector('[data-record]')) return;
    for (const box of all('[data-output], [data-lines]')) box.scrollTop = box.scrollHeight;
  }

  return { onLine, renew, empty, follow };
}
