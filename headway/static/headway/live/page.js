/* Keeps a page live: its bars (from the stream that all tabs share), the chip, the title and the icon. */
'use strict';
(() => {
  const script = document.currentScript.dataset;
  const one = (selector) => document.querySelector(selector);
  const on = (name, handle) => document.addEventListener(name, handle);
  const chip = one('[data-chip]');
  const icon = one('link[rel=icon]');
  const title = document.title;
  const names = 'namesPage' in script || one('[data-names-page]'); // whether title and icon are ours to change
  const mine = one('[data-mine]'); // a list of all my jobs, those still to be started among them
  const { duration } = window.live.words;

  const channels = (name, hear) => window.live.channel(name, hear, script.relay);
  const locks = window.live.locks(channels);

  const bars = window.live.bars({ turn: (work) => tabs.turn(work), onEnd: (status) => { if (names && document.hidden) paintIcon(status); } });
  const tabs = window.live.tabs({
    viewer: script.viewer,
    events: script.events,
    heartbeat: Number(script.heartbeat),
    channels,
    locks,
    need,
    hear: bars.hear,
    refresh: bars.refresh,
    changed: paint,
  });

  function need() {
    const active = bars.active();
    return bars.follows() && { mine: Boolean(mine), jobs: mine ? bars.outside() : active, quick: active.length > 0 };
  }

  // What a person sees of it.

  const CHIP = {
    live: () => 'Live',
    polling: () => 'Live, every few seconds',
    late: (_, age) => `No response for ${age}`,
    reconnecting: (ago) => `Reconnecting${ago}`,
    paused: (ago) => `Live updates paused${ago}`,
    auth: () => 'Sign in to keep watching',
    gone: () => 'No longer available',
  };

  function paint() {
    const moving = bars.moving();
    const percent = moving.length === 1 && moving[0].dataset.percent;
    const mark = moving.length > 1 ? `${moving.length} running · ` : percent && `${Math.floor(percent)}% · `;
    if (names && document.title !== (mark || '') + title) document.title = (mark || '') + title;
    const shown = one('[data-record]') && one('[data-job]')?.dataset.status;
    if (names && !document.hidden) paintIcon(moving.length ? 'running' : shown);
    if (chip) paintChip(tabs.status());
  }

  function paintChip({ state, told }) {
    const age = duration((Date.now() - told) / 1000);
    const text = CHIP[state]?.(`, updated ${age} ago`, age) ?? '';
    chip.hidden = !text;
    chip.dataset.chip = state;
    if (chip.textContent === text) return;
    chip.textContent = text;
    if (state !== 'auth') return;
    const href = `${script.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`;
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

  let ticked = Date.now();
  function tick() {
    const slept = Date.now() - ticked > 5000;
    ticked = Date.now();
    if (slept) tabs.wake();
    else tabs.tick();
    bars.tick(tabs.status().state);
    paint();
  }

  let timer = setInterval(tick, 1000);
  function pause() {
    clearInterval(timer);
    tabs.stop();
  }
  function resume() {
    clearInterval(timer);
    timer = setInterval(tick, 1000);
    tabs.wake();
    paint();
  }

  on('visibilitychange', () => { if (!document.hidden) { tabs.wake(); bars.look(); paint(); } });
  on('freeze', pause);
  on('resume', resume);
  window.addEventListener('pagehide', pause);
  window.addEventListener('pageshow', ({ persisted }) => { if (persisted) resume(); });
  window.addEventListener('online', () => tabs.wake({ network: true }));

  on('htmx:responseError', ({ detail: { xhr, requestConfig: { verb } } }) => {
    if (verb !== 'post' && xhr.status === 401) tabs.wake({ network: true }); // the stream will be refused too, and say so
  });

  // Forms.

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
})();
