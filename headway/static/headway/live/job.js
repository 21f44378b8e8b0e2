/* The page of one job: its parts, what it says, and how long it still takes. */
import './asking.js';
import './copying.js';
import { all, one } from './dom.js';
import { join } from './extras.js';
import { makeLeft } from './left.js';
import { makeLog } from './log.js';
import { makeKeys } from './log_keys.js';
import { makeTools } from './log_tools.js';
import { makeParts } from './parts.js';
import { makeRecord } from './record.js';
import { makeStrip } from './strip.js';

const log = makeLog();
const parts = makeParts({ goToLine: log.go });
makeTools(log);
makeKeys(log);
const record = makeRecord({ log, changed: parts.show });
const left = makeLeft();
const strip = makeStrip();

const SPOKEN = 5000; // ms between two lines that a screen reader is given, of however many
let spoke = 0;

join({
  hear(name, data, id) {
    if (['log', 'warning', 'output'].includes(name)) record.onLine(data, name, id);
    if (['log', 'warning'].includes(name) && Date.now() - spoke > SPOKEN) {
      spoke = Date.now();
      one('[data-spoken]')?.replaceChildren(data.text);
    }
    if (name === 'snapshot') record.renew(data);
    if (['snapshot', 'progress'].includes(name)) left.onProgress(data);
  },
  tick(now) {
    left.tick(now);
    strip.tick(now);
  },
});

// Of what comes with the panel, only what differs replaces what is there. Lines are added to the log, which stays; an
// earlier attempt's stays as it is.
document.addEventListener('htmx:oobBeforeSwap', ({ detail }) => {
  const { target, fragment: { firstElementChild: fresh } } = detail;
  const isEarlier = 'earlier' in target.dataset;
  if (target === log.box && !isEarlier) log.take(fresh);
  if (target === log.box || isEarlier || fresh.innerHTML === target.innerHTML) detail.shouldSwap = false;
});

for (const name of ['htmx:afterSwap', 'htmx:oobAfterSwap']) document.addEventListener(name, parts.show);

// The page was loaded with lines that a search has found: the last ones are missing.
document.addEventListener('htmx:load', () => {
  if ('partOf' in log.box.dataset) {
    delete log.box.dataset.partOf;
    record.renew({ job: log.box.dataset.said });
  }
}, { once: true });

document.addEventListener('htmx:load', ({ target }) => {
  for (const el of [target, ...all('[data-job]', target)]) {
    if (!el.dataset.job) continue;
    record.empty(el.dataset.job, Number(el.dataset.shownAttempt));
    left.begin(el);
  }
  parts.show();
  record.follow();
});
