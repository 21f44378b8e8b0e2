/* The strip of a job's page grows while the job moves: it is drawn again now and then, and with it what is known of
   warnings and attempts. */
import { get, one } from './dom.js';
import { shared } from './extras.js';

const EVERY = 10000; // ms

export function makeStrip() {
  let drawn = Date.now();

  /* Every second. A change of state brings the whole panel, and with it the strip. */
  function tick(now) {
    if (now - drawn < EVERY) return;
    drawn = now;
    const strip = one('[data-strip]');
    if (strip) shared.turn(() => get(strip.dataset.strip, { source: strip, target: strip, select: '.strip' }));
  }

  return { tick };
}
