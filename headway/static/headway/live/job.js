/* The page of one job: its parts, what it says, and how long it still takes. */
import './asking.js';
import './copying.js';
import { all } from './dom.js';
import { join } from './extras.js';
import { makeLeft } from './left.js';
import { makeLog } from './log.js';
import { makeTools } from './log_tools.js';
import { makeParts } from './parts.js';
import { makeRecord } from './record.js';
import { makeStrip } from './strip.js';

const log = makeLog();
const parts = makeParts({ goToLine: log.go });
const tools = makeTools(log);
const record = makeRecord({ log, changed: parts.show });
const left = makeLeft();
const strip = makeStrip();

join({
  hear(name, data, id) {
    if (['log', 'warning', 'output'].includes(name)) record.onLine(data, name, id);
    if (name === 'snapshot') record.renew(data);
    if (['snapshot', 'progress'].includes(name)) left.onProgress(data);
  },
  tick(now) {
    left.tick(now);
    strip.tick(now);
  },
});

// Of what comes with the panel, only what differs replaces what is there; an earlier attempt's log stays.
document.addEventListener('htmx:oobBeforeSwap', ({ detail }) => {
  const fresh = detail.fragment.querySelector(`#${detail.target.id}`) ?? detail.fragment.firstElementChild;
  if ('earlier' in detail.target.dataset || fresh?.innerHTML === detail.target.innerHTML) detail.shouldSwap = false;
});

for (const name of ['htmx:afterSwap', 'htmx:oobAfterSwap']) {
  document.addEventListener(name, () => {
    if (log.adopt()) tools.redraw();
    parts.show();
  });
}

document.addEventListener('htmx:load', ({ target }) => {
  for (const el of [target, ...all('[data-job]', target)]) {
    if (!el.dataset.job) continue;
    record.empty(el.dataset.job, Number(el.dataset.shownAttempt));
    left.begin(el);
  }
  parts.show();
  record.follow();
});
