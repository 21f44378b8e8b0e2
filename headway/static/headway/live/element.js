/* <job-bar job="ID">: the live bar of a job, for pages that are not rendered by Django's templates. */
import { get } from './dom.js';
import { settings } from './settings.js';

const NOBODY = '00000000-0000-0000-0000-000000000000'; // for a job, in the address of a bar

/* `turn` says when something may be fetched. */
export function defineBar(turn) {
  const ready = new Promise((done) => document.addEventListener('htmx:load', done, { once: true }));

  class JobBar extends HTMLElement {
    static observedAttributes = ['job'];

    attributeChangedCallback(_, before, job) {
      if (job !== before) ready.then(() => this.show());
    }

    show() {
      const job = this.getAttribute('job');
      this.replaceChildren();
      if (!job) return;
      const address = settings.bar.replace(NOBODY, encodeURIComponent(job));
      const isWanted = () => this.isConnected && this.getAttribute('job') === job;
      turn(() => isWanted() && get(address, { source: this, target: this, swap: 'innerHTML' }));
    }
  }

  customElements.define('job-bar', JobBar);
}
