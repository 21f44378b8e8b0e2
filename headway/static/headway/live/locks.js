/* Locks that one tab of a browser holds at a time: navigator.locks, or the same by messages between tabs on a page
   without them (plain HTTP under a host name). The holder of a lock answers whenever another tab asks for it, also
   while the timers of a hidden tab are late; a tab that gets no answer takes it. If two tabs hold it, the later one
   keeps it. (docs/adr/0027) */
import { openChannel } from './channel.js';

const SOON = 800; // ms in which a tab that is awake answers
const AGAIN = 1000; // between two questions
const RENEWED = 2000; // between two words of a holder whom nobody asks
const PATIENCE = 3000; // without an answer, until a holder counts as gone

function request(name, { signal, steal } = {}, work) {
  return new Promise((resolve, reject) => { claim(name, { signal, steal, work, resolve, reject }); });
}

function claim(name, { signal, steal, work, resolve, reject }) {
  const me = `${Date.now()} ${Math.random()}`; // the earlier, the smaller
  const waiting = new Set(); // of a holder: who wants it
  let term = 0; // when we took it
  let latest = 0; // when the newest holder did that we have heard of
  let began = Date.now(); // when we first asked whether there is a holder
  let heard = 0; // when one, or a tab that waits for longer, was last heard of
  const channel = openChannel(`lock ${name}`, (said) => KINDS[said.kind](said));
  if (!channel) return resolve(work()); // a browser in which tabs can share nothing
  let timer = 0;
  let over = false;

  const say = (kind, more) => over || channel.say({ kind, from: me, term, ...more });

  function end(settle, value) {
    if (over) return;
    over = true;
    clearTimeout(timer);
    channel.close();
    settle(value);
  }

  function ask() {
    const silent = Date.now() - (heard || began);
    if (silent >= (heard ? PATIENCE : SOON)) return take();
    say('want');
    timer = setTimeout(ask, heard ? AGAIN : SOON);
  }

  async function take() {
    clearTimeout(timer);
    term = Math.max(Date.now(), latest + 1);
    say('held');
    timer = setInterval(say, RENEWED, 'held'); // or two that did not hear each other would go on for ever
    const granted = new Promise((done) => { done(work()); });
    await granted.catch(() => {});
    say('free', { next: [...waiting].sort()[0] });
    end(resolve, granted);
  }

  const KINDS = {
    want({ from }) {
      waiting.add(from);
      if (term) say('held');
      else if (from < me) heard = Date.now();
    },
    held({ from, term: theirs }) {
      latest = Math.max(latest, theirs);
      heard = Date.now();
      if (!term) return;
      if (theirs < term || (theirs === term && from < me)) say('held');
      else end(reject, new DOMException('Another tab has taken the lock.', 'AbortError'));
    },
    free({ from, next }) {
      waiting.delete(from);
      if (term) return;
      if (next === me) take();
      else if (!next) { // others may have come at this moment, too
        [began, heard] = [Date.now(), 0];
        clearTimeout(timer);
        ask();
      }
    },
  };

  signal?.addEventListener('abort', () => {
    if (term) return;
    end(reject, new DOMException('No longer wanted.', 'AbortError'));
  });
  if (steal) take();
  else ask();
}

export const locks = navigator.locks ?? { request };
