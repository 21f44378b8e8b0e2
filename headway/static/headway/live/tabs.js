/* One stream for all tabs of one signed-in user: browsers allow six connections to a host. The tab that holds a lock
   keeps the connection for all and passes on every frame. Tabs ask it for what they need once a second; a tab that
   gets no answer takes the lock. If tabs cannot communicate, and on pages that do not say who watches, each tab has
   its own connection. (docs/adr/0021, 0027) */
import { openChannel } from './channel.js';
import { makeConnection } from './connection.js';
import { KINDS as NUMBERED } from './events.js';
import { locks } from './locks.js';
import { makeTurns } from './turns.js';

/* `need` says what the page wants to follow: {mine, jobs, quick}, false for nothing. `hear` gets the events of
   that, `refresh` the jobs (all without) that are to be read anew; `changed` is called with each new status. */
export function makeTabs({ viewer, events, heartbeat, need, hear, refresh, changed }) {
  const NAME = `jobs 2 ${viewer}`; // who sees what another tab says; the 2 is the version of what is said
  const MOST = 100; // jobs in one address: proxies take 8 kB
  const TOGETHER = 50; // ms in which tabs that ask at the same time become one connection
  const UNHEARD = 3; // questions without an answer, until a tab counts as frozen
  const TAKEN_IN = 1500; // ms after which every tab that is served says so
  const QUICK = 3; // seconds between two words of the server while something is active; else the server's own
  const CALM = 20000; // ms for which nothing has to be, until it may be slower again
  const FORGOTTEN = 200000; // ms without a question; hidden tabs ask once a minute
  const START = { state: 'opening', told: Date.now() };
  const OVER = { state: 'done', told: 0 };
  const NOTHING = { mine: false, jobs: [], quick: false };
  const me = `${Date.now()} ${Math.random()}`;

  let sharing = Boolean(viewer);
  let away = false; // whether the page is put aside
  let channel = null;
  let waiting = null; // ends our wait for the lock
  let release = null; // gives the lock back, while this tab leads
  let epoch = ''; // the connection whose frames this tab takes
  let followed = null; // the jobs of which this tab knows all up to `cursor`
  let cursor = 0;
  let unanswered = 0;
  let answer = START;

  const members = new Map(); // of the leader: tab -> what it needs
  let serving = ''; // the epoch of the leader's connection
  let begun = 0; // when it began
  let quick = false; // whether it has the server speak often
  let calm = 0; // since when it need not
  let reported = ''; // the state that it told last
  const connection = makeConnection({ begin, hear: pass, changed: report, unknown: sortOut });

  const turns = makeTurns({ me, say, gives: () => Boolean(release), changed: update });

  // What every tab does.

  /* What this tab needs of the others; it may be but a turn. */
  const needed = () => need() || (turns.busy() && NOTHING);

  /* Call when what the page needs may have changed. */
  function update() {
    if (away) return;
    const wanted = needed();
    if (!wanted) return leave();
    if (!release && !waiting) return start();
    if (!release) return ask();
    join({ from: me, wanted, cursor, takes: serving });
    connection.tick();
  }

  /* Every second. */
  function tick() {
    if (waiting && !release) unanswered += 1;
    if (unanswered > UNHEARD) claim({ steal: true });
    update();
    turns.ask();
  }

  function start() {
    answer = START;
    if (sharing) channel = openChannel(NAME, ({ kind, ...said }) => KINDS[kind](said));
    sharing = Boolean(channel);
    if (!sharing) return lead(() => {});
    claim();
    ask();
  }

  /* Before the page is frozen or put aside: there it can neither lead nor listen. */
  function stop() {
    away = true;
    leave();
  }

  function leave() {
    if (!release && !waiting) return;
    say('leave', { from: me });
    resign();
    waiting?.abort();
    channel?.close();
    waiting = channel = null;
    turns.forget();
  }

  function say(kind, said) {
    channel?.say({ kind, ...said });
  }

  function ask(more) {
    const wanted = needed();
    if (wanted && !release) say('ask', { from: me, wanted, cursor, takes: epoch, ...more });
  }

  /* After what may have broken the connection; with `network`, what certainly has. */
  function wake(why = {}) {
    away = false;
    update();
    if (release) connection.wake(why);
    else ask({ why });
  }

  /* Frames of a connection that this tab was not counted in for are not all that it needs. */
  function receive({ of, name, data, id, anew }) {
    unanswered = 0;
    if (of !== epoch) return;
    if (anew) cursor = 0;
    if (NUMBERED.includes(name) && id <= cursor) return;
    cursor = Math.max(cursor, id);
    hear(name, data, cursor);
  }

  function onServed({ of, tabs }) {
    unanswered = 0;
    epoch = tabs.includes(me) ? of : '';
    if (!epoch) return ask();
    const { jobs } = need() || { jobs: [] };
    // What is new here may have been rendered at a number that this tab has passed since.
    const late = jobs.filter((job) => followed && !followed.includes(job));
    followed = jobs;
    if (!cursor) refresh();
    else if (late.length) refresh(late);
  }

  function onAnswer({ status: told, marks }) {
    unanswered = 0;
    if (marks[me] === 'alone') {
      leave();
      sharing = false;
      return update();
    }
    const before = answer.state;
    answer = marks[me] ? { ...told, state: marks[me] } : told;
    if (answer.state !== before) changed();
  }

  const KINDS = {
    ask: (said) => release && join(said),
    leave({ from }) {
      members.delete(from);
      turns.over({ from });
    },
    who() {
      ask();
      turns.ask();
    },
    ...turns.KINDS,
    serve: (said) => release || onServed(said),
    frame: receive,
    answer: onAnswer,
  };

  // The lock, and what its holder does.

  async function claim(options) {
    waiting?.abort();
    const mine = waiting = new AbortController();
    const granted = (done) => (mine === waiting ? lead(done) : done());
    unanswered = 0;
    try {
      await locks.request(NAME, options ?? { signal: mine.signal }, () => new Promise(granted));
    } catch (error) {
      if (mine !== waiting) return; // given up
      resign(); // taken by a tab that had not heard us; or there are no locks for this page
      if (error.name === 'AbortError') return claim();
      leave();
      sharing = false;
      update();
    }
  }

  function lead(done) {
    release = done;
    members.clear();
    say('who');
    if (channel) turns.begin();
    else turns.ask();
    update();
  }

  function resign() {
    connection.close();
    release?.();
    release = null;
    epoch = serving = '';
  }

  function join({ from, wanted, cursor: at, takes, why }) {
    const known = members.get(from);
    const same = known && String(known.jobs) === String(wanted.jobs) && known.mine === wanted.mine;
    const now = Date.now();
    // A tab whose lock was taken may have claimed this one before it knew.
    const served = (takes === serving || now - begun < TAKEN_IN) && known?.served || NOTHING;
    const member = { ...wanted, served, mark: same ? known.mark : '', asked: now };
    members.set(from, member);
    if (from !== me && union().jobs.length > MOST) member.mark = 'alone';
    if (!member.mark && !covers(member.served, wanted)) {
      member.served = wanted;
      connection.open(at, TOGETHER);
    }
    calm = quick && !union().quick ? calm || now : 0;
    if (calm && now - calm > CALM) connection.open(cursor, TOGETHER);
    if (why) connection.wake(why);
    else if (from !== me) connection.tick();
    if (from !== me) say('answer', { status: connection.status(), marks: marks() });
  }

  const covers = (served, { mine, jobs, quick: often }) =>
    (served.mine || !mine) && (quick || !often) && jobs.every((job) => served.jobs.includes(job));

  const marks = () => Object.fromEntries([...members].map(([tab, { mark }]) => [tab, mark]));

  const servable = () => [...members].filter(([, { mark }]) => !mark);

  function union(needs = servable().map(([, member]) => member)) {
    const jobs = [...new Set(needs.flatMap((each) => each.jobs))];
    return { mine: needs.some(({ mine }) => mine), jobs, quick: needs.some((each) => each.quick) };
  }

  /* Whom the next connection is for, and its address. */
  function begin() {
    for (const [tab, { asked }] of members) if (tab !== me && Date.now() - asked > FORGOTTEN) members.delete(tab);
    const tabs = servable();
    for (const [, member] of tabs) member.served = { mine: member.mine, jobs: member.jobs };
    [serving, begun, quick] = [`${me} ${Math.random()}`, Date.now(), union().quick];
    const served = { of: serving, tabs: tabs.map(([tab]) => tab) };
    say('serve', served);
    onServed(served);
    const period = Math.ceil(quick ? Math.min(QUICK, heartbeat) : heartbeat);
    const all = union();
    return all.mine || all.jobs.length ? { address: addressOf(all), quick, period } : null;
  }

  function addressOf({ mine, jobs }) {
    const url = new URL(events, location.href);
    if (viewer) url.searchParams.set('viewer', viewer);
    if (mine && jobs.length) url.searchParams.set('mine', '1');
    for (const job of jobs) url.searchParams.append('job', job);
    return url;
  }

  function pass(frame) {
    const said = { of: serving, ...frame };
    say('frame', said);
    receive(said);
  }

  function report() {
    if (!release) return;
    const said = { status: connection.status(), marks: marks() };
    if (said.status.state !== reported) say('answer', said);
    reported = said.status.state;
    onAnswer(said);
  }

  /* One job that is gone makes the server refuse all: each tab's own are asked for. */
  async function sortOut() {
    const asked = serving;
    for (const [tab, member] of servable()) {
      const options = () => ({ method: 'HEAD', signal: AbortSignal.timeout(5000) });
      const answered = await turns.turn(() => fetch(addressOf(member), options()));
      const now = members.get(tab); // it has asked again meanwhile
      if (now && (answered?.status === 403 || answered?.status === 404)) now.mark = 'gone';
    }
    if (asked === serving) connection.open(0, Math.random() * 1000);
  }

  function status() {
    if (!need()) return OVER;
    return unanswered > 2 && !release ? { ...answer, state: 'reconnecting' } : answer;
  }

  return { update, tick, stop, wake, status, turn: turns.turn, begin: (number) => { cursor = number; } };
}
