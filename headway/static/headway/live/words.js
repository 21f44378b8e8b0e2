/* Texts in the language of the page, and values as text; headway/templatetags/headway.py writes them the same way. */
import { settings } from './settings.js';

const catalog = JSON.parse(settings.words || '{}'); // headway/web/words.py: empty for English
const NAME = /\{(\w+)\}/g;
const NUMBER = /^[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?%?$/; // headway/kinds/numbers.py
const kinds = new Map(); // what tasks of a kind say, as its elements have it -> what it looks like, and its translation
const SMALLEST = 1e-6; // what is less is written as 0
const LARGER = new Map([['B', 'kB'], ['bytes', 'kB'], ['kB', 'MB'], ['MB', 'GB'], ['GB', 'TB']]);
const MOST = 1000; // from here on an amount of bytes is written in the larger unit

/* A text of headway/web/words.py, with its {names} filled in. */
export function t(text, values = {}) {
  return (catalog[text] ?? text).replace(NAME, (_, name) => values[name]);
}

/* What a task has said, where its kind declares it (headway/web/told.py): `says` is of the job's element. */
export function said(text, says = '{}') {
  if (!kinds.has(says)) kinds.set(says, Object.entries(JSON.parse(says)).map(phrase));
  for (const { looks, names, translated } of kinds.get(says)) {
    const found = looks.exec(text);
    if (found) return translated.replace(NAME, (as, name) => localized(found[names.indexOf(name) + 1] ?? as));
  }
  return text;
}

function phrase([text, translated]) {
  const parts = text.split(/\{(\w+)\}/);
  const looks = parts.map((part, at) => (at % 2 ? '(.*)' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))).join('');
  return { looks: new RegExp(`^${looks}$`, 's'), names: parts.filter((_, at) => at % 2), translated };
}

/* A text that is nothing but a number as Python writes it, with the separators of the page. */
function localized(text) {
  if (!NUMBER.test(text)) return text;
  const parts = new Intl.NumberFormat(settings.lang || 'en', { useGrouping: true }).formatToParts(12345.6);
  const mark = (type) => parts.find((part) => part.type === type)?.value ?? '';
  return text.replace(/[,.]/g, (each) => mark(each === ',' ? 'group' : 'decimal'));
}

export function figure(value) {
  const size = Math.abs(value);
  const digits = size >= SMALLEST && size < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: size < 10 ? 1 : 0 };
  return value.toLocaleString(settings.lang || 'en', { ...digits, useGrouping: true });
}

const padded = (value) => String(Math.floor(value) % 60).padStart(2, '0');

export function duration(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${padded(seconds)} s`;
  return `${Math.floor(seconds / 3600)} h ${padded(seconds / 60)} min`;
}

export function remaining(eta) {
  if (eta == null) return '';
  return t('about {time}', { time: eta < 60 ? duration(eta) : duration(Math.ceil(eta / 60) * 60).replace(' 00 s', '') });
}

export function count({ current, total }, unit) {
  if (current == null) return '';
  const [times, read] = scale(total ?? current, unit);
  const done = figure(current / times);
  return `${total == null ? done : t('{done} of {total}', { done, total: figure(total / times) })} ${read}`.trimEnd();
}

export function rate(value, unit) {
  if (value == null) return '';
  const [amount, time] = value < 1 ? [value * 60, 'min'] : [value, 's'];
  const [times, read] = scale(amount, unit);
  return `${figure(amount / times)} ${read}`.trimEnd() + `/${time}`;
}

/* How many of a unit the one is in which so many of it are read, and that unit. */
function scale(amount, unit) {
  let times = 1;
  for (; LARGER.has(unit) && amount / times >= MOST; times *= 1000) unit = LARGER.get(unit);
  return [times, unit];
}

/* For how long a job has not moved. */
export function stall(quiet) {
  const [amount, unit] = quiet < 120 ? [quiet, 's'] : quiet < 7200 ? [quiet / 60, 'min'] : [quiet / 3600, 'h'];
  return t('No progress for {time}', { time: `${Math.floor(amount)} ${unit}` });
}
