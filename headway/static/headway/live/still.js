/* Updates do not disturb what the user is doing: the focus, what is open, how far a box is scrolled; and a button
   that has just appeared or moved ignores a click, which was meant for what was there before. */
const REST = 1000; // ms
const BUTTONS = 'button, .action-select';
const BOXES = '[data-output], [data-lines], .json, .scrolls';
const byId = (id) => (id ? document.getElementById(id) : null);
const all = (selector) => [...document.querySelectorAll(selector)];
const until = new Map(); // button -> whether it is new, while it takes no clicks
let before = null;

const name = (el) => el.id || `${el.form?.id} ${el.name} ${el.textContent}`;
const place = (el) => el.getBoundingClientRect();
const near = (one, other) => Math.abs(one.left - other.left) < 4 && Math.abs(one.top - other.top) < 4;

/* Call before the page changes; what follows in the same turn is compared with how it was. */
export function still(change = () => {}) {
  if (!before) {
    before = {
      places: new Map(all(BUTTONS).map((el) => [name(el), place(el)])),
      focus: document.activeElement,
      trail: trail(document.activeElement),
      open: all('details[id]').map(({ id, open }) => [id, open]),
      boxes: all(BOXES).filter(({ id }) => id).map((el) => [el, el.scrollTop, atEnd(el)]),
    };
    queueMicrotask(restore);
  }
  change();
}

const atEnd = (el) => el.scrollHeight - el.scrollTop - el.clientHeight < 40;

/* Where the focus goes when its element is no longer there, best first. */
function trail(focus) {
  const ids = [];
  for (let el = focus; el && el !== document.body; el = el.parentElement) {
    ids.push(el.id);
    if (el.dataset.job) ids.push(el.nextElementSibling?.id, el.previousElementSibling?.id);
  }
  return ids.filter(Boolean);
}

function restore() {
  const was = before;
  before = null;
  for (const [id, open] of was.open) if (byId(id)) byId(id).open = open;
  for (const [el, top, end] of was.boxes) if (!el.isConnected && !end && byId(el.id)) byId(el.id).scrollTop = top;
  if (was.focus !== document.body && document.activeElement === document.body) refocus(was);
  for (const el of all(BUTTONS)) {
    const known = was.places.get(name(el));
    if (!known || !near(known, place(el))) hold(el, !known || until.get(name(el))?.fresh);
  }
  mark();
}

/* Also what has been rendered again meanwhile. */
function mark() {
  for (const el of all(BUTTONS)) {
    const held = until.get(name(el));
    el.classList.toggle('held', Boolean(held));
    el.classList.toggle('held-new', Boolean(held?.fresh));
  }
}

function refocus({ focus, trail: ids }) {
  const wrong = focus?.form && document.querySelector('[aria-invalid="true"]');
  const moved = focus?.isConnected ? focus : null; // which takes the focus from it
  for (const el of [wrong, moved, ...ids.map(byId)]) {
    if (!el || document.activeElement !== document.body) continue;
    if (el.tabIndex < 0) el.tabIndex = -1;
    el.focus({ preventScroll: true });
  }
}

function hold(el, fresh) {
  const [key, mine] = [name(el), { fresh }];
  until.set(key, mine);
  setTimeout(() => {
    if (until.get(key) !== mine) return; // it has moved again
    until.delete(key);
    mark();
  }, REST);
}

// The keyboard reaches what a pointer does not.
document.addEventListener('click', (event) => {
  if (!event.target.closest?.('.held')) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

/* While a click is under way its answer brings what is new: a form that is replaced meanwhile could
   not show it. */
document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  const busy = detail.target.querySelector('form.htmx-request');
  if (busy && busy !== detail.requestConfig.elt) detail.shouldSwap = false;
  if (detail.shouldSwap) still();
});

// A moment after a swap htmx gives elements that were there before the classes of the reply.
document.addEventListener('htmx:afterSettle', mark);
