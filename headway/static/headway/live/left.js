/* How long a job still takes, as a range: by its own rate, and by how long earlier jobs of its kind took. The server
   reckons the same way (headway/web/remaining.py). */
import { one } from './dom.js';
import { duration, t } from './words.js';

const [SURE, UNSURE] = [0.1, 0.4]; // by how much of it an estimate may be wrong at the end, and more at the beginning
const SECONDS = 90; // from here on minutes are written; from one minute on, where the other end has them
const GRACE = 3; // s of silence in which nobody doubts

export function makeLeft() {
  let newest = null; // what the job last said of itself
  let heard = 0; // when
  let begun = 0;

  /* A panel, as the server has rendered it: what the job has said until then. */
  function begin(panel) {
    const field = panel.querySelector('[data-field=left]');
    if (!field) return; // another job's bar
    const { elapsed, attempt, percent, quiet } = panel.dataset;
    const { eta } = field.dataset;
    if (newest?.attempt !== Number(attempt)) {
      newest = eta ? { attempt: Number(attempt), percent: Number(percent), eta: Number(eta) } : null;
      heard = Date.now() - quiet * 1000;
    }
    if (elapsed) begun = Date.now() - elapsed * 1000;
  }

  function onProgress(data) {
    const panel = one('.panel[data-job]');
    if (panel?.dataset.job !== data.job || data.attempt !== Number(panel.dataset.attempt)) return;
    newest = data;
    heard = Date.now();
    if (data.elapsed != null) begun = heard - data.elapsed * 1000;
    tick(heard);
  }

  /* Every second. What the server has written stands until there is something newer. */
  function tick(now) {
    const field = one('[data-field=left]');
    const panel = field?.closest('[data-job]');
    if (panel?.dataset.status !== 'running') return;
    const usual = 'low' in field.dataset && { low: Number(field.dataset.low), high: Number(field.dataset.high) };
    if (!newest && !usual) return;
    const stalled = panel.querySelector('[data-field=stalled]').textContent; // then nobody knows
    const range = !stalled && reckon(newest, (now - heard) / 1000, (now - begun) / 1000, usual);
    const text = range ? between(range) : '';
    if (field.textContent !== text) field.textContent = text;
  }

  return { begin, onProgress, tick };
}

function reckon(said, quiet, elapsed, usual) {
  const own = said?.eta != null && ownRange(said.eta, said.percent ?? 0, Math.max(0, quiet - GRACE));
  if (!usual || elapsed >= usual.high) return own;
  const earlier = { low: Math.max(0, usual.low - elapsed), high: usual.high - elapsed };
  if (!own) return earlier;
  if (said.eta < earlier.low || said.eta > earlier.high) return own;
  return { low: Math.max(own.low, earlier.low), high: Math.min(own.high, earlier.high) };
}

/* In silence it may have gone on, or stand still for as long again. */
function ownRange(eta, percent, doubt) {
  const spread = SURE + UNSURE * (1 - Math.min(100, percent) / 100);
  return { low: Math.max(0, eta * (1 - spread) - doubt), high: eta * (1 + spread) + doubt };
}

function between({ low, high }) {
  const [first, last] = [rounded(low, high < SECONDS ? SECONDS : 60), rounded(high)];
  if (first === last) return t('about {time}', { time: last });
  if (low < 1) return t('up to {time}', { time: last });
  const [[number, ...unit], [, ...other]] = [first.split(' '), last.split(' ')];
  const alike = unit.length === 1 && unit[0] === other.join(' ');
  return t('{first} to {last}', { first: alike ? number : first, last });
}

function rounded(seconds, below = SECONDS) {
  if (seconds < below) return `${Math.floor(seconds + 0.5)} s`;
  return duration(Math.floor(seconds / 60 + 0.5) * 60).replace(/ 00 s$/, '');
}
