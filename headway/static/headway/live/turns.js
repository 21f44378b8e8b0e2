/* Background requests of all tabs of a browser take turns, so that there is one connection beside the stream, and
   clicks find the others free. The leading tab (tabs.js) grants turns; a tab that cannot communicate, or has left,
   grants its own. */
'use strict';
window.live.turns = ({ me, say, gives }) => {
  const LONGEST = 10000; // ms, after which a turn is over whatever has become of its tab

  const works = []; // of this tab, those that wait for a turn
  let running = false; // whether this tab has one
  const asking = new Set(); // of who gives turns: tabs that want one
  let taken = null; // and the tab that has it, since when

  /* Resolves to what `work` resolves to, null for an error, when it was our turn. */
  function turn(work) {
    return new Promise((resolve) => {
      works.push(() => new Promise((done) => { done(work()); }).catch(() => null).then(resolve));
      ask();
    });
  }

  /* Call every second too: what was said may have been lost. */
  function ask() {
    if (gives()) {
      if (works.length) asking.add(me);
      give();
    } else if (running) say('turn', { from: me, runs: true });
    else if (works.length) say('turn', { from: me });
  }

  function give() {
    if (taken && Date.now() - taken.since > LONGEST) taken = null;
    const [next] = asking;
    if (taken || !next) return;
    asking.delete(next);
    taken = { tab: next, since: Date.now() };
    if (next === me) run();
    else say('go', { to: next });
  }

  async function run() {
    const work = running ? null : works.shift();
    if (work) {
      running = true;
      await work();
      running = false;
    }
    if (gives()) over({ from: me });
    else say('done', { from: me });
    if (works.length) ask();
  }

  function over({ from }) {
    asking.delete(from);
    if (taken?.tab === from) taken = null;
    if (gives()) give();
  }

  /* A new leader waits until whoever has a turn has said so. */
  function begin() {
    asking.clear();
    taken = { tab: running ? me : '', since: Date.now() - (running ? 0 : LONGEST - 1000) };
    ask();
  }

  /* This tab gives its own turns from now on. */
  function alone() {
    asking.clear();
    taken = running ? { tab: me, since: Date.now() } : null;
    ask();
  }

  const KINDS = {
    turn({ from, runs }) {
      if (!gives()) return;
      if (!runs) asking.add(from);
      else if (!taken?.tab) taken = { tab: from, since: Date.now() };
      give();
    },
    go: ({ to }) => { if (to === me) run(); },
    done: over,
  };

  return { turn, ask, begin, alone, over, KINDS };
};
