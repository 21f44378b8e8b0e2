/* One EventSource that lasts. The browser's own gives up after a 502, never notices a dead peer, and
   waits for ever behind a proxy that holds a stream back until it ends. */
import { NAMES } from './events.js';

export function makeConnection({ begin, hear, changed, unknown }) {
  const POLL = 20; // seconds that the server may wait before it answers a poll of what does not move
  const LATE = 2000; // ms after a word was due, until that is said
  const DEAD = 3500; // and until a line that has spoken counts as dead
  const OPENING = 4000; // to a line's first word, which the server says at once
  const RETRY = 900; // after which the browser polls again, at most

  let asked = null; // what is followed: its address, the seconds between two words, whether anything moves
  let line = null; // the connection that counts
  let polls = false;
  let cursor = 0; // the newest number that has come
  let due = 0; // when to reconnect; 0: not planned
  let from = 0; // and from which number, which what comes meanwhile must not move
  let tried = 0; // while we poll: when a stream was last tried, which may get through
  let pause = 0; // and how long until the next try
  let renewed = 0; // when the network came back
  let failures = 0;
  let refused = false; // not signed in, or another user is
  let stale = false; // the server says that it cannot read the log
  let opened = false; // whether it ever was
  let heard = Date.now(); // when the server last said anything
  let told = heard; // when what the page shows was last known to be true

  function listen(polling) {
    const url = new URL(asked.address);
    const wait = asked.quick ? asked.period : POLL;
    url.searchParams.set('heartbeat', asked.period);
    if (cursor) url.searchParams.set('cursor', cursor);
    if (polling) url.searchParams.set('poll', wait);
    const every = polling ? 1000 * wait + RETRY : 1000 * asked.period;
    const mine = { source: new EventSource(url), polling, every, began: Date.now(), spoke: false, last: cursor };
    mine.source.onopen = () => onOpen(mine);
    // The job's own `error` event arrives here too, but on an open stream.
    mine.source.onerror = () => { if (mine.source.readyState === EventSource.CLOSED) onRefusal(mine); };
    for (const name of NAMES) {
      mine.source.addEventListener(name, (event) => { if (event.data) onEvent(mine, event); });
    }
    return mine;
  }

  function connect() {
    drop();
    refused = false;
    [cursor, from] = [from || cursor, 0];
    asked = begin();
    if (asked) line = listen(polls);
    changed();
  }

  function drop() {
    due = 0;
    line?.source.close();
    line = null;
  }

  /* Reconnects soon: tabs that ask meanwhile are served by the same connection, from the lowest number. */
  function open(number, delay) {
    const before = from || cursor;
    from = Math.min(before || number, number || before);
    plan(delay);
  }

  function close() {
    drop();
    cursor = from = failures = 0;
  }

  function plan(delay) {
    due = Date.now() + delay;
    setTimeout(tick, delay + 1); // and with any other tick, since timers of hidden tabs are late
  }

  function onOpen(mine) {
    if (mine === line && mine.polling) onLife(mine);
    changed();
  }

  function onLife(mine) {
    mine.spoke = opened = true;
    heard = Date.now();
    failures = 0;
  }

  function onEvent(mine, { type, data, lastEventId }) {
    if (mine !== line) return;
    onLife(mine);
    const id = Number(lastEventId);
    const parsed = data.startsWith('{') ? JSON.parse(data) : {};
    stale = type === 'heartbeat' && parsed.stale === true;
    if (type === 'heartbeat') mine.ends = parsed.ends === true;
    if (!stale) told = heard;
    if (type === 'auth') return refuse();
    // Numbers go down within a line only after Redis has lost everything and its clock went back.
    hear({ name: type, data: parsed, id, anew: id < mine.last });
    cursor = mine.last = id;
    changed();
  }

  function refuse() {
    drop();
    refused = true;
    changed();
  }

  /* EventSource does not say why it gave up. Try again with full jitter, unless it is no use. */
  async function onRefusal(mine) {
    if (mine !== line) return;
    failures += 1;
    changed();
    const options = { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(5000) };
    const answer = await fetch(asked.address, options).catch(() => null);
    if (mine !== line || due) return;
    if (answer?.status === 401 || answer?.type === 'opaqueredirect') refuse();
    else if (answer?.status === 403 || answer?.status === 404) unknown();
    else plan(Math.random() * Math.min(5000, 1000 * 2 ** failures));
  }

  function tick() {
    const now = Date.now();
    if (due) {
      if (now >= due) connect();
    } else if (line && line.source.readyState !== EventSource.CLOSED) {
      if (overdue() > (line.spoke ? DEAD : OPENING)) onSilence();
      else if (polls && line.spoke && now - tried > pause) tryStream(now);
    }
    changed();
  }

  /* Milliseconds since the next word was due. */
  function overdue() {
    if (!line) return 0;
    const every = line.spoke || line.polling ? line.every : 0;
    return Date.now() - Math.max(heard, line.began) - every;
  }

  /* From a stream on which nothing ever came, something between holds it back, or nothing works. */
  function onSilence() {
    failures += line.trial ? 0 : 1;
    if (!line.spoke && !polls) {
      pause = line.trial ? Math.min(60000, 2 * pause) : 10000;
      [polls, tried] = [true, Date.now()];
    }
    connect();
  }

  /* In place of a poll. Only where these are answered, so that it is the stream's fault. */
  function tryStream(now) {
    [polls, tried] = [false, now];
    connect();
    if (line) line.trial = true;
  }

  /* All tabs call at once: within a second they mean the same. */
  function wake({ network = false } = {}) {
    const now = Date.now();
    if ((!line && !refused) || now - (network ? renewed : line?.began) < 1000) return;
    if (network) [renewed, failures] = [now, 0];
    const lost = line?.source.readyState !== EventSource.OPEN && !(polls && line?.spoke) && !line?.ends;
    if (network || lost || overdue() > LATE) connect();
  }

  function state() {
    if (refused) return 'auth';
    const since = (moment) => Date.now() - moment;
    // A server on this machine goes on talking when the network is away.
    if ((since(heard) > 3000 && !navigator.onLine) || failures > 2 || stale) return 'paused';
    const answers = polls || line?.ends; // one by one, for which the browser comes back by itself
    const runs = line?.spoke && (answers || line.source.readyState === EventSource.OPEN);
    if (runs && overdue() > LATE) return 'late';
    if (answers && runs) return 'polling';
    if (runs) return 'live';
    if (line?.trial) return 'polling';
    if (failures || since(Math.max(heard, line?.began ?? 0)) > 3000) return 'reconnecting';
    return opened ? 'live' : 'opening';
  }

  return { open, close, tick, wake, status: () => ({ state: state(), told }) };
}
