/* A message of one tab reaches all others of this site: by a BroadcastChannel; without one, by events of
   localStorage, or else by a SharedWorker that repeats what it receives. Null in a browser that has none of them. */
export function openChannel(name, hear) {
  function broadcast() {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => hear(data);
    return { say: (said) => channel.postMessage(said), close: () => channel.close() };
  }

  /* Nothing stays behind: what a tab says may be private. The number makes each word another. */
  function stored() {
    let number = 0;
    const take = ({ key, newValue }) => { if (key === name && newValue) hear(JSON.parse(newValue).said); };
    const say = (said) => {
      number += 1;
      localStorage.setItem(name, JSON.stringify({ said, number }));
      localStorage.removeItem(name);
    };
    localStorage.removeItem(name); // throws where nothing may be stored
    window.addEventListener('storage', take);
    return { say, close: () => window.removeEventListener('storage', take) };
  }

  function relayed() {
    const { port } = new SharedWorker(new URL('./relay.js', import.meta.url), name);
    port.onmessage = ({ data }) => hear(data);
    const close = () => {
      port.postMessage(null);
      port.close();
    };
    return { say: (said) => port.postMessage(said), close };
  }

  for (const open of [broadcast, stored, relayed]) {
    try {
      return open();
    } catch { /* the next one */ }
  }
  return null;
}
