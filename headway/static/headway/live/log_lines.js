/* A line of a log as an element, as the server renders it (headway/templates/headway/_lines.html), and back. */
import { t as words } from './words.js';

const made = new Map(); // time zone -> its format

function format(zone) {
  if (!made.has(zone)) {
    const parts = { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23' };
    let form;
    try {
      form = new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: zone });
    } catch {
      form = new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: 'UTC' }); // a zone that browsers do not know
    }
    made.set(zone, form);
  }
  return made.get(zone);
}

/* `find` is marked in it. */
export function drawLine({ n, t, level, text }, { zone, linked, find = '' }) {
  const li = Object.assign(document.createElement('li'), { className: level, id: `line-${n}` });
  const at = t ? format(zone).format(t) : '';
  const ariaLabel = [`${words('Line')} ${n}`, at].filter(Boolean).join(', ');
  const link = Object.assign(document.createElement('a'), { href: `#line-${n}`, tabIndex: -1, ariaLabel });
  Object.assign(link.dataset, { n, t, at });
  const said = document.createElement('span');
  said.append(...(find ? marked(text, find) : [text]));
  li.append(link, said);
  li.classList.toggle('linked', n === linked);
  return li;
}

function marked(text, find) {
  const parts = [];
  const [lower, wanted] = [text.toLowerCase(), find.toLowerCase()];
  let at = 0;
  for (let found = lower.indexOf(wanted); found >= 0 && lower.length === text.length; found = lower.indexOf(wanted, at)) {
    const end = found + wanted.length;
    parts.push(text.slice(at, found), Object.assign(document.createElement('mark'), { textContent: text.slice(found, end) }));
    at = end;
  }
  return [...parts, text.slice(at)];
}

/* In the place of lines that are not there. */
export function drawGap(height, text) {
  const li = Object.assign(document.createElement('li'), { className: 'gap', textContent: text });
  if (height) li.style.height = `${height}px`;
  return li;
}

/* `n` is the number of one that says none. */
export function readLine(li, n) {
  const { n: number = n, t = 0 } = li.querySelector('a')?.dataset ?? {};
  return { n: Number(number), t: Number(t), level: li.className, text: li.textContent };
}
