/* An address to be copied: by its button, or by the keyboard, since it is selected with the focus. */
import { all } from './dom.js';

const show = () => { for (const button of all('[data-copies]')) button.hidden = !navigator.clipboard; };

document.addEventListener('htmx:load', show);
document.addEventListener('focusin', ({ target }) => { if ('copied' in target.dataset) target.select(); });
document.addEventListener('click', async ({ target }) => {
  if (!('copies' in target.dataset)) return;
  const field = target.parentElement.querySelector('[data-copied]');
  field.select();
  await navigator.clipboard.writeText(field.value);
});
