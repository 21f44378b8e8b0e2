/* Keeps every [data-job] on the page live over one EventSource (docs/protocol.md). Progress is
   applied in place; when a job changes state, htmx fetches its row, bar or panel again. */
'use strict';
(() => {
  const ACTIVE = ['queued', 'running', 'cancelling'];
  const MOVING = ['running', 'cancelling'];
  const script = document.currentScript.dataset;
  const one = (selector) => document.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const of = (job) => all(`[data-job="${job}"]`);
  const jobs = (statuses) => all('[data-job]').filter((el) => statuses.includes(el.dataset.status));
  const on = (name, handle) => document.addEventListener(name, handle);
  const stream = one('[data-stream]');
  const list = one('[data-list]'); // takes rows of jobs that are new to the page
  const record = one('[data-record]'); // takes log lines and output of its job
  const chip = one('[data-chip]');
  const icon = one('link[rel=icon]');
  const title = document.title;
  const heartbeat = 1000 * script.heartbeat;

  const motion = new Map(); // job -> its newest progress
  const wanted = new Map(); // job -> number of a state that the page does not show yet
  const asked = new Map(); // job -> when its element was last asked for
  const began = new WeakMap(); // element -> when its attempt began

  // Values as text; jobs/templatetags/live.py writes them the same way.

  const figure = (value) => value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 10 ? 1 : 0 });
  const padded = (value) => String(Math.floor(value) % 60).padStart(2, '0');
  function duration(seconds) {
    if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${padded(seconds)} s`;
    return `${Math.floor(seconds / 3600)} h ${padded(seconds / 60)} min`;
  }
  function remaining(eta) {
    if (eta == null) return '';
    return `about ${eta < 60 ? duration(eta) : duration(Math.ceil(eta / 60) * 60).replace(' 00 s', '')}`;
  }
  function count({ current, total }) {
    if (current == null) return '';
    return total == null ? figure(current) : `${figure(current)} of ${figure(total)}`;
  }
  function rate(value) {
    if (value == null) return '';
    return value < 1 ? `${figure(value * 60)}/min` : `${figure(value)}/s`;
  }

  // Progress, in place.

  function fill(el, name, text) {
    for (const field of all(`[data-field="${name}"]`, el)) if (field.textContent !== text) field.textContent = text;
  }

  function say(text) {
    one('[data-announce]')?.replaceChildren(text);
  }

  /* Within one attempt a bar never goes back, and only the server's word makes it full. */
  function move(el, data) {
    if (data.attempt !== Number(el.dataset.attempt) || !MOVING.includes(el.dataset.status)) return;
    const bar = el.querySelector('[role=progressbar]');
    const before = Number(el.dataset.percent);
    if (data.percent != null || el.dataset.percent) {
      const percent = Math.min(99.9, Math.max(before, data.percent ?? 0));
      el.dataset.percent = percent;
      bar.firstElementChild.style.width = `${percent}%`;
      bar.setAttribute('aria-valuenow', percent);
      fill(el, 'percent', `${Math.floor(percent)}%`);
      const mark = [75, 50, 25].find((step) => before < step && percent >= step);
      if (mark) say(`${el.dataset.title}: ${mark}%`);
    }
    bar.setAttribute('aria-valuetext', el.dataset.percent ? `${Math.floor(el.dataset.percent)}%` : count(data));
    fill(el, 'message', data.message ?? '');
    fill(el, 'phase', data.phase ?? '');
    fill(el, 'count', count(data));
    fill(el, 'rate', rate(data.rate));
    fill(el, 'eta', remaining(data.eta));
    fill(el, 'warnings', data.warnings ? figure(data.warnings) : '');
    if (data.elapsed != null) began.set(el, Date.now() - data.elapsed * 1000);
  }

  function onProgress(data, id) {
    motion.set(data.job, data);
    const shown = of(data.job);
    for (const el of shown) move(el, data);
    const missing = shown.length ? data.attempt > shown[0].dataset.attempt : list;
    if (missing && Date.now() - (asked.get(data.job) ?? 0) > 2000) want(data.job, id);
  }

  function onLine(data, kind) {
    if (record?.dataset.record !== data.job || data.attempt < record.dataset.attempt) return;
    const fresh = data.attempt > record.dataset.attempt;
    record.dataset.attempt = data.attempt;
    const [output, lines] = [record.querySelector('[data-output]'), record.querySelector('[data-lines]')];
    if (fresh) output.textContent = lines.textContent = '';
    const box = kind === 'output' ? output : lines;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    const line = Object.assign(document.createElement('li'), { className: data.level, textContent: data.text });
    box.append(kind === 'output' ? data.text : line);
    if (lines.children.length > 500) lines.firstElementChild.remove();
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  // State, which the server renders.

  function onState(data, id) {
    const [el] = of(data.job);
    if (el?.dataset.status === data.status && Number(el.dataset.attempt) === data.attempt) return;
    const ended = !ACTIVE.includes(data.status);
    if (ended || data.status === 'running') say(`${data.title}: ${ended ? data.status : 'started'}`);
    if (ended && document.hidden) paintIcon(data.status);
    want(data.job, id);
  }

  function want(job, id) {
    wanted.set(job, Math.max(id, wanted.get(job) ?? 0));
    ask(job);
  }

  function ask(job) {
    asked.set(job, Date.now());
    const shown = of(job);
    for (const el of shown) el.dispatchEvent(new CustomEvent('job:state'));
    if (!shown.length && list) {
      const row = list.dataset.list.replace(list.dataset.placeholder, job);
      window.htmx.ajax('GET', row, { target: list, swap: 'afterbegin' });
    } else if (!shown.length) wanted.delete(job);
  }

  // The connection. EventSource alone gives up after a 502 and never notices a dead peer.

  let source = null;
  let cursor = stream?.dataset.cursor ?? '';
  let over = ''; // why nothing more will come: 'done', 'auth' or 'gone'
  let failures = 0;
  let timer = 0;
  let heard = Date.now(); // when the stream last said anything
  let tried = heard; // when it was last opened
  let opened = false; // whether it ever was

  const HANDLERS = {
    snapshot: (data, id) => { onState(data, id); onProgress(data, id); },
    progress: onProgress,
    state: onState,
    log: (data) => onLine(data, 'log'),
    warning: (data) => onLine(data, 'warning'),
    output: (data) => onLine(data, 'output'),
    auth: () => finish('auth'),
    done: () => finish('done'),
    // They only prove life: a snapshot follows `resync`, and after `busy` the browser tries again.
    heartbeat() {}, resync() {}, busy() {},
  };

  function address() {
    const ids = jobs(ACTIVE).map((el) => `job=${el.dataset.job}`).join('&');
    const url = new URL(stream?.dataset.stream ?? `${script.events}?${ids}`, location.href);
    url.searchParams.set('heartbeat', '1');
    return url;
  }

  function connect() {
    clearTimeout(timer);
    source?.close();
    over = '';
    tried = Date.now();
    const url = address();
    if (cursor) url.searchParams.set('cursor', cursor);
    const mine = source = new EventSource(url);
    mine.onopen = () => { opened = true; paint(); };
    // The job's own `error` event arrives here too, but on an open stream.
    mine.onerror = () => { if (mine === source && mine.readyState === EventSource.CLOSED) probe(mine); };
    for (const [name, handle] of Object.entries(HANDLERS)) {
      mine.addEventListener(name, (event) => {
        if (mine !== source) return;
        heard = Date.now();
        failures = 0;
        if (event.lastEventId) cursor = event.lastEventId;
        handle(event.data.startsWith('{') ? JSON.parse(event.data) : {}, Number(cursor));
      });
    }
  }

  function finish(why) {
    over = why;
    clearTimeout(timer);
    source?.close();
    paint();
  }

  /* EventSource does not say why it gave up. Try again with full jitter, unless it is no use. */
  async function probe(mine) {
    failures += 1;
    const answer = await fetch(address(), { method: 'HEAD', redirect: 'manual' }).catch(() => null);
    if (mine !== source || over) return;
    if (answer?.status === 401 || answer?.type === 'opaqueredirect') finish('auth');
    else if (answer?.status === 403 || answer?.status === 404) finish('gone');
    else timer = setTimeout(connect, Math.random() * Math.min(5000, 1000 * 2 ** failures));
  }

  function wake() {
    const lost = source?.readyState !== EventSource.OPEN || Date.now() - heard > 1.2 * heartbeat;
    if (source && !over && lost) connect();
  }

  function tick() {
    const now = Date.now();
    for (const el of jobs(MOVING)) if (began.has(el)) fill(el, 'elapsed', duration((now - began.get(el)) / 1000));
    for (const job of wanted.keys()) if (now - asked.get(job) > 3000) ask(job);
    if (state() === 'paused') { // then poll instead
      for (const { dataset: { job } } of jobs(ACTIVE)) if (now - (asked.get(job) ?? 0) > 10000) ask(job);
    }
    const silent = now - Math.max(heard, tried) > 2.5 * heartbeat;
    if (silent && source && !over && source.readyState !== EventSource.CLOSED) {
      failures += 1;
      connect();
    }
    paint();
  }

  // What a person sees of it.

  function state() {
    if (over || !source) return over || 'done';
    const silent = Date.now() - heard > 3000;
    // A server on this machine goes on talking when the network is away.
    if ((silent && !navigator.onLine) || failures > 2) return 'paused';
    if (source.readyState === EventSource.OPEN) return 'live';
    if (failures || silent) return 'reconnecting';
    return opened ? 'live' : 'opening';
  }

  function paint() {
    const [name, moving] = [state(), jobs(MOVING)];
    const percent = moving.length === 1 && moving[0].dataset.percent;
    const mark = moving.length > 1 ? `${moving.length} running · ` : percent && `${Math.floor(percent)}% · `;
    if (document.title !== (mark || '') + title) document.title = (mark || '') + title;
    if (!document.hidden) paintIcon(moving.length ? 'running' : record && one('[data-job]')?.dataset.status);
    if (!chip) return;
    const ago = `, updated ${duration((Date.now() - heard) / 1000)} ago`;
    const text = { live: 'Live', reconnecting: `Reconnecting${ago}`, paused: `Live updates paused${ago}`,
      auth: 'Sign in to keep watching', gone: 'No longer available' }[name] ?? '';
    chip.hidden = !text;
    chip.dataset.chip = name;
    if (chip.textContent === text) return;
    chip.textContent = text;
    if (name !== 'auth') return;
    const href = `${chip.dataset.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`;
    chip.replaceChildren(Object.assign(document.createElement('a'), { href, textContent: text }));
  }

  function paintIcon(status) {
    const href = icon?.dataset[status] ?? icon?.dataset.idle;
    if (href && icon.getAttribute('href') !== href) icon.setAttribute('href', href);
  }

  // Together with htmx.

  /* A reply is as old as the cursor it was rendered at: one that was overtaken is not shown. */
  on('htmx:beforeSwap', ({ detail }) => {
    const { job, cursor: shown } = detail.target.dataset;
    const replied = Number(detail.xhr.getResponseHeader('Progress-Cursor'));
    if (job && replied && replied < Math.max(shown, wanted.get(job) ?? 0)) detail.shouldSwap = false;
  });

  on('htmx:load', ({ target }) => {
    for (const el of [target, ...all('[data-job]', target)]) {
      const { job, cursor: shown, elapsed } = el.dataset;
      if (!job) continue;
      const [newest, ...twins] = of(job).sort((a, b) => b.dataset.cursor - a.dataset.cursor);
      for (const twin of twins) if (twin.id === newest.id) twin.remove();
      if (!shown || shown >= (wanted.get(job) ?? 0)) wanted.delete(job);
      if (elapsed) began.set(el, Date.now() - elapsed * 1000);
      if (motion.has(job)) move(el, motion.get(job));
    }
    const cursors = all('[data-cursor]').map((el) => el.dataset.cursor);
    if (!source && !stream && cursors.length && cursors.every(Boolean)) cursor = String(Math.min(...cursors));
    if ((!source || over === 'done') && (list || jobs(ACTIVE).length)) connect();
    paint();
  });

  function failed({ detail: { xhr, requestConfig: { verb, path } } }) {
    const sentence = xhr.getResponseHeader('Content-Type')?.startsWith('text/plain') && xhr.responseText;
    if (verb !== 'post') {
      if (xhr.status === 401) finish('auth');
      if (xhr.status === 404) wanted.delete(path.match(/[\da-f-]{36}/)?.[0]);
    } else if (sentence || xhr.status !== 400) { // 400 with markup is the form again
      const note = Object.assign(document.createElement('p'), { className: 'note note-error', role: 'alert' });
      note.textContent = sentence || 'That did not work. Try again in a moment.';
      one('[data-notes]')?.replaceChildren(note);
      note.scrollIntoView({ block: 'nearest' });
    }
  }

  on('htmx:responseError', failed);
  on('htmx:sendError', failed);

  on('htmx:xhr:progress', ({ target, detail }) => {
    const meter = target.querySelector('[data-upload]');
    if (meter && detail.lengthComputable) Object.assign(meter, { hidden: false, value: detail.loaded / detail.total });
  });

  on('change', ({ target }) => {
    if (!target.dataset.maxBytes) return;
    const large = [...target.files].some((file) => file.size > Number(target.dataset.maxBytes));
    target.setCustomValidity(large ? target.dataset.tooLarge : '');
    target.reportValidity();
  });

  on('visibilitychange', () => { if (!document.hidden) { wake(); paint(); } });
  window.addEventListener('pageshow', ({ persisted }) => { if (persisted) wake(); });
  window.addEventListener('online', () => { failures = 0; wake(); });
  window.addEventListener('pagehide', () => source?.close());
  setInterval(tick, 1000);
})();
