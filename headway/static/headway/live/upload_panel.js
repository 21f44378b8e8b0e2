/* What is seen of an upload: the panel of a job before there is one. */
import { figure, remaining } from './words.js';

const UNITS = [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB'], [1, 'B']];
const WINDOW = 5000; // ms over which speed is measured
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/* `files` are all that the form sends; `cancel` is called when the user gives up. */
export function makePanel(form, files, cancel) {
  const panel = form.querySelector('[data-upload]');
  const words = panel.dataset;
  const bar = panel.querySelector('[role=progressbar]');
  const part = (name, text) => {
    const el = panel.querySelector(`[data-part=${name}]`);
    if (el.textContent !== text) el.textContent = text;
  };
  const whole = files.reduce((sum, { size }) => sum + size, 0);
  const [scale, unit] = UNITS.find(([each]) => whole >= each) ?? [1, 'B'];
  const amount = (bytes) => figure(bytes / scale);
  const here = new Map(files.map((file) => [file, 0]));
  let seen = []; // [when, bytes], of the last seconds

  form.querySelector('[data-upload-error]')?.remove();
  panel.hidden = false;
  const button = panel.querySelector('button');
  Object.assign(button, { hidden: false, onclick: cancel });
  delete panel.dataset.shown;
  panel.focus({ preventScroll: true });
  state('running', words.uploading);
  draw(0, files[0]);

  function state(status, badge) {
    if (panel.dataset.status === status && panel.dataset.shown) return;
    panel.dataset.shown = 'true';
    panel.dataset.status = status;
    part('badge', badge);
    say(badge);
  }

  function moved(file, bytes) {
    const before = here.get(file);
    here.set(file, bytes);
    const sum = [...here.values()].reduce((all, each) => all + each, 0);
    if (bytes < before) seen = [];
    seen = [...seen.filter(([when]) => performance.now() - when < WINDOW), [performance.now(), sum]];
    if (bytes > before) state('running', words.uploading);
    draw(sum, file);
  }

  function draw(sum, file) {
    const percent = whole ? (100 * sum) / whole : 100;
    bar.firstElementChild.style.width = `${percent}%`;
    bar.setAttribute('aria-valuenow', percent.toFixed(1));
    part('percent', `${Math.floor(percent)}%`);
    part('said', file.name);
    part('amount', filled(words.amount, { here: amount(sum), whole: `${amount(whole)} ${unit}` }));
    const rate = speed();
    part('rate', rate ? `${amount(rate)} ${unit}/s` : '');
    part('left', rate ? remaining((whole - sum) / rate) : '');
  }

  /* Bytes a second; 0 while it is not known. */
  function speed() {
    const [[from, first], [to, last]] = [seen[0] ?? [0, 0], seen.at(-1) ?? [0, 0]];
    return to - from > 500 ? Math.max(0, (1000 * (last - first)) / (to - from)) : 0;
  }

  function away() {
    seen = [];
    state('cancelling', words.away);
    part('said', words.waits);
    part('rate', '');
    part('left', '');
  }

  function queued() {
    state('queued', words.queued);
    for (const name of ['percent', 'amount', 'rate', 'left']) part(name, '');
    bar.firstElementChild.style.width = 0;
    bar.removeAttribute('aria-valuenow');
    button.hidden = true;
  }

  function failed(textContent) {
    const note = Object.assign(document.createElement('p'), { className: 'note note-error', role: 'alert', textContent });
    note.dataset.uploadError = '';
    panel.after(note);
  }

  return { moved, away, queued, failed };
}

function say(text) {
  const place = document.querySelector('[data-announce]');
  if (place) place.textContent = text;
}
