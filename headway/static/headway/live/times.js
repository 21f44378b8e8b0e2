/* When a page looks around: every second, and whenever it was away. */
const SLEPT = 5000; // ms without a second, after which the computer or the page has slept

/* `stop` before the page is frozen or put aside, where it can neither speak nor listen; `wake` after that
   and after what may have broken connections, with {network: true} after what certainly has. */
export function watchTime({ tick, wake, stop }) {
  let ticked = Date.now();
  let timer = 0;

  function second() {
    const slept = Date.now() - ticked > SLEPT;
    ticked = Date.now();
    if (slept) wake();
    tick();
  }

  function resume() {
    clearInterval(timer);
    timer = setInterval(second, 1000);
    wake();
  }

  function pause() {
    clearInterval(timer);
    stop();
  }

  timer = setInterval(second, 1000);
  const handlers = [
    [document, 'visibilitychange', () => document.hidden || wake()],
    [document, 'freeze', pause],
    [document, 'resume', resume],
    [window, 'pagehide', pause],
    [window, 'pageshow', ({ persisted }) => persisted && resume()],
    [window, 'online', () => wake({ network: true })],
  ];
  for (const [target, name, handle] of handlers) target.addEventListener(name, handle);

  /* Ends it. */
  return () => {
    clearInterval(timer);
    for (const [target, name, handle] of handlers) target.removeEventListener(name, handle);
  };
}
