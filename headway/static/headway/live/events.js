/* The names of events, from headway/stream/event.py (tests/pages/test_scripts.py). */
export const KINDS = ['error', 'log', 'output', 'progress', 'state', 'warning'];
export const NAMES = ['auth', 'busy', 'done', 'error', 'heartbeat', 'log', 'output', 'progress', 'resync', 'snapshot', 'state', 'warning'];
