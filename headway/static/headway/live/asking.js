/* Before Retry of what has effects outside: a dialog. Without this script a page asks (views/actions.py). */
import { t } from './words.js';

document.addEventListener('htmx:confirm', (event) => {
  const { elt: form, issueRequest } = event.detail;
  if (!form.dataset.asks || form.elements.confirmed) return;
  event.preventDefault();
  const dialog = made(form.dataset.asks);
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (dialog.returnValue !== 'yes') return;
    const confirmed = Object.assign(document.createElement('input'), { type: 'hidden', name: 'confirmed', value: '1' });
    form.append(confirmed);
    issueRequest(true);
  });
  form.after(dialog);
  dialog.showModal();
});

function made(text) {
  const [dialog, form, said, row] = ['dialog', 'form', 'p', 'p'].map((name) => document.createElement(name));
  dialog.className = 'asking';
  dialog.setAttribute('aria-label', t('Retry?'));
  form.method = 'dialog';
  said.textContent = text;
  row.className = 'actions';
  row.append(...[['no', t('Back')], ['yes', t('Retry')]].map(([value, textContent]) => Object.assign(document.createElement('button'), { value, textContent, className: 'quiet' })));
  form.append(said, row);
  dialog.append(form);
  return dialog;
}
