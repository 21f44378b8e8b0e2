/* The tools above a log: find, warnings only, follow, wrap, copy. */
import { copy } from './copying.js';
import { one } from './dom.js';
import { drawLine } from './log_lines.js';
import { figure } from './words.js';

const PAUSE = 300; // ms without a key, after which is looked
const AGAIN = 2000; // ms after which is asked again what got no answer
const ENOUGH = 200; // lines, of which more are fetched when they are wanted
const WARNINGS = ['warning', 'error'];

export function makeTools(log) {
  const form = one('.log-tools');
  const { find, level } = form.elements;
  const [told, earlier, followed, wrapped] = ['told', 'earlier', 'follow', 'wrap'].map((id) => document.getElementById(`log-${id}`));
  let found = null; // lines, oldest first, and the number before which there may be more
  let asked = 0; // counts what was asked: only the newest answer is shown
  let timer = 0;

  const wanted = () => ({ ...(find.value.trim() && { find: find.value.trim() }), ...(level.checked && { level: 'warning' }) });
  const isWanted = () => Object.keys(wanted()).length > 0;

  async function look(before) {
    asked += 1;
    const mine = asked;
    const answer = isWanted() ? await log.ask({ ...wanted(), ...(before && { before }) }) : null;
    if (mine !== asked) return;
    if (!isWanted()) clear();
    else if (answer) {
      found = { lines: [...answer.lines, ...(before ? found.lines : [])], before: answer.before };
      redraw();
      if (found.before && found.lines.length < ENOUGH) look(found.before); // one answer looks only so far
    } else setTimeout(() => { if (mine === asked) look(before); }, AGAIN);
  }

  function clear() {
    asked += 1;
    if (found) log.yieldTo(null);
    found = null;
    say();
  }

  function redraw() {
    if (!found) return;
    log.yieldTo(form);
    log.box.append(...found.lines.map((line) => draw(line)));
    log.box.scrollTop = log.box.scrollHeight;
    say();
  }

  const draw = (line) => drawLine(line, { ...log.draws(), find: find.value.trim() });

  function say() {
    const count = found?.lines.length ?? 0;
    const { none, single, many, more } = told.dataset;
    const number = [none, single][count] ?? many.replace('#', figure(count));
    const rest = found?.before ? `, ${more}` : '';
    told.textContent = found ? number + rest : '';
    earlier.hidden = !found?.before;
  }

  function hear(line) {
    const sought = find.value.trim().toLowerCase();
    if (!found || (level.checked && !WARNINGS.includes(line.level)) || !line.text.toLowerCase().includes(sought)) return;
    found.lines.push(line);
    log.box.append(draw(line));
    if (log.isFollowing) log.box.scrollTop = log.box.scrollHeight;
    say();
  }

  const EVENTS = {
    line: hear,
    scroll: () => followed.setAttribute('aria-pressed', log.isFollowing),
    begin: () => { if (found) look(); },
    go() {
      find.value = '';
      level.checked = false;
      clear();
    },
  };

  log.listen((what, ...about) => EVENTS[what](...about));

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    look();
  });
  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  });
  earlier.addEventListener('click', () => look(found.before));
  followed.addEventListener('click', log.follow);
  wrapped.addEventListener('click', () => {
    const wraps = wrapped.getAttribute('aria-pressed') !== 'true';
    wrapped.setAttribute('aria-pressed', wraps);
    form.parentElement.toggleAttribute('data-unwrapped', !wraps);
    if (found) redraw();
    else log.redraw();
  });
  document.getElementById('log-copy').addEventListener('click', ({ currentTarget: button }) => copy(button, text()));

  /* Of what was found, else of the whole log. */
  function text() {
    if (found) return found.lines.map((line) => line.text).join('\n');
    return fetch(log.box.dataset.log).then((answer) => answer.text());
  }

  if (isWanted()) document.addEventListener('htmx:load', () => look(), { once: true });
}
