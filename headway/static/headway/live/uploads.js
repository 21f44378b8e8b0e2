/* The form of a kind that takes files: checks them, sends them before the rest with a bar that goes on as the job's,
   and takes what is dropped. Without it the browser sends them with the form. */
import { wrong } from './first_bytes.js';
import { forget, send } from './tus.js';
import { makePanel } from './upload_panel.js';

const addresses = new WeakMap(); // file -> where it is being uploaded
const inputs = (root) => [...root.querySelectorAll('input[type=file][data-max-bytes]')];
const formOf = (el) => el.closest?.('form[data-uploads]');
const words = (form) => form.querySelector('[data-upload]').dataset;
const token = (form) => form.elements.csrfmiddlewaretoken.value;
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const under = (input) => input.closest('.field') ?? input.parentElement;

// What is chosen.

document.addEventListener('change', ({ target }) => {
  if (target.dataset?.maxBytes) check(target);
});

async function check(input) {
  const [file] = input.files;
  const sentence = file ? await wrong(input, file, words(formOf(input))) : '';
  if (file !== input.files[0]) return false; // another one was chosen meanwhile
  input.setCustomValidity(sentence);
  for (const el of under(input).querySelectorAll('.errorlist')) el.remove();
  if (sentence) {
    input.setAttribute('aria-invalid', 'true');
    under(input).append(Object.assign(document.createElement('p'), { className: 'errorlist', role: 'alert', textContent: sentence }));
  } else input.removeAttribute('aria-invalid');
  return !sentence;
}

/* What was begun before the page was loaded again: a browser forgets which file it was. */
function remind() {
  for (const input of inputs(document).filter((each) => formOf(each) && !kept(each))) {
    const begun = JSON.parse(input.dataset.begun).at(-1);
    if (!begun || under(input).querySelector('[data-begun]:not(input)')) continue;
    const textContent = filled(words(formOf(input)).begun, { name: begun.name, percent: Math.floor((100 * begun.here) / Math.max(1, begun.size)) });
    const note = Object.assign(document.createElement('p'), { className: 'help', textContent });
    note.dataset.begun = '';
    input.after(note);
  }
}

const kept = (input) => formOf(input).elements[`upload-${input.name}`];
document.addEventListener('htmx:load', remind);

// What is dropped.

document.addEventListener('dragover', (event) => {
  if (!event.dataTransfer?.types.includes('Files')) return;
  const input = aimed(event.target);
  if (!input) return;
  event.preventDefault(); // or the browser would leave the page to show the file
  mark(under(input));
});
document.addEventListener('dragleave', ({ relatedTarget }) => { if (!relatedTarget) mark(null); });
document.addEventListener('drop', (event) => {
  mark(null);
  const first = aimed(event.target);
  if (!first || !event.dataTransfer.files.length) return;
  event.preventDefault();
  const all = inputs(formOf(first));
  const places = [first, ...all.slice(all.indexOf(first) + 1).filter(({ files }) => !files.length)];
  [...event.dataTransfer.files].slice(0, places.length).forEach((file, number) => choose(places[number], file));
});

function aimed(target) {
  const form = formOf(target) ?? document.querySelector('form[data-uploads]');
  if (!form || form.dataset.uploading) return null;
  const all = inputs(form);
  return all.find((input) => under(input).contains(target)) ?? all[0];
}

function mark(field) {
  for (const el of document.querySelectorAll('[data-dropping]')) if (el !== field) delete el.dataset.dropping;
  if (field) field.dataset.dropping = '';
}

function choose(input, file) {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  input.files = chosen.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
}

// What is sent.

document.addEventListener('htmx:confirm', (event) => {
  const { elt: form, issueRequest } = event.detail;
  if (!form.dataset.uploads) return;
  const chosen = inputs(form).filter(({ files, disabled }) => files.length && !disabled);
  if (form.dataset.uploading) event.preventDefault();
  else if (chosen.length) {
    event.preventDefault();
    start(form, chosen, () => issueRequest(true));
  }
});
document.addEventListener('htmx:afterRequest', ({ detail: { elt: form, xhr } }) => {
  if (form.dataset?.uploading && !xhr.getResponseHeader?.('HX-Redirect')) free(form);
});

// A page that comes back as it was left has started its job.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) for (const form of document.querySelectorAll('form[data-uploading]')) free(form);
});

async function start(form, chosen, submit) {
  form.dataset.uploading = 'true';
  const right = await Promise.all(chosen.map(check));
  if (!right.every(Boolean)) {
    free(form);
    return;
  }
  const stop = new AbortController();
  const panel = makePanel(form, chosen.map(({ files: [file] }) => file), () => stop.abort());
  addEventListener('beforeunload', ask);
  try {
    for (const input of chosen) await upload(form, input, panel, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) for (const input of chosen) drop(input.files[0], form);
    free(form);
    if (!stop.signal.aborted) panel.failed(error.sentence ?? words(form).failed);
    return;
  } finally {
    removeEventListener('beforeunload', ask);
  }
  panel.queued();
  submit();
}

async function upload(form, input, panel, signal) {
  const [file] = input.files;
  const { name, size, lastModified: modified } = file;
  const same = (each) => each.name === name && each.size === size && each.modified === String(modified);
  const url = await send(file, {
    url: addresses.get(file) ?? JSON.parse(input.dataset.begun).find(same)?.url,
    create: form.dataset.uploads,
    part: Number(form.dataset.part),
    token: token(form),
    metadata: { filename: name, kind: form.dataset.kind, field: input.name, modified },
    begun: (where) => addresses.set(file, where),
    moved: (here) => panel.moved(file, here),
    away: panel.away,
    signal,
  });
  addresses.set(file, url);
  const id = kept(input) ?? form.appendChild(Object.assign(document.createElement('input'), { type: 'hidden', name: `upload-${input.name}` }));
  id.value = url.match(/[^/]+(?=\/$)/)[0];
  input.disabled = true;
}

function drop(file, form) {
  if (addresses.has(file)) forget(addresses.get(file), token(form));
  addresses.delete(file);
}

/* The form as it was, to be changed and sent again; what is uploaded is not sent twice. */
function free(form) {
  delete form.dataset.uploading;
  form.querySelector('[data-upload]').hidden = true;
  for (const input of inputs(form)) input.disabled = false;
  form.querySelector('button.primary').focus();
}

function ask(event) {
  event.preventDefault();
}
