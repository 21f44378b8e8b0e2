/* Keeps every [data-job] on the page live over one EventSource (docs/protocol.md).
   Progress is applied in place; when a job changes state, htmx fetches its row or panel again. */
'use strict';
(() => {
  const stream = document.querySelector('[data-stream]');
  const script = document.currentScript.dataset;
  const list = document.querySelector('[data-list]');
  const record = document.querySelector('[data-record]');
  const chip = document.querySelector('[data-chip]');
  const announcer = document.querySelector('[data-announce]');
  const icon = document.querySelector('link[rel=icon]');
  const heartbeat = 1000 * (stream?.dataset.heartbeat || script.heartbeat || 15);
  const title = document.title;
  const ACTIVE = ['queued', 'running', 'cancelling'];
  const MOVING = ['running', 'cancelling'];

  let source = null; // kept: an EventSource that nobody refers to may be collected
  let cursor = '';
  let end = ''; // why nothing more will come: '', 'done', 'auth', 'gone'
  let failures = 0;
  let timer = 0;
  let heard = Date.now(); // when the stream last said anything
  const motion = new Map(); // job -> its newest progress
  const wanted = new Map(); // job -> number of a state that its element does not show yet
  const asked = new Map(); // job -> when its element was last asked for
  const clocks = new WeakMap(); // element -> the moment its attempt began

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const elements = (job) => all(`[data-job="${CSS.escape(job)}"]`);
  const active = () => all('[data-job]').filter((el) => ACTIVE.includes(el.dataset.status));
  const number = (value) => value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 });

  // How values are written; jobs/templatetags/live.py writes them the same way.

  function duration(seconds) {
    const s = Math.floor(seconds);
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
    return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, '0')} min`;
  }

  function count({ current, total }) {
    if (current == null) return '';
    return total == null ? number(current) : `${number(current)} of ${number(total)}`;
  }

  function left(eta) {
    if (eta == null) return '';
    return `about ${eta < 60 ? duration(eta) : duration(Math.ceil(eta / 60) * 60).replace(' 00 s', '')} left`;
  }

  function rate(value) {
    if (value == null) return '';
    return value < 1 ? `${number(value * 60)}/min` : `${number(value)}/s`;
  }

  // Progress, in place.

  function fill(el, name, text) {
    for (const field of all(`[data-field="${name}"]`, el)) {
      if (field.textContent !== text) field.textContent = text;
    }
  }

  function move(el, data) {
    const attempt = Number(el.dataset.attempt);
    if (data.attempt !== attempt || !MOVING.includes(el.dataset.status)) return;
    const before = el.dataset.percent === '' ? null : Number(el.dataset.percent);
    const percent = data.percent == null ? before : Math.min(99.9, Math.max(before ?? 0, data.percent));
    const bar = el.querySelector('[role=progressbar]');
    if (percent !== null) {
      const text = `${Math.floor(percent)}%`;
      el.dataset.percent = percent;
      bar.firstElementChild.style.width = `${percent}%`;
      bar.setAttribute('aria-valuenow', percent);
      bar.setAttribute('aria-valuetext', text);
      fill(el, 'percent', text);
      announce(el, before ?? 0, percent);
    } else {
      bar.setAttribute('aria-valuetext', count(data) || 'Working');
    }
    fill(el, 'message', data.message || '');
    fill(el, 'phase', data.phase || '');
    fill(el, 'count', count(data));
    fill(el, 'rate', rate(data.rate));
    fill(el, 'eta', left(data.eta));
    fill(el, 'warnings', data.warnings ? number(data.warnings) : '');
    if (data.elapsed != null) clocks.set(el, Date.now() - data.elapsed * 1000);
  }

  function announce(el, before, after) {
    const mark = [75, 50, 25].find((step) => before < step && after >= step);
    if (mark) say(`${el.dataset.title}: ${mark}%`);
  }

  function say(text) {
    if (announcer) announcer.textContent = text;
  }

  // State: the server renders it.

  function want(job, id) {
    wanted.set(job, Math.max(id, wanted.get(job) ?? 0));
    ask(job);
  }

  function ask(job) {
    asked.set(job, Date.now());
    const shown = elements(job);
    for (const el of shown) el.dispatchEvent(new CustomEvent('job:state'));
    if (shown.length) return;
    wanted.delete(job);
    if (!list) return;
    htmx.ajax('GET', list.dataset.list.replace(list.dataset.placeholder, job), { target: list, swap: 'afterbegin' });
  }

  function onState(data, id) {
    const [el] = elements(data.job);
    if (el && data.attempt === Number(el.dataset.attempt) && data.status === el.dataset.status) return;
    if (data.status === 'running') say(`${data.title}: started`);
    if (!ACTIVE.includes(data.status)) say(`${data.title}: ${data.status}`);
    if (document.hidden && !ACTIVE.includes(data.status)) paintIcon(data.status);
    want(data.job, id);
  }

  function onMotion(data, id) {
    const shown = elements(data.job);
    motion.set(data.job, data);
    for (const el of shown) move(el, data);
    const late = shown.some((el) => data.attempt > Number(el.dataset.attempt));
    if ((late || (!shown.length && list)) && Date.now() - (asked.get(data.job) ?? 0) > 2000) want(data.job, id);
  }

  function onLine(data, kind) {
    if (!record || record.dataset.record !== data.job || data.attempt < Number(record.dataset.attempt)) return;
    const lines = record.querySelector('[data-lines]');
    const output = record.querySelector('[data-output]');
    if (data.attempt > Number(record.dataset.attempt)) {
      record.dataset.attempt = data.attempt;
      lines.textContent = output.textContent = '';
    }
    const box = kind === 'output' ? output : lines;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    if (kind === 'output') {
      output.append(data.text);
    } else {
      const line = document.createElement('li');
      line.className = kind;
      line.textContent = data.text;
      lines.append(line);
      if (lines.children.length > 500) lines.firstElementChild.remove();
    }
    if (atEnd) box.scrollTop = box.scrollHeight;
  }

  const HANDLERS = {
    snapshot: (data, id) => { onState(data, id); onMotion(data, id); },
    progress: onMotion,
    state: onState,
    log: (data) => onLine(data, 'log'),
    warning: (data) => onLine(data, 'warning'),
    output: (data) => onLine(data, 'output'),
    auth: () => finish('auth'),
    done: () => finish('done'),
    // A snapshot follows `resync`; after `busy` the browser tries again when the stream says.
    heartbeat: () => {}, resync: () => {}, busy: () => {},
  };

  // The connection.

  function address() {
    const jobs = active().map((el) => `job=${el.dataset.job}`);
    const url = new URL(stream?.dataset.stream ?? `${script.events}?${jobs.join('&')}`, location.href);
    url.searchParams.set('heartbeat', '1');
    return url;
  }

  function connect() {
    clearTimeout(timer);
    source?.close();
    end = '';
    heard = Date.now();
    const url = address();
    if (cursor) url.searchParams.set('cursor', cursor);
    source = new EventSource(url);
    source.onerror = (event) => {
      if (event.data === undefined && source.readyState === EventSource.CLOSED) probe();
    };
    for (const [name, handle] of Object.entries(HANDLERS)) {
      source.addEventListener(name, (event) => {
        if (event.currentTarget !== source) return;
        heard = Date.now();
        failures = 0;
        if (event.lastEventId) cursor = event.lastEventId;
        const data = event.data.startsWith('{') ? JSON.parse(event.data) : {};
        handle(data, Number(event.lastEventId));
        paint();
      });
    }
    paint();
  }

  function finish(why) {
    end = why;
    clearTimeout(timer);
    source?.close();
    paint();
  }

  /* EventSource gives up on any answer but 200 and does not say which it was. */
  async function probe() {
    failures += 1;
    const answer = await fetch(address(), { method: 'HEAD', redirect: 'manual' }).catch(() => null);
    if (answer?.status === 401 || answer?.type === 'opaqueredirect') return finish('auth');
    if (answer?.status === 403 || answer?.status === 404) return finish('gone');
    timer = setTimeout(connect, Math.random() * Math.min(30000, 1000 * 2 ** failures));
    paint();
  }

  function ensure() {
    const following = list || active().length;
    if (following && (!source || end === 'done')) connect();
  }

  function wake() {
    if (!source || end) return;
    if (source.readyState !== EventSource.OPEN || Date.now() - heard > 1.2 * heartbeat) connect();
  }

  // What a person sees of all this.

  function connection() {
    if (end || !source) return end || 'done';
    if (!navigator.onLine || failures > 2) return 'paused';
    const quiet = Date.now() - heard > 3000;
    return source.readyState !== EventSource.OPEN && (quiet || failures) ? 'reconnecting' : 'live';
  }

  function paint() {
    const state = connection();
    if (chip) {
      const text = { live: 'Live', reconnecting: 'Reconnecting', paused: 'Live updates paused', done: '',
        auth: 'Sign in to keep watching', gone: 'No longer available' }[state];
      const ago = ['reconnecting', 'paused'].includes(state) ? `, updated ${duration((Date.now() - heard) / 1000)} ago` : '';
      chip.dataset.chip = state;
      chip.hidden = !text;
      chip.textContent = text + ago;
      if (state === 'auth') {
        const link = Object.assign(document.createElement('a'), { textContent: text });
        link.href = `${chip.dataset.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`;
        chip.replaceChildren(link);
      }
    }
    const moving = all('[data-job]').filter((el) => MOVING.includes(el.dataset.status));
    const [only] = moving;
    if (moving.length > 1) document.title = `${moving.length} running · ${title}`;
    else document.title = only?.dataset.percent ? `${Math.floor(only.dataset.percent)}% · ${title}` : title;
    if (!document.hidden) paintIcon(moving.length ? 'running' : record && all('[data-job]')[0]?.dataset.status);
  }

  function paintIcon(status) {
    const href = icon?.dataset[status] ?? icon?.dataset.idle;
    if (href && icon.getAttribute('href') !== href) icon.href = href;
  }

  function tick() {
    for (const el of all('[data-job]')) {
      const began = clocks.get(el);
      if (began && MOVING.includes(el.dataset.status)) fill(el, 'elapsed', duration((Date.now() - began) / 1000));
    }
    for (const job of wanted.keys()) if (Date.now() - asked.get(job) > 3000) ask(job);
    const state = connection();
    if (state === 'paused') {
      for (const { dataset: { job } } of active()) if (Date.now() - (asked.get(job) ?? 0) > 10000) ask(job);
    }
    if (source && !end && source.readyState !== EventSource.CLOSED && Date.now() - heard > 2.5 * heartbeat) {
      failures += 1;
      connect();
    }
    paint();
  }

  function adopt(el) {
    const { job, attempt, elapsed } = el.dataset;
    if (elapsed) clocks.set(el, Date.now() - elapsed * 1000);
    const newest = motion.get(job);
    if (newest && newest.attempt === Number(attempt)) move(el, newest);
  }

  // What htmx does.

  /* A reply is as old as the cursor it was rendered at: one that was overtaken is not shown. */
  document.addEventListener('htmx:beforeSwap', ({ detail }) => {
    const { job, cursor: shown } = detail.target.dataset ?? {};
    const replied = Number(detail.xhr.getResponseHeader('Progress-Cursor'));
    if (!job || !replied) return;
    if (replied < Math.max(Number(shown), wanted.get(job) ?? 0)) detail.shouldSwap = false;
  });

  document.addEventListener('htmx:load', ({ target }) => {
    for (const el of [target, ...all('[data-job]', target)]) {
      const { job, cursor: shown } = el.dataset;
      if (!job) continue;
      if (!shown || Number(shown) >= (wanted.get(job) ?? 0)) wanted.delete(job);
      for (const twin of elements(job)) if (twin !== el && twin.id === el.id) twin.remove();
      adopt(el);
    }
    ensure();
    paint();
  });

  document.addEventListener('htmx:responseError', ({ detail }) => {
    if (detail.xhr.status === 401) finish('auth');
    if (detail.xhr.status === 404) wanted.delete(detail.elt.dataset?.job);
  });

  document.addEventListener('htmx:xhr:progress', ({ target, detail }) => {
    const meter = target.querySelector?.('[data-upload]');
    if (!meter || !detail.lengthComputable) return;
    meter.hidden = false;
    meter.value = detail.loaded / detail.total;
  });

  document.addEventListener('change', ({ target }) => {
    const most = Number(target.dataset.maxBytes);
    if (!most) return;
    const large = [...target.files].some((file) => file.size > most);
    target.setCustomValidity(large ? target.dataset.tooLarge : '');
    target.reportValidity();
  });

  document.addEventListener('visibilitychange', () => { if (!document.hidden) { wake(); paint(); } });
  window.addEventListener('pageshow', (event) => { if (event.persisted) wake(); });
  window.addEventListener('online', () => { failures = 0; wake(); });
  window.addEventListener('offline', paint);
  window.addEventListener('pagehide', () => source?.close());

  cursor = stream?.dataset.cursor ?? '';
  if (!stream) cursor = String(Math.min(...all('[data-cursor]').map((el) => Number(el.dataset.cursor)))).replace(/^(Infinity|0)$/, '');
  setInterval(tick, 1000);
})();
