/* Tells of the end of jobs by notifications of the browser. Its leave is asked for when somebody asks to be told, by
   the click that does so; the server keeps of which jobs (data-notify in lists, data-told on the job's page). */
import { of, one } from './dom.js';

const possible = 'Notification' in window;

function ask() {
  if (possible && Notification.permission === 'default') Notification.requestPermission();
}

document.addEventListener('submit', ({ target }) => { if ('tells' in target.dataset) ask(); }, true);
document.addEventListener('change', ({ target }) => { if ('tells' in target.dataset && target.checked) ask(); });

/* A status as a title says it. */
export const named = (status) => status.charAt(0).toUpperCase() + status.slice(1);

/* Nothing where the page is in view. All tabs may tell: a notification replaces that of the same job. */
export function tell(status, { job, title }) {
  const wanted = of(job).some((el) => 'notify' in el.dataset) || one(`[data-told="${job}"]`);
  if (!wanted || !possible || Notification.permission !== 'granted' || document.hasFocus()) return;
  const icon = one('link[rel=icon]')?.href;
  try {
    const note = new Notification(title, { body: named(status), icon, tag: job });
    note.onclick = () => {
      window.focus();
      note.close();
    };
  } catch { /* Chrome on Android has them in service workers alone */ }
}
