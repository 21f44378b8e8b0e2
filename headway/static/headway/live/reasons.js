/* Why nothing moves: the reason why a job is queued, and the banner that no worker runs. */
import { all, get, one } from './dom.js';

export function makeReasons({ turn, active }) {
  const EXPLAINED = 5000; // ms after which to ask again why a job is queued
  let turns = 0;
  let explained = Date.now(); // when that was last asked
  let looks = ''; // whether it will be asked if a worker runs: 'soon' or, during the call, 'now'

  /* Every second. The reply is the reason alone, or the panel when the job is queued no more. */
  function tick(now) {
    if (now - explained <= EXPLAINED) return;
    const waiting = all('[data-why]'); // one after the other
    const why = waiting[turns % waiting.length];
    turns += 1;
    explained = now;
    if (why) turn(() => get(why.dataset.why, { source: why, target: why, select: '.why' }));
  }

  /* The banner, which htmx asks for (in the admin without us), waits for its turn. The page of a job
     that has ended has nothing that waits for a worker. */
  document.addEventListener('htmx:confirm', (event) => {
    const { target: banner } = event;
    if (banner.id !== 'no-worker' || looks === 'now') return;
    event.preventDefault();
    if (looks) return;
    looks = 'soon';
    turn(lookForWorkers).then(() => { looks = ''; });
  });

  function lookForWorkers() {
    const banner = one('#no-worker');
    const idle = one('[data-record]') && !active().length && !banner?.children.length;
    looks = 'now';
    const answered = banner && !idle && get(banner.getAttribute('hx-get'), { source: banner, target: banner });
    looks = 'soon';
    return answered;
  }

  return { tick };
}
