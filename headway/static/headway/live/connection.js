/* One EventSource that lasts. The browser's own gives up after a 502, never notices a dead peer, and
   waits for ever behind a proxy that holds a stream back until it ends. */
'use strict';
window.live.connection = ({ heartbeat, begin, hear, changed, unknown }) => {
  const EVENTS = ['snapshot', 'progress', 'state', 'log', 'warning', 'output', 'error',
    'resync', 'heartbeat', 'busy', 'auth'];
  const POLL = 20; // seconds that the server may wait before it answers a poll
  const SILENCE = 2.5 * heartbeat; // from a line that has spoken, until it counts as dead
  const OPENING = Math.min(10000, SILENCE); // to a line's first word, which the server says at once

  let address = null; // of what is followed
  let line = null; // the connection that counts
  let trial = null; // while we poll, now and then: a stream that may get through
  let polls = false;
  let cursor = 0; // the newest number that has come
  let due = 0; // when to connect anew; 0: not planned
  let from = 0; // and from which number, which what comes meanwhile must not move
  let tried = 0; // when a stream was last tried while we poll
  let renewed = 0; // when the network came back
  let failures = 0;
  let refused = false; // nobody is signed in, or somebody else
  let stale = false; // the server says that it cannot read the log
  let opened = false; // whether it ever was
  let heard = Date.now(); // when the server last said anything
  let told = heard; // when what the page shows was last known to be true

  function listen(polling) {
    const url = new URL(address);
    url.searchParams.set('heartbeat', '1');
    if (cursor) url.searchParams.set('cursor', cursor);
    if (polling) url.searchParams.set('poll', POLL);
    const mine = { source: new EventSource(url), polling, began: Date.now(), spoke: false, last: cursor };
    mine.source.onopen = () => onOpen(mine);
    // The job's own `error` event arrives here too, but on an open stream.
    mine.source.onerror = () => { if (mine.source.readyState === EventSource.CLOSED) onRefusal(mine); };
    for (const name of EVENTS) {
      mine.source.addEventListener(name, (event) => { if (event.data) onEvent(mine, event); });
    }
    return mine;
  }

  function connect() {
    drop();
    refused = false;
    [cursor, from] = [from || cursor, 0];
    address = begin();
    if (address) line = listen(polls);
    changed();
  }

  function drop() {
    due = 0;
    line?.source.close();
    trial?.source.close();
    line = trial = null;
  }

  /* Connects anew, soon: whoever asks meanwhile is served by the same connection, from the lowest number. */
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
    if (mine === trial) adopt(mine);
    if (mine !== line) return;
    onLife(mine);
    const id = Number(lastEventId);
    const parsed = data.startsWith('{') ? JSON.parse(data) : {};
    stale = type === 'heartbeat' && parsed.stale === true;
    if (!stale) told = heard;
    if (type === 'auth') return refuse();
    // Numbers go down within a line only after Redis has lost everything and its clock went back.
    hear({ name: type, data: parsed, id, anew: id < mine.last });
    cursor = mine.last = id;
    changed();
  }

  function adopt(mine) {
    line.source.close();
    [line, trial, polls] = [mine, null, false];
  }

  function refuse() {
    drop();
    refused = true;
    changed();
  }

  /* EventSource does not say why it gave up. Try again with full jitter, unless it is no use. */
  async function onRefusal(mine) {
    if (mine === trial) trial = null;
    if (mine !== line) return;
    failures += 1;
    changed();
    const options = { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(5000) };
    const answer = await fetch(address, options).catch(() => null);
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
      if (now - Math.max(heard, line.began) > patience(line)) onSilence();
      else if (polls) tryStream(now);
    }
    changed();
  }

  function patience({ spoke, polling }) {
    if (!spoke) return OPENING + (polling ? 1000 * POLL : 0);
    return polling ? 2000 * POLL : SILENCE;
  }

  /* From a stream on which nothing ever came, something between holds it back, or nothing works. */
  function onSilence() {
    failures += 1;
    if (!line.spoke) [polls, tried] = [true, 0];
    connect();
  }

  /* Beside the polls, which go on. Only where these are answered, so that it is the stream's fault. */
  function tryStream(now) {
    if (trial && now - trial.began > OPENING) {
      trial.source.close();
      trial = null;
    } else if (!trial && line.spoke && now - tried > 4 * heartbeat) {
      tried = now;
      trial = listen(false);
    }
  }

  /* All tabs call at once: within a second they mean the same. */
  function wake({ network = false } = {}) {
    const now = Date.now();
    if ((!line && !refused) || now - (network ? renewed : line?.began) < 1000) return;
    if (network) [renewed, failures] = [now, 0];
    const lost = line?.source.readyState !== EventSource.OPEN && !(polls && line?.spoke);
    if (network || lost || now - heard > 1.2 * heartbeat) connect();
  }

  function state() {
    if (refused) return 'auth';
    const silent = Date.now() - heard > 3000;
    // A server on this machine goes on talking when the network is away.
    if ((silent && !navigator.onLine) || failures > 2 || stale) return 'paused';
    if (polls && line?.spoke) return 'polling';
    if (line?.spoke && line.source.readyState === EventSource.OPEN) return 'live';
    if (failures || silent) return 'reconnecting';
    return opened ? 'live' : 'opening';
  }

  return { open, close, tick, wake, status: () => ({ state: state(), told }) };
};
