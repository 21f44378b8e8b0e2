/* The page of a shared link: what its job says, where the link shows that. */
import { get, one } from './dom.js';
import { join } from './extras.js';
import './copying.js';

const MOST = 500; // lines in the document
let held = null; // what comes while the record is fetched again

function add(data, kind, id) {
  const record = one('[data-record]');
  if (!record || data.attempt < record.dataset.attempt) return;
  held?.push([data, kind, id]);
  if (id <= record.dataset.until) return; // it was rendered
  record.dataset.until = id;
  const [output, lines] = [one('[data-output]'), one('[data-lines]')];
  const box = kind === 'output' ? output : lines;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const level = data.level ?? (kind === 'log' ? 'info' : kind);
  box.append(kind === 'output' ? data.text : Object.assign(document.createElement('li'), { className: level, textContent: data.text }));
  if (lines.children.length > MOST) lines.firstElementChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

/* Before a snapshot something may be missing, and another attempt begins with nothing. */
async function renew() {
  if (held || !one('[data-record]')) return;
  held = [];
  await get(location.pathname, { target: '#record', select: '#record' });
  const since = held;
  held = null;
  for (const each of since) add(...each);
}

join({
  hear(name, data, id) {
    if (['log', 'warning', 'output'].includes(name)) add(data, name, id);
    if (name === 'snapshot') renew();
  },
});
