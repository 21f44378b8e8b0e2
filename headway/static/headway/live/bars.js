/* Updates the [data-job] elements of the page: progress is applied in place; when a job changes state, htmx fetches
   its row, bar or panel again. */
import { all, get, of, one } from './dom.js';
import { KINDS } from './events.js';
import { shared, tell } from './extras.js';
import { makeList } from './list.js';
import { makeReasons } from './reasons.js';
import { count, duration, figure, rate, remaining, said, stall, t } from './words.js';

/* `turn` says when something may be fetched, `onEnd` hears the status, job and title of each job that ends. */
export function makeBars({ turn, onEnd }) {
  const CURRENT = ['opening', 'live', 'polling']; // states of the stream in which clocks go on
  // and those in which active jobs are read from the database, every so many ms
  const READING = { opening: 2000, reconnecting: 5000, paused: 10000 };
  const BORN = Date.now();
  const ACTIVE = ['queued', 'running', 'cancelling'];
  const MOVING = ['running', 'cancelling'];
  const withStatus = (statuses) => all('[data-job]').filter((el) => statuses.includes(el.dataset.status));
  const moving = () => withStatus(MOVING);
  shared.turn = turn;
  const list = makeList({ turn, absent }); // takes rows of jobs that are new to the page
  const reasons = makeReasons({ turn, active });

  const motion = new Map(); // job -> its newest progress
  const reached = new Map(); // job -> an attempt, and the most that its bars have shown
  const wanted = new Map(); // job -> number of a state that the page does not show yet
  const asked = new Map(); // job -> when its element was last asked for
  const queued = new Set(); // jobs whose element will be asked for when it is our turn
  const others = new Set(); // jobs that do not belong on this list: another page's, or those that other tabs watch
  const began = new WeakMap(); // element -> when its attempt began
  const spoke = new Map(); // job -> when it last said anything
  let offset = Infinity; // from the clock of Redis to ours, in ms: what came fastest tells it best

  function active() {
    return [...new Set(withStatus(ACTIVE).map((el) => el.dataset.job))];
  }

  // Progress, in place.

  function fill(el, name, text) {
    for (const field of all(`[data-field="${name}"]`, el)) if (field.textContent !== text) field.textContent = text;
  }

  function say(text) {
    one('[data-announce]')?.replaceChildren(text);
  }

  /* Within one attempt a bar never goes back, and only the server's word makes it full. What the server
     renders may be older, or not know the total of a new phase: then the bar stays where it was. */
  function keep(el) {
    const { job, attempt, percent, status } = el.dataset;
    const known = reached.get(job);
    const [same, ended] = [known?.attempt === attempt, !MOVING.includes(status)];
    if (status === 'queued' || (!percent && !same)) return;
    if (same && known.percent > percent) stretch(el, known.percent);
    else if (!ended) reached.set(job, { attempt, percent: Number(percent) });
  }

  function stretch(el, percent) {
    const bar = el.querySelector('[role=progressbar]');
    if (!bar) return; // of a job that has ended a list has only a line
    el.dataset.percent = percent;
    bar.firstElementChild.style.width = `${percent}%`;
    bar.setAttribute('aria-valuenow', percent);
    fill(el, 'percent', `${Math.floor(percent)}%`);
  }

  function move(el, data) {
    if (data.attempt !== Number(el.dataset.attempt) || !MOVING.includes(el.dataset.status)) return;
    const bar = el.querySelector('[role=progressbar]');
    const before = Number(el.dataset.percent);
    if (data.percent != null) {
      const percent = Math.min(99.9, Math.max(before, data.percent));
      stretch(el, percent);
      keep(el);
      const mark = [75, 50, 25].find((step) => before < step && percent >= step);
      if (mark) say(`${el.dataset.title}: ${mark}%`);
    }
    bar.setAttribute('aria-valuetext', el.dataset.percent ? `${Math.floor(el.dataset.percent)}%` : count(data, el.dataset.unit));
    fill(el, 'message', said(data.message ?? '', el.dataset.says));
    fill(el, 'phase', said(data.phase ?? '', el.dataset.says));
    fill(el, 'count', count(data, el.dataset.unit));
    const advances = el.dataset.status === 'running' && !standstill(el, Date.now());
    fill(el, 'rate', advances ? rate(data.rate, el.dataset.unit) : '');
    fill(el, 'eta', advances ? remaining(data.eta) : '');
    fill(el, 'warnings', data.warnings ? figure(data.warnings) : '');
    if (data.elapsed != null) began.set(el, Date.now() - data.elapsed * 1000);
  }

  function onProgress(data, id) {
    motion.set(data.job, data);
    const shown = of(data.job);
    for (const el of shown) move(el, data);
    const missing = shown.length ? data.attempt > shown[0].dataset.attempt : list?.grows && !others.has(data.job);
    if (missing && Date.now() - (asked.get(data.job) ?? 0) > 2000) want(data.job, id);
  }

  // State, which the server renders.

  function onState(data, id) {
    const [el] = of(data.job);
    if (el?.dataset.status === data.status && Number(el.dataset.attempt) === data.attempt) return;
    if (el || list) announce(data);
    want(data.job, id);
  }

  function announce({ title, job, status }) {
    const ended = !ACTIVE.includes(status);
    if (!others.has(job) && (ended || status === 'running')) say(`${title}: ${t(ended ? status : 'started')}`);
    if (ended && of(job).length) onEnd(status, { job, title });
  }

  function want(job, id) {
    wanted.set(job, Math.max(id, wanted.get(job) ?? 0));
    ask(job);
  }

  function ask(job) {
    asked.set(job, Date.now());
    if (!of(job).length && !list?.grows) wanted.delete(job);
    else if (!queued.has(job)) {
      queued.add(job);
      turn(() => fetchAgain(job));
    }
  }

  function absent(job) {
    wanted.delete(job);
    others.add(job);
  }

  async function fetchAgain(job) {
    queued.delete(job);
    asked.set(job, Date.now());
    const shown = of(job);
    for (const el of shown) await get(el.getAttribute('hx-get'), { source: el, target: el });
    // It may stand elsewhere on the page, and have come back into a state that the list shows.
    const belongs = of(job).every((el) => list?.shows(el.dataset.status));
    if (list?.grows && belongs && !list.has(job)) list.take(job);
  }

  const refresh = (jobs = active()) => jobs.forEach(ask);

  const HANDLERS = {
    snapshot(data, id) {
      onState(data, id);
      onQuiet(data.job, data.quiet);
      onProgress(data, id);
    },
    progress: onProgress,
    state: onState,
  };

  /* Every second. While the stream tells nothing, active jobs are read from the database, a few at a time. */
  function tick(state) {
    const now = Date.now();
    if (CURRENT.includes(state)) for (const el of moving()) showTimes(el, now);
    if (state === 'auth') return;
    reasons.tick(now);
    tell('tick', now);
    for (const job of wanted.keys()) if (now - asked.get(job) > 3000) ask(job);
    if (!READING[state]) return;
    const last = (job) => asked.get(job) ?? BORN;
    const due = active().filter((job) => now - last(job) > READING[state]).sort((a, b) => last(a) - last(b));
    due.slice(0, 2).forEach(ask);
  }

  function showTimes(el, now) {
    if (began.has(el)) fill(el, 'elapsed', duration((now - began.get(el)) / 1000));
    const quiet = standstill(el, now);
    const shown = el.querySelector('[data-field="stalled"]')?.textContent;
    fill(el, 'stalled', quiet ? stall(quiet) : '');
    if (!quiet) return;
    for (const unknown of ['rate', 'eta']) fill(el, unknown, '');
    if (!shown) say(`${el.dataset.title}: ${stall(quiet)}`);
  }

  /* Seconds for which a job has not moved, where that is too long; else 0. */
  function standstill(el, now) {
    const quiet = (now - spoke.get(el.dataset.job)) / 1000;
    return el.dataset.status === 'running' && quiet > Number(el.dataset.stalledAfter || Infinity) ? quiet : 0;
  }

  /* Numbers are microseconds by the clock of Redis. */
  function onWord(job, id) {
    if (!id) return;
    offset = Math.min(offset, Date.now() - id / 1000);
    spoke.set(job, Math.max(spoke.get(job) ?? 0, id / 1000 + offset));
  }

  function onQuiet(job, quiet) {
    if (quiet == null || quiet === '') return;
    spoke.set(job, Math.max(spoke.get(job) ?? 0, Date.now() - 1000 * quiet));
  }

  // Together with htmx.

  /* A reply is as old as the cursor it was rendered at: one that was overtaken is not shown. */
  document.addEventListener('htmx:beforeSwap', ({ detail }) => {
    const { job, cursor: shown } = detail.target.dataset;
    const replied = Number(detail.xhr.getResponseHeader('Progress-Cursor'));
    if (job && replied && replied < Math.max(shown, wanted.get(job) ?? 0)) detail.shouldSwap = false;
  });

  // Before the browser paints what has come.
  for (const name of ['htmx:afterSwap', 'htmx:oobAfterSwap']) {
    document.addEventListener(name, ({ target }) => {
      for (const el of [target, ...all('[data-job]', target)]) if (el.dataset.job) keep(el);
    });
  }

  /* A reply for an element that another reply has replaced. */
  function onLateReply({ currentTarget: el, detail }) {
    if (el.isConnected) return;
    detail.shouldSwap = false;
    if (wanted.has(el.dataset.job)) ask(el.dataset.job);
  }

  /* While a click is under way other replies are not shown (still.js): is its own as new as they were? */
  document.addEventListener('htmx:afterRequest', ({ detail: { target, xhr, requestConfig: { verb } } }) => {
    const { job } = target.dataset;
    const replied = Number(xhr.getResponseHeader('Progress-Cursor'));
    if (verb === 'post' && replied < wanted.get(job)) ask(job);
  });

  document.addEventListener('htmx:load', ({ target }) => {
    for (const el of [target, ...all('[data-job]', target)]) {
      const { job, cursor: shown, elapsed, quiet } = el.dataset;
      if (!job) continue;
      el.addEventListener('htmx:beforeSwap', onLateReply);
      const [newest, ...twins] = of(job).sort((a, b) => b.dataset.cursor - a.dataset.cursor);
      for (const twin of twins) if (twin.id && twin.id === newest.id) twin.remove();
      if (!shown || shown >= (wanted.get(job) ?? 0)) wanted.delete(job);
      if (elapsed) began.set(el, Date.now() - elapsed * 1000);
      onQuiet(job, quiet);
      keep(el);
      if (motion.has(job)) move(el, motion.get(job));
      others.delete(job);
    }
  });

  /* A server that hangs must not keep the others from their turn. */
  document.addEventListener('htmx:configRequest', ({ detail }) => {
    if (detail.verb === 'get') detail.timeout ||= 8000;
  });

  document.addEventListener('htmx:responseError', ({ detail: { xhr, requestConfig: { verb, path } } }) => {
    const job = path.match(/[\da-f-]{36}/)?.[0];
    if (verb === 'get' && xhr.status === 404 && job) absent(job);
  });

  /* A page whose job has ended follows nothing; seen again, it checks whether the job was retried. */
  async function look() {
    if (!one('[data-record]') || active().length) return;
    const read = (answer) => answer.ok && answer.json();
    const options = () => ({ signal: AbortSignal.timeout(5000) });
    const state = await turn(() => fetch(`${location.pathname}status/`, options()).then(read));
    if (state) onState(state, 0);
  }

  function hear(name, data, id) {
    if (KINDS.includes(name)) onWord(data.job, id);
    HANDLERS[name]?.(data, id);
    tell('hear', name, data, id);
  }

  /* Active jobs that do not stand on a list of all mine. */
  const outside = () => active().filter((job) => of(job).some((el) => !el.closest('[data-mine]')));
  const follows = () => (list?.grows && list.mine) || active().length > 0;
  return { hear, look, refresh, tick, say, active, moving, outside, follows };
}
