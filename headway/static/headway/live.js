/* Follows jobs for a page's own scripts: import { follow } from 'headway/live.js' (docs/clients.md). */
import { KINDS, NAMES } from './live/events.js';
import { settings } from './live/settings.js';
import { makeTabs } from './live/tabs.js';
import { watchTime } from './live/times.js';

const ENDED = ['succeeded', 'failed', 'cancelled', 'lost'];
const HEARTBEAT = 15; // seconds between two signs of life, where nobody says otherwise

/* Calls `handlers` by the names of events, with the data of each, until all `jobs` (an id or a list of them)
   have ended; `status` gets the state of the connection, `end` is called last. Returns a function that ends it
   before. Throws where nobody says where the events are. */
export function follow(jobs, handlers, options = {}) {
  const { events, viewer = '', heartbeat = HEARTBEAT } = { ...settings, ...options };
  if (!events) throw new Error("follow() needs to know where events are: follow(jobs, handlers, { events: '/jobs/events/' })");
  const open = new Set([jobs].flat().map(String)); // jobs that have not ended
  const unread = new Set(); // those of which we know nothing yet
  const newest = new Map(); // job -> number of its newest event
  let reading = false;
  let shown = '';

  const need = () => open.size > 0 && { mine: false, jobs: [...open], quick: true };
  const tabs = makeTabs({ viewer, events, heartbeat: Number(heartbeat), need, hear, refresh, changed });
  const stopWatching = watchTime({ tick, wake: tabs.wake, stop: tabs.stop });

  function hear(name, data, id) {
    const { job } = data;
    if (!open.has(job)) return; // another tab's
    if (name === 'resync') newest.delete(job);
    else if (KINDS.includes(name) && id <= newest.get(job)) return;
    else newest.set(job, id);
    if (name === 'snapshot') unread.delete(job);
    handlers[name]?.(data);
    if (NAMES.includes(name) && ENDED.includes(data.status)) close(job);
  }

  function close(job) {
    if (!open.delete(job) || open.size) return;
    stop();
    handlers.end?.();
  }

  function stop() {
    open.clear();
    stopWatching();
    tabs.update();
  }

  function tick() {
    tabs.tick();
    if (unread.size) read();
  }

  /* What a stream that others share does not tell anew. */
  function refresh(wanted = [...open]) {
    for (const job of wanted) unread.add(job);
    read();
  }

  async function read() {
    if (reading) return;
    reading = true;
    const answer = await tabs.turn(ask);
    reading = false;
    for (const snapshot of answer?.jobs ?? []) {
      const number = answer.cursor ?? 0; // older than what has come: read again
      if (unread.has(snapshot.job) && number >= (newest.get(snapshot.job) ?? 0)) hear('snapshot', snapshot, number);
    }
  }

  async function ask() {
    const url = new URL('../status/', new URL(events, location.href));
    for (const job of unread) url.searchParams.append('job', job);
    const answer = await fetch(url, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(8000) });
    return answer.ok ? answer.json() : null;
  }

  function changed() {
    const { state } = tabs.status();
    if (state !== shown && open.size) handlers.status?.(state);
    shown = state;
  }

  tabs.update();
  return stop;
}
