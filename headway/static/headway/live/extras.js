/* What only some pages have besides their bars joins here (job.js), and hears what they hear. */
const joined = [];
export const shared = { turn: null }; // says when something may be fetched (turns.js); page.js brings it

export const join = (part) => { joined.push(part); };

export function tell(what, ...about) {
  for (const part of joined) part[what]?.(...about);
}
