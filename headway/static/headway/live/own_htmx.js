/* Loads htmx on pages that have none. A project's own htmx 2 is used as well, with the project's options: two copies
   on one page would each send every request. */
import { nonce, settings } from './settings.js';

let parsed = false; // whether htmx would still hear that the page is there
document.addEventListener('DOMContentLoaded', bring);

/* When all that the page loads in order has run, a project's htmx among it. */
function bring() {
  parsed = true;
  if (!window.htmx) return load();
  if (!window.htmx.version.startsWith('2.')) console.error(`Headway needs htmx 2, this page has ${window.htmx.version}`);
}

function load() {
  const script = Object.assign(document.createElement('script'), { src: settings.htmx, nonce });
  script.addEventListener('load', begin);
  if (!document.querySelector('meta[name="htmx-config"]')) {
    document.head.append(Object.assign(document.createElement('meta'), { name: 'htmx-config', content: settings.options }));
  }
  document.head.append(script);
}

/* htmx begins by itself before that event, or after the whole page is loaded; not in between. */
function begin() {
  if (document.readyState === 'complete' || !parsed) return;
  const { content } = document.querySelector('meta[name="htmx-config"]');
  Object.assign(window.htmx.config, JSON.parse(content));
  window.htmx.process(document.body);
  window.htmx.trigger(document.body, 'htmx:load');
}

/* A form that was refused comes back with its errors; htmx by itself shows no answer that is an error. On the way
   down, so that whoever listens for a swap (still.js) hears that there is one, in whichever order modules ran. */
document.addEventListener('htmx:beforeSwap', ({ detail }) => {
  const html = detail.xhr.getResponseHeader('Content-Type')?.startsWith('text/html');
  if (detail.xhr.status === 400 && html && detail.target.closest('.headway')) detail.shouldSwap = true;
}, true);
