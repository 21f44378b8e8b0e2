/* Background requests of all tabs of a browser take turns, so that there is one connection beside the stream, and
   clicks find the others free. The leading tab (tabs.js) grants turns, all tabs hear which tab has one, and a tab
   stays among them until it has fetched what it wants. (docs/adr/0027) */
const LONGEST = 10000; // ms after its tab last said that it has one, until a turn counts as over
const ANSWERS = 3000; // of these, left to whoever has it to say so when another tab leads

/* `gives` says whether this tab gives turns; `changed` is called when it may have become busy or idle. */
export function makeTurns({ me, say, gives, changed }) {
  const works = []; // of this tab, those that wait for a turn
  let running = false; // whether this tab has one
  const asking = new Set(); // of who gives turns: tabs that want one
  let taken = null; // the tab that has it, and since when

  /* Resolves to what `work` resolves to, null for an error, when it was our turn. */
  function turn(work) {
    return new Promise((resolve) => {
      works.push(() => new Promise((done) => { done(work()); }).catch(() => null).then(resolve));
      changed();
      ask();
    });
  }

  /* Call every second too: what was said may have been lost. */
  function ask() {
    if (gives()) {
      if (running) hold(me);
      else if (works.length) asking.add(me);
      give();
    } else if (running || works.length) say('turn', { from: me, runs: running });
  }

  function hold(tab) {
    taken = { tab, since: Date.now() };
  }

  function give() {
    if (taken && Date.now() - taken.since > LONGEST) taken = null;
    const [next] = asking;
    if (taken || !next) return;
    asking.delete(next);
    say('go', { to: next });
    go(next);
  }

  function go(tab) {
    hold(tab);
    if (tab === me && !running) run();
  }

  async function run() {
    const work = works.shift();
    if (work) {
      running = true;
      await work();
      running = false;
    }
    say('done', { from: me });
    over({ from: me });
    if (works.length) ask();
    else changed();
  }

  function over({ from }) {
    asking.delete(from);
    if (taken?.tab === from) taken = null;
    if (gives()) give();
  }

  /* This tab gives turns from now on. If another has one, this tab has heard so: whoever came before
     it led before it. */
  function begin() {
    asking.clear();
    if (taken) taken.since = Date.now() - LONGEST + ANSWERS;
    ask();
  }

  /* This tab hears no others any more. */
  function forget() {
    asking.clear();
    taken = null;
  }

  const KINDS = {
    turn({ from, runs }) {
      if (runs && (!taken || taken.tab === from)) hold(from);
      if (runs || !gives()) return;
      asking.add(from);
      give();
    },
    go: ({ to }) => go(to),
    done: over,
  };

  /* Whether this tab must stay among the others: it wants or has a turn, or would leave some without. */
  const busy = () => running || works.length > 0 || (gives() && (taken !== null || asking.size > 0));

  return { turn, ask, begin, forget, over, busy, KINDS };
}
