/* Elements of the page, and parts of it that are fetched again. */
export const one = (selector) => document.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];
export const of = (job) => all(`[data-job="${job}"]`);

/* By htmx, which swaps `part.target`. Resolves when that is done, or has failed. */
export const get = (path, part) => window.htmx.ajax('GET', path, { swap: 'outerHTML', ...part }).catch(() => {});
