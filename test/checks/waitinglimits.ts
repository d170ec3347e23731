import type { ConstantRow } from './limits.ts';

/** Of what is said of tasks that wait. */
export const WAITING_CONSTANTS: readonly ConstantRow[] = [
  ['clients of a lane that', 'server/api/crowd.ts', 'MAX_LOOKED', 'MAX_LOOKS', 'FEW'],
  ['clients that are asked for by name', 'server/api/waiting.ts', 'MAX_TARGETS'],
  ['clients, queues and labels', 'server/model/waiting.ts', 'MAX_NAMED'],
  ['clients, queues and labels', 'server/api/crowd.ts', 'MAX_LABELS'],
  ['words of others in a reason', 'server/model/waitingtext.ts', 'MAX_WORDS'],
  ['tasks before another', 'server/api/waiting.ts', 'MAX_AHEAD'],
  ['queues that nobody serves', 'server/api/unserved.ts', 'MAX_TOLD_OF_BATCH', 'MAX_TOLD_OF_STREAM'],
  ['names of queues that one is compared', 'server/api/unserved.ts', 'MAX_COMPARED'],
  ['queues that a producer of the SDK', 'client/unserved.ts', 'MAX_WARNED'],
];

/** What is named like a bound there and has no row, and why. */
export const WAITING_REASONS: Readonly<Record<string, string>> = {
  'server/dispatch/operations.ts MAX_FULLEST': 'the fullest lanes that a listing looks at',
};
