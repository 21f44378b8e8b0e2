/* Sends a file in parts by the tus protocol (headway/web/views/uploads.py), and goes on where it stopped. */
const PAUSES = [1, 2, 4, 8, 15]; // s between two tries while nothing gets through
const SILENCE = 30_000; // ms in which nothing moves, after which a request is given up
const SMALLEST = 64 * 1024; // bytes of a part
const FINAL = [400, 401, 403, 412, 413, 415, 422, 429, 507]; // what another try would not change
const BEGINNINGS = 3; // for one file, at most: somebody deletes them

/* Resolves with the address of the upload when all of `file` is there; `url` is where it was begun before, if it
   was. `create` is where uploads begin, `part` the most bytes of one request, `token` Django's form token. `moved` is
   called with the number of bytes that are there, `away` when nothing gets through, `signal` aborts. Rejects with
   `sentence`, for the user, where the server refuses it. */
export async function send(file, { url = '', create, part, token, metadata, signal, moved, away, begun }) {
  const head = { 'Tus-Resumable': '1.0.0', 'X-CSRFToken': token, Accept: 'application/json' };
  const call = (method, where, headers, body, sent) => request(method, where, { ...head, ...headers }, { body, sent, signal });
  let [size, here, tries, beginnings] = [part, null, 0, 0];

  async function begin() {
    const answer = await call('POST', create, { 'Upload-Length': file.size, 'Upload-Metadata': encoded(metadata) });
    beginnings += 1;
    url = answer.getResponseHeader('Location');
    begun(url);
    return 0;
  }

  async function put() {
    const headers = { 'Upload-Offset': here, 'Content-Type': 'application/offset+octet-stream' };
    const answer = await call('PATCH', url, headers, file.slice(here, here + size), (sent) => moved(here + sent));
    return offset(answer);
  }

  for (;;) {
    try {
      if (!url) here = await begin();
      else if (here === null) here = offset(await call('HEAD', url));
      moved(here);
      if (here === file.size) return url;
      here = await put();
      tries = 0;
    } catch (error) {
      if (signal.aborted) throw error;
      here = null;
      if (error.status === 404 && beginnings < BEGINNINGS) url = '';
      else if (error.status === 413 && url && size > SMALLEST) size /= 2; // a proxy takes less
      else if (error.status === 404 || FINAL.includes(error.status)) throw error;
      else {
        away();
        await pause(PAUSES[Math.min(tries, PAUSES.length - 1)] * 1000, signal);
        tries += 1;
      }
    }
  }
}

/* Deletes what has been uploaded. */
export function forget(url, token) {
  return fetch(url, { method: 'DELETE', headers: { 'Tus-Resumable': '1.0.0', 'X-CSRFToken': token }, keepalive: true }).catch(() => {});
}

const offset = (answer) => Number(answer.getResponseHeader('Upload-Offset'));

function encoded(metadata) {
  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return Object.entries(metadata).map(([name, value]) => `${name} ${base64(String(value))}`).join(',');
}

/* By XMLHttpRequest, since fetch does not tell how much of a body is sent. */
function request(method, url, headers, { body, sent, signal }) {
  return new Promise((done, fail) => {
    const xhr = new XMLHttpRequest();
    let timer = 0;
    const stop = () => xhr.abort();
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE);
    };
    const end = (settle, value) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      removeEventListener('offline', stop);
      settle(value);
    };
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.addEventListener('progress', ({ loaded }) => {
      alive();
      sent?.(loaded);
    });
    xhr.addEventListener('load', () => (xhr.status < 300 ? end(done, xhr) : end(fail, refusal(xhr))));
    for (const name of ['error', 'abort']) xhr.addEventListener(name, () => end(fail, Object.assign(new Error(name), { status: 0 })));
    signal.addEventListener('abort', stop);
    addEventListener('offline', stop);
    alive();
    xhr.send(body);
  });
}

function refusal(xhr) {
  const told = xhr.getResponseHeader('Content-Type')?.includes('json') ? JSON.parse(xhr.responseText || '{}') : {};
  return Object.assign(new Error(`${xhr.status}`), { status: xhr.status, sentence: told.detail });
}

/* Ends early when the network is back, or when the user gives up. */
function pause(time, signal) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener('online', end);
      signal.removeEventListener('abort', end);
      done();
    };
    const timer = setTimeout(end, time);
    addEventListener('online', end);
    signal.addEventListener('abort', end);
  });
}
