/* Copies a text to the clipboard, where the browser lets a page do that: on https and on this computer. */
const SAID = 2000; // ms for which a button says so

export async function copy(button, text) {
  const label = button.textContent;
  const done = await Promise.resolve(text).then((value) => navigator.clipboard.writeText(value)).then(() => true, () => false);
  button.textContent = done ? button.dataset.done : button.dataset.failed;
  setTimeout(() => { button.textContent = label; }, SAID);
}

document.addEventListener('click', ({ target }) => {
  const button = target.closest?.('[data-copies]');
  const from = button && document.getElementById(button.dataset.copies);
  if (from) copy(button, from.value ?? from.innerText);
});
