/* Lines of a log by their numbers, which begin at 1, in blocks: those that are needed, of however many. */
export const BLOCK = 200; // lines
const KEPT = 60; // blocks in memory

export function makeStore() {
  const blocks = new Map(); // index -> lines by their place; null is one that is not kept anywhere
  let last = 0; // the greatest number

  const indexOf = (n) => Math.floor((n - 1) / BLOCK);
  const size = (index) => Math.min(BLOCK, last - index * BLOCK);

  function block(index) {
    const known = blocks.get(index) ?? [];
    blocks.delete(index);
    blocks.set(index, known); // now the one that was used last
    return known;
  }

  /* The first that is said of a line counts. */
  function put(line) {
    last = Math.max(last, line.n);
    block(indexOf(line.n))[(line.n - 1) % BLOCK] ??= line;
  }

  /* All lines of a block up to a number have been fetched: what is missing is not kept. */
  function settle(index, upto) {
    const known = block(index);
    for (let place = 0; place < BLOCK && index * BLOCK + place < upto; place += 1) known[place] ??= null;
  }

  /* Its lines by their places; undefined is one that has not been fetched. */
  const lines = (index) => Array.from({ length: size(index) }, (_, place) => blocks.get(index)?.[place]);

  const isComplete = (index) => !lines(index).includes(undefined);

  /* Of many blocks those that were used long ago and do not stand on the page are fetched again when needed. */
  function forget(mounted) {
    for (const index of [...blocks.keys()]) {
      if (blocks.size <= KEPT) return;
      if (!mounted.has(index)) blocks.delete(index);
    }
  }

  return {
    put, settle, lines, isComplete, indexOf, size, forget,
    get last() { return last; },
    get count() { return Math.ceil(last / BLOCK); },
  };
}
