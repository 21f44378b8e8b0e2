/* Keeps a page live: its bars (from the stream that all tabs share), the chip, the title and the icon. */
import './ages.js';
import { makeBars } from './bars.js';
import { followClicks } from './clicks.js';
import { one } from './dom.js';
import { defineBar } from './element.js';
import { settings } from './settings.js';
import { named, tell } from './notify.js';
import { makeTabs } from './tabs.js';
import { watchTime } from './times.js';
import { duration, t } from './words.js';
import './own_htmx.js';

const on = (name, handle) => document.addEventListener(name, handle);
const chip = one('[data-chip]');
const icon = one('link[rel=icon]');
const title = document.title;
const names = 'namesPage' in settings || one('[data-names-page]'); // whether title and icon are ours to change
const mine = one('[data-mine]'); // a list of all my jobs, those still to be started among them

const turn = (work) => tabs.turn(work);
const bars = makeBars({ turn, onEnd });
let unseen = ''; // how a job has ended that nobody has seen end
let watched = ''; // the job that somebody has seen succeed
const tabs = makeTabs({
  viewer: settings.viewer,
  events: settings.events,
  heartbeat: Number(settings.heartbeat),
  need,
  hear: bars.hear,
  refresh: bars.refresh,
  changed: paint,
});

followClicks({ turn, refresh: bars.refresh });
defineBar(turn);

function need() {
  const active = bars.active();
  return bars.follows() && { mine: Boolean(mine), jobs: mine ? bars.outside() : active, quick: active.length > 0 };
}

// What a person sees of it.

const CHIP = {
  live: 'Live',
  polling: 'Live, every few seconds',
  late: 'No response for {age}',
  reconnecting: 'Reconnecting, updated {age} ago',
  paused: 'Live updates paused, updated {age} ago',
  auth: 'Sign in to keep watching',
  gone: 'No longer available',
};
let said = 'live'; // the state that was last told to screen readers: the first one is no news

function paint() {
  const moving = bars.moving();
  const percent = moving.length === 1 && moving[0].dataset.percent;
  const [ended, many] = [unseen && named(unseen), moving.length > 1 && t('{count} running', { count: moving.length })];
  const first = ended || many || (percent && `${Math.floor(percent)}%`);
  const mark = first && `${first} · `;
  if (names && document.title !== (mark || '') + title) document.title = (mark || '') + title;
  const shown = one('[data-record]') && one('[data-job]')?.dataset.status;
  if (names && !document.hidden) paintIcon(moving.length ? 'running' : shown);
  if (chip) paintChip(tabs.status());
}

function onEnd(status, job) {
  tell(status, job);
  watched = status === 'succeeded' && !document.hidden ? job.job : '';
  if (!names || !document.hidden) return;
  unseen = status;
  paintIcon(status);
}

/* A kind may lead on to its result (`leads_to`): who watches the job end, not who looks at it later. */
on('htmx:afterSwap', () => {
  const next = watched && one(`[data-job="${watched}"][data-leads-to]`);
  watched = next ? '' : watched;
  if (next && !document.hidden) location.assign(next.dataset.leadsTo);
});

function paintChip({ state: known, told }) {
  const state = known === 'auth' && !settings.signIn ? 'gone' : known; // a shared link, which needs nobody
  const age = duration((Date.now() - told) / 1000);
  const text = CHIP[state] ? t(CHIP[state], { age }) : '';
  chip.hidden = !text;
  chip.dataset.chip = state;
  if (text && state !== said) bars.say(text); // once, not each second of an age
  if (text) said = state;
  if (chip.textContent === text) return;
  chip.textContent = text;
  if (state !== 'auth') return;
  const href = `${settings.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`;
  chip.replaceChildren(Object.assign(document.createElement('a'), { href, textContent: text }));
}

function paintIcon(status) {
  const href = icon?.dataset[status] ?? icon?.dataset.idle;
  if (href && icon.getAttribute('href') !== href) icon.setAttribute('href', href);
}

// When to look.

let started = false;
on('htmx:load', () => {
  if (!started) tabs.begin(rendered());
  started = true;
  tabs.update();
  paint();
});

/* The number up to which everything is on the page; 0 when Redis did not tell. */
function rendered() {
  const cursors = [...document.querySelectorAll('[data-cursor]')].map((el) => Number(el.dataset.cursor));
  return cursors.length ? Math.min(...cursors) : 0;
}

watchTime({
  tick() {
    tabs.tick();
    bars.tick(tabs.status().state);
    paint();
  },
  wake(why) {
    tabs.wake(why);
    paint();
  },
  stop: tabs.stop,
});
on('visibilitychange', () => {
  if (document.hidden) return;
  unseen = '';
  bars.look();
});

/* Out of the back-forward cache a page comes as it was, also to whoever sits there after a sign-out. */
addEventListener('pageshow', async ({ persisted }) => {
  if (!persisted || !settings.viewer) return;
  const asked = `${settings.events}?viewer=${encodeURIComponent(settings.viewer)}`;
  const answer = await fetch(asked, { method: 'HEAD' }).catch(() => null);
  if (answer?.status === 401) location.reload();
});

on('htmx:responseError', ({ detail: { xhr, requestConfig: { verb } } }) => {
  if (verb !== 'post' && xhr.status === 401) tabs.wake({ network: true }); // the stream will be refused too, and say so
});

// Keys: their script comes with the first of them. Those with a meaning in a field keep it.

const FIELDS = 'input:not([type=checkbox]), textarea, select, dialog, [contenteditable]';
const press = (key) => import('./shortcuts.js').then((keys) => keys.default(key));

on('keydown', (event) => {
  const { key, target } = event;
  if (key.length > 1 || event.ctrlKey || event.metaKey || event.altKey || target.closest(FIELDS)) return;
  if (!one('[data-shortcuts]') || localStorage.shortcuts === 'off') return;
  if (key === '/') event.preventDefault(); // or it would be written into the field
  press(key);
});
on('click', ({ target }) => { if (target.closest('[data-shortcuts]')) press('?'); });

// Forms.

on('input', ({ target }) => {
  if (!target.dataset.finds) return;
  const words = target.value.toLowerCase().split(/\s+/);
  for (const each of document.getElementById(target.dataset.finds).children) {
    each.hidden = !words.every((word) => each.textContent.toLowerCase().includes(word));
  }
});
