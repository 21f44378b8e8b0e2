/* <job-bar job="ID">: the live bar of a job, for pages that are not rendered by Django's templates. */
'use strict';
(() => {
  const NOBODY = '00000000-0000-0000-0000-000000000000';
  const { bar } = document.currentScript.dataset; // the address of a bar, with NOBODY for its job
  const ready = new Promise((done) => document.addEventListener('htmx:load', done, { once: true }));

  class JobBar extends HTMLElement {
    static observedAttributes = ['job'];

    attributeChangedCallback(_, before, job) {
      if (job !== before) ready.then(() => this.show());
    }

    show() {
      const job = this.getAttribute('job');
      this.replaceChildren();
      if (job) window.htmx.ajax('GET', bar.replace(NOBODY, encodeURIComponent(job)), { source: this, target: this, swap: 'innerHTML' });
    }
  }

  customElements.define('job-bar', JobBar);
})();
