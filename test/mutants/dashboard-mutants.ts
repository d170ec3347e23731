import type { Mutant } from './mutant.ts';

const dashboard = (name: string, title: string) => ({ file: `test/dashboard/${name}.test.ts`, title });

/** Faults of the files that browsers are given, and of what the dashboard says. */
export const DASHBOARD_MUTANTS: readonly Mutant[] = [
  {
    id: 'dashboard: the page may load scripts of others',
    file: 'server/web/dashboard.ts',
    find: "default-src 'none'; script-src 'self';",
    replace: "default-src 'none'; script-src *;",
    caughtBy: dashboard('files', 'lets a page run its own scripts, and speak to its own server, alone'),
  },
  {
    id: 'dashboard: the page itself is kept for a year',
    file: 'server/web/dashboard.ts',
    find: "isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache'",
    replace: "'public, max-age=31536000, immutable'",
    caughtBy: dashboard('files', 'answers the page anew each time, and what never changes for a year'),
  },
  {
    id: 'dashboard: what is packed is sent to who does not take it',
    file: 'server/web/dashboard.ts',
    find: 'if (gzipped && ',
    replace: 'if (gzipped || ',
    caughtBy: dashboard('files', 'sends what was packed before to who takes that, and says 304 of what a browser has'),
  },
  {
    id: 'dashboard: a file of any kind is given',
    file: 'server/web/dashboard.ts',
    find: '.filter((path) => TYPES.has(extname(path)))',
    replace: ".filter((path) => path.includes('.'))",
    caughtBy: dashboard('files', 'has nothing but its files, by whatever path'),
  },
  {
    id: 'dashboard: a paused queue is told twice',
    file: 'dashboard/attention.ts',
    find: '(paused ? 0 : unroutable)',
    replace: 'unroutable',
    caughtBy: dashboard('words', 'puts what is grave first, and leads to what is to be done'),
  },
  {
    id: 'dashboard: each of many queues has a line',
    file: 'dashboard/attention.ts',
    find: 'const MAX_LINES = 5;',
    replace: 'const MAX_LINES = 5_000;',
    caughtBy: dashboard('words', 'has a bounded number of lines, whatever many queues there are'),
  },
  {
    id: 'dashboard: a time ago is an instant to come',
    file: 'dashboard/conditions.ts',
    find: 'new Date(now - span)',
    replace: 'new Date(now + span)',
    caughtBy: dashboard('words', 'has all conditions of an address, and times ago as instants'),
  },
];
