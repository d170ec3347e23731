import type { TaskFilter } from './shapes.ts';

// The conditions of a list of tasks, as they stand in the address of the screen.

export const STATES = ['scheduled', 'ready', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] as const;

/** The conditions that may be there several times, each with its name in a filter. */
const LISTS = {
  queue: 'queues',
  state: 'states',
  error: 'errorCodes',
  client: 'clients',
  metadata: 'metadata',
} as const;
const TEXTS = ['parent', 'createdAfter', 'createdBefore', 'settledAfter', 'settledBefore'] as const;

export const CONDITIONS: readonly string[] = [...Object.keys(LISTS), ...TEXTS, 'runningForMs'];

/** `5m`, `2 h`, `1d`: milliseconds ago; undefined: it is no duration. */
export function readSpan(text: string): number | undefined {
  const [, count, unit] = /^\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)\s*$/.exec(text) ?? [];
  if (count === undefined) return undefined;
  const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
  return Number(count) * units[unit!]!;
}

/** The filter of an address. An instant may be a time ago, `1h`, which is another instant each time. */
export function readFilter(params: URLSearchParams, now: number): TaskFilter {
  const filter: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(LISTS)) {
    const values = params.getAll(name).filter(Boolean);
    if (values.length > 0) filter[field] = values;
  }
  for (const name of TEXTS) {
    const text = params.get(name);
    if (!text) continue;
    const span = name === 'parent' ? undefined : readSpan(text);
    filter[name] = span === undefined ? text : new Date(now - span).toISOString();
  }
  const runningFor = params.get('runningForMs');
  if (runningFor) filter.runningForMs = Number(runningFor);
  return filter;
}

/** The conditions of an address, each in words, and what is left of it without it. */
export function listConditions(params: URLSearchParams): readonly { readonly text: string; readonly rest: string }[] {
  return [...params]
    .filter(([name, value]) => CONDITIONS.includes(name) && name !== 'state' && value !== '')
    .map(([name, value]) => {
      const rest = new URLSearchParams([...params].filter((pair) => pair[0] !== name || pair[1] !== value));
      rest.delete('page');
      return { text: `${WORDS[name] ?? name} ${value}`, rest: rest.toString() };
    });
}

const WORDS: Readonly<Record<string, string>> = {
  createdAfter: 'created since',
  createdBefore: 'created before',
  settledAfter: 'settled since',
  settledBefore: 'settled before',
  runningForMs: 'running for ms:',
};
