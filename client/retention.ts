import { invalid } from '../shared/errors.ts';
import * as check from './check.ts';

/** How long a queue keeps settled tasks; a limit that is left out is none. */
export type QueueRetention =
  | 'default'
  | 'forever'
  | {
      /** From when a task was settled, parts of a day too; above 0, at most 36,500. */
      readonly days?: number;
      /** Settled tasks, at least 1; of more the oldest go first. */
      readonly max?: number;
    };

const DAY_SECONDS = 86_400;
const RULES: check.Rules = Object.freeze({ days: check.daysUpTo(36_500), max: check.integer(1, 2 ** 32 - 1) });

/** The retention as the contract says it; absent: the server's default. */
export function buildRetention(given: QueueRetention): { retention?: { seconds: number; max: number } } {
  if (given === 'default') return {};
  if (given === 'forever') return { retention: { seconds: 0, max: 0 } };
  check.checkFields(given, RULES, 'retention');
  const { days, max } = given;
  if (days === undefined && max === undefined) throw invalid('retention', 'expected days, max, default or forever');
  return { retention: { seconds: Math.ceil((days ?? 0) * DAY_SECONDS), max: max ?? 0 } };
}
