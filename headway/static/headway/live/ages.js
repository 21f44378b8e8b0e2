/* How long ago something was, kept true while the page is open: from the age that the server has written and the
   time since then, whatever the browser's own clock says. headway/web/formatting.py writes it the same way. */
import { all } from './dom.js';

const EVERY = 10000; // ms
const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];
const words = new Intl.RelativeTimeFormat(document.documentElement.lang || 'en', { numeric: 'always' });
const since = new WeakMap(); // element -> when it came, in ms of the page's life

function ago(age) {
  const size = Math.abs(age);
  if (size < 10) return '';
  const [unit, seconds] = UNITS.find(([, each]) => size >= each);
  const number = age < 0 ? Math.round(size / seconds) : Math.floor(size / seconds);
  return words.format(-Math.sign(age) * (unit === 'second' ? number - (number % 10) : number), unit);
}

function show() {
  for (const time of all('time[data-age]')) {
    if (!since.has(time)) since.set(time, performance.now());
    const text = ago(Number(time.dataset.age) + (performance.now() - since.get(time)) / 1000);
    if (text && time.firstChild.data !== text) time.firstChild.data = text;
  }
}

document.addEventListener('htmx:load', show);
setInterval(show, EVERY);
