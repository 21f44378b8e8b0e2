/* What {% headway_head %} has written into the page for its scripts; nothing on a page without it. */
const script = document.querySelector('script[data-htmx]');

export const settings = script ? script.dataset : {};
export const nonce = script ? script.nonce : '';
