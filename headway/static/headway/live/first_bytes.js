/* What is wrong with a chosen file, before anything of it is sent: its size, and what its first bytes say that it is
   (headway/kinds/file_types.py has the table). */
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/* A sentence; '' where nothing is wrong. `words` has those of the page. */
export async function wrong(input, file, words) {
  if (file.size > Number(input.dataset.maxBytes)) return input.dataset.tooLarge;
  if (!file.size) return words.empty;
  const { head, signatures, wrong: sentences } = JSON.parse(input.dataset.firstBytes ?? '{"head": 1, "signatures": [], "wrong": {}}');
  try {
    const bytes = new Uint8Array(await file.slice(0, head).arrayBuffer());
    return sentences[type(bytes, signatures)] ?? '';
  } catch {
    return words.unreadable; // a folder, or a file that is gone
  }
}

function type(bytes, signatures) {
  const known = signatures.find(([, at, begins]) => hex(bytes.slice(at, at + begins.length / 2)) === begins);
  return known ? known[0] : bytes.includes(0) ? '' : 'text';
}
