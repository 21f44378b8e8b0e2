/* Keys for what is done most, and a sheet of them behind "?", where they are switched off as well. page.js loads this
   with the first key, so that it costs no page anything. */
import { all, one } from './dom.js';
import { t } from './words.js';

const OFF = 'off'; // of localStorage.shortcuts

/* Key, what it does, what has to be on the page for that, and how it is done. */
const KEYS = [
  ['?', 'Show these shortcuts', 'body', open],
  ['/', 'Search', 'input[type=search]', (el) => el.focus()],
  ['j', 'Next job', '.row h3 a', () => step(1)],
  ['k', 'Previous job', '.row h3 a', () => step(-1)],
  ['x', 'Select the job', '.row input[name=job]', tick],
  ['s', 'Start a job', '#start-summary', (el) => { el.parentElement.open = true; el.focus(); }],
  ['l', 'Go to the log', '#to-log', (el) => { el.click(); one('[data-lines]')?.focus(); }],
  ['u', 'Back to my jobs', '.crumb a', (el) => el.click()],
];

export default function press(key) {
  const [, , where, act] = KEYS.find(([name]) => name === key) ?? [];
  const el = where && one(where);
  if (el) act(el);
}

const current = () => document.activeElement.closest('.row');

function step(by) {
  const rows = all('.row');
  const at = rows.indexOf(current());
  const to = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
  to?.querySelector('h3 a').focus();
}

function tick() {
  current()?.querySelector('input[name=job]')?.click();
}

const make = (tag, more = {}, ...inside) => {
  const el = Object.assign(document.createElement(tag), more);
  el.append(...inside);
  return el;
};

function line(...inside) {
  const row = make('div', {}, ...inside);
  row.style.gridTemplateColumns = '3rem 1fr';
  return row;
}

function open() {
  const rows = KEYS.filter(([, , where]) => one(where)).map(([key, text]) => line(make('dt', {}, make('kbd', { textContent: key })), make('dd', { textContent: t(text) })));
  const on = make('input', { type: 'checkbox', checked: localStorage.shortcuts !== OFF });
  on.addEventListener('change', () => { localStorage.shortcuts = on.checked ? 'on' : OFF; });
  const heading = make('h2', { id: 'shortcuts-heading', textContent: t('Keyboard shortcuts') });
  const close = make('button', { className: 'quiet', textContent: t('Close') });
  const form = make('form', { method: 'dialog' }, heading, make('dl', { className: 'pairs' }, ...rows), make('label', { className: 'help' }, on, ` ${t('Use them in this browser')}`), make('p', { className: 'actions' }, close));
  const sheet = make('dialog', { className: 'asking' }, form);
  sheet.setAttribute('aria-labelledby', heading.id);
  sheet.addEventListener('close', () => sheet.remove());
  one('[data-names-page]').append(sheet);
  sheet.showModal();
  close.focus();
}
