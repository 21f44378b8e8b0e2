/* The log of a job's page: of however many lines, only those around what is seen are in the document. */
import { one } from './dom.js';
import { shared } from './extras.js';
import { drawGap, drawLine, readLine } from './log_lines.js';
import { BLOCK, makeStore } from './log_store.js';
import { figure } from './words.js';

const AHEAD = 1000; // px that are drawn above and below what is seen
const AGAIN = 5000; // ms after which a block is asked for again that did not come

export function makeLog() {
  const box = one('#lines');
  let store = makeStore();
  let following = true; // whether the last line is to be seen
  let linked = 0; // the number of the line that the address names
  let soon = false;
  let average = 21; // px of a line
  let search = null; // which draws what it has found instead (log_tools.js)
  let changed = () => {}; // hears of each line, and when the end comes into view or leaves it
  const mounted = new Map(); // index of a block -> its elements, and how many lines they show
  const heights = new Map(); // index -> px and lines, of blocks that were measured
  const asked = new Map(); // index -> when it was asked for, and when it is there
  const sizes = new ResizeObserver(() => draw());

  const atEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const draws = () => ({ zone: box.dataset.zone, linked });

  /* Takes lines over that the server has rendered; those of an earlier attempt, or of a search, are not the end. */
  function take({ dataset: { attempt, until, partOf }, children }) {
    if (Number(attempt) > box.dataset.attempt) begin(attempt);
    if (partOf !== undefined || Number(attempt) < box.dataset.attempt) return;
    let n = 0;
    for (const li of children) ({ n } = put(readLine(li, n + 1)));
    box.dataset.until = Math.max(until, box.dataset.until);
    later();
  }

  function put(line) {
    store.put(line);
    return line;
  }

  function reset() {
    store = makeStore();
    for (const known of [mounted, heights, asked]) known.clear();
    following = true;
  }

  /* Another attempt, which has said nothing. */
  function begin(attempt) {
    reset();
    const address = new URL(box.dataset.log, location.href);
    address.searchParams.set('attempt', attempt);
    Object.assign(box.dataset, { attempt, log: address.pathname + address.search });
    box.replaceChildren();
    changed('begin');
    draw();
  }

  function add({ n = store.last + 1, t = Date.now(), level, text }) {
    if (n <= store.last - BLOCK) return;
    changed('line', put({ n, t, level, text }));
    later();
  }

  function later() {
    if (soon) return;
    soon = true;
    if (document.hidden) setTimeout(draw, 250); // where there are no frames
    else requestAnimationFrame(draw);
  }

  function onScroll() {
    if (!box.clientHeight) return; // another part is shown
    following = atEnd();
    changed('scroll');
    if (!search) later();
  }

  // Which blocks are in the document.

  function height(index) {
    const known = heights.get(index);
    return store.size(index) * (known ? known.px / known.lines : average);
  }

  function sum(from, to) {
    let px = 0;
    for (let index = from; index < to; index += 1) px += height(index);
    return px;
  }

  /* The first and the last block that are seen, or nearly. */
  function range() {
    const whole = sum(0, store.count);
    const top = (following ? whole - box.clientHeight : box.scrollTop) - AHEAD;
    const bottom = top + box.clientHeight + 2 * AHEAD;
    let [from, to, px] = [-1, -1, 0];
    for (let index = 0; index < store.count; index += 1) {
      if (px <= bottom) to = index;
      px += height(index);
      if (from < 0 && px >= top) from = index;
    }
    return [from, to];
  }

  function draw() {
    soon = false;
    if (search) return;
    box.hidden = store.last === 0;
    const held = heldLine();
    const stays = following ? null : firstSeen();
    const [from, to] = range();
    for (const index of [...mounted.keys()]) if (index < from || index > to) remove(index);
    let next = null;
    for (let index = to; index >= Math.max(0, from); index -= 1) next = insert(index, next);
    box.style.setProperty('--above', `${sum(0, Math.max(0, from))}px`);
    box.style.setProperty('--below', `${sum(to + 1, store.count)}px`);
    if (following) box.scrollTop = box.scrollHeight;
    else if (stays) stay(stays);
    hand(held);
    store.forget(mounted);
  }

  /* The id of the line whose link has the focus, which goes to the same line where it is drawn again. */
  const heldLine = () => (box.contains(document.activeElement) ? document.activeElement.closest('li')?.id : null);

  function hand(id) {
    if (id && id !== heldLine()) document.getElementById(id)?.querySelector('a').focus({ preventScroll: true });
  }

  /* The block before `next`, which is the first element after it; returns its own first. */
  function insert(index, next) {
    const known = mounted.get(index);
    if (known?.lines === store.size(index) && !known.isStale) return known.elements[0];
    if (known && !known.isStale && store.lines(index).slice(known.lines).every(Boolean)) grow(known, index, next);
    else {
      if (known) remove(index);
      const elements = elementsOf(index);
      for (const el of elements) box.insertBefore(el, next);
      mounted.set(index, { elements, lines: store.size(index) });
      if (!store.isComplete(index)) load(index);
    }
    return mounted.get(index).elements[0];
  }

  function grow(known, index, next) {
    for (const line of store.lines(index).slice(known.lines)) {
      known.elements.push(box.insertBefore(drawLine(line, draws()), next));
    }
    known.lines = store.size(index);
  }

  function elementsOf(index) {
    const elements = [];
    let [run, sort] = [0, null]; // of lines that are missing
    const close = () => {
      const text = sort === null ? box.dataset.gone.replace('#', figure(run)) : '';
      if (run) elements.push(drawGap(sort === null ? 0 : run * average, text));
      run = 0;
    };
    for (const line of store.lines(index)) {
      if (line || (run && line !== sort)) close();
      if (line) elements.push(drawLine(line, draws()));
      else [run, sort] = [run + 1, line];
    }
    close();
    return elements;
  }

  function remove(index) {
    const { elements, lines } = mounted.get(index);
    const px = elements.at(-1).getBoundingClientRect().bottom - elements[0].getBoundingClientRect().top;
    if (px > 0) heights.set(index, { px, lines });
    if (px > 0 && lines === BLOCK) average = px / lines;
    for (const el of elements) el.remove();
    mounted.delete(index);
  }

  // The place of what is read, whatever comes above it.

  function firstSeen() {
    const { top, bottom } = box.getBoundingClientRect();
    for (const el of box.children) {
      const place = el.getBoundingClientRect();
      if (place.bottom > top && place.top < bottom && el.id) return { id: el.id, top: place.top };
    }
    return null;
  }

  function stay({ id, top }) {
    const moved = (document.getElementById(id)?.getBoundingClientRect().top ?? top) - top;
    if (Math.abs(moved) > 1) box.scrollTop += moved;
  }

  // Lines that the document does not have.

  function load(index) {
    const known = asked.get(index);
    if (known && Date.now() - known.at < AGAIN) return known.done;
    const done = fetchBlock(index);
    asked.set(index, { at: Date.now(), done });
    return done;
  }

  async function fetchBlock(index) {
    const [mine, upto] = [store, store.last];
    const about = { before: Math.min(upto, (index + 1) * BLOCK) + 1 };
    if (index) about.after = index * BLOCK;
    const answer = await ask(about);
    if (mine !== store) return;
    if (!answer) {
      setTimeout(draw, AGAIN + 100);
      return;
    }
    for (const line of answer.lines) store.put(line);
    store.settle(index, upto);
    asked.delete(index);
    if (mounted.has(index)) mounted.get(index).isStale = true;
    draw();
  }

  /* A page of lines as JSON (headway/web/views/logs.py); null where there is no answer. */
  function ask(about) {
    const address = new URL(box.dataset.log, location.href);
    for (const [name, value] of Object.entries(about)) address.searchParams.set(name, value);
    const options = { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(8000) };
    return shared.turn(() => fetch(address, options).then((answer) => (answer.ok ? answer.json() : null)));
  }

  /* Shows the line with this number, if there is one. */
  async function go(n) {
    const index = store.indexOf(n);
    if (n < 1 || n > store.last) return;
    changed('go');
    [following, linked] = [false, n];
    for (const each of [...mounted.keys()]) remove(each);
    box.style.setProperty('--below', `${sum(0, store.count)}px`); // room to scroll
    box.scrollTop = sum(0, index);
    draw();
    if (!store.isComplete(index)) await load(index);
    const line = document.getElementById(`line-${n}`);
    line?.scrollIntoView({ block: 'center' });
    hand(line?.id); // following a link has taken the focus from it
  }

  /* Stays where it is, whatever comes at its end. */
  function hold() {
    following = false;
    changed('scroll');
  }

  /* Shows the end, and whatever comes there. */
  function follow() {
    following = true;
    draw();
    box.scrollTop = box.scrollHeight;
  }

  /* Whoever draws instead of this, or null. */
  function yieldTo(other) {
    search = other;
    box.hidden = false;
    mounted.clear();
    heights.clear();
    box.replaceChildren();
    for (const name of ['--above', '--below']) box.style.removeProperty(name);
    if (!other) draw();
  }

  function redraw() {
    yieldTo(search);
  }

  take(box);
  box.dataset.taken = '';
  box.replaceChildren();
  box.addEventListener('scroll', onScroll, { passive: true });
  sizes.observe(box);
  draw();
  return {
    take, begin, add, go, hold, follow, ask, yieldTo, redraw, draws,
    listen(hear) { changed = hear; },
    box,
    get isFollowing() { return following; },
  };
}
