/* Values as text; headway/templatetags/headway.py writes them the same way. */
const SMALLEST = 1e-6; // what is less is written as 0

export function figure(value) {
  const size = Math.abs(value);
  const digits = size >= SMALLEST && size < 1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: size < 10 ? 1 : 0 };
  return value.toLocaleString('en', digits);
}

const padded = (value) => String(Math.floor(value) % 60).padStart(2, '0');

export function duration(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${padded(seconds)} s`;
  return `${Math.floor(seconds / 3600)} h ${padded(seconds / 60)} min`;
}

export function remaining(eta) {
  if (eta == null) return '';
  return `about ${eta < 60 ? duration(eta) : duration(Math.ceil(eta / 60) * 60).replace(' 00 s', '')}`;
}

export function count({ current, total }, unit) {
  if (current == null) return '';
  const all = total == null ? '' : ` of ${figure(total)}`;
  return `${figure(current)}${all} ${unit}`.trimEnd();
}

export function rate(value, unit) {
  if (value == null) return '';
  const [amount, time] = value < 1 ? [value * 60, 'min'] : [value, 's'];
  return `${figure(amount)} ${unit}`.trimEnd() + `/${time}`;
}

/* For how long a job has not moved. */
export function stall(quiet) {
  const [amount, unit] = quiet < 120 ? [quiet, 's'] : quiet < 7200 ? [quiet / 60, 'min'] : [quiet / 3600, 'h'];
  return `No progress for ${Math.floor(amount)} ${unit}`;
}
