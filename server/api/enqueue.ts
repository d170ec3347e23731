import type { NewTask } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, codeNumber, invalid, nameTask } from '../../shared/errors.ts';
import { type Audience, parseAudience } from '../dispatch/addressing.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import { asFarAs, type Caller, holdersOf, isInScope } from '../model/caller.ts';
import { countCode, type EventCounts, type PrincipalLimit } from '../model/figures.ts';
import type { TaskInput } from '../model/task.ts';
import { DISK_FIELD } from '../store/space.ts';
import { type InsertOutcome, PRINCIPAL_FIELD } from '../store/tasks.ts';
import { readTasks } from './batch.ts';
import type { Rates } from './rates.ts';

/** What a principal has reached, by the field of the refusal. */
const LIMITS: ReadonlyMap<string, PrincipalLimit> = new Map([
  [PRINCIPAL_FIELD, 'waiting_per_principal'],
  [DISK_FIELD, 'disk_per_principal'],
]);

/** Children of a broadcast wait this long, unless it says otherwise. */
const CHILD_EXPIRY_MS = 3_600_000;

/**
 * Checks and stores one batch, all or nothing; answers after the commit. `field` names its only task, if it is no
 * batch.
 */
export type Enqueue = (tasks: readonly NewTask[], caller: Caller, field?: string) => Promise<readonly InsertOutcome[]>;

export function createEnqueue(
  queue: Pick<TaskQueue, 'enqueue' | 'broadcast'>,
  clock: Clock,
  maxPayloadBytes: number,
  counts: Pick<EventCounts, 'refusedTasks' | 'reachedLimits'>,
): Enqueue {
  const store: Enqueue = async (tasks, caller, field) => {
    const now = clock.now();
    const inputs = readTasks(tasks, { caller, now, maxPayloadBytes, field });
    const at = tasks.findIndex(({ target }) => target.case === 'broadcast');
    if (at < 0) return field === undefined ? queue.enqueue(inputs) : queue.enqueue(inputs).catch(renameTo(field));
    const place = field ?? `tasks[${at}]`;
    if (tasks.length > 1) throw invalid(`${place}.broadcast`, 'must be alone in its batch');
    const stored = queue.broadcast(inputs[0]!, readAudience(tasks[0]!, inputs[0]!, { now, caller, field: place }));
    return [await (field === undefined ? stored : stored.catch(renameTo(field)))];
  };

  return async (tasks, caller, field) => {
    try {
      return await store(tasks, caller, field);
    } catch (error) {
      const { code, field: refused } = ContactError.from(error);
      countCode(counts.refusedTasks, codeNumber(code), tasks.length);
      const limit = code === 'RESOURCE_EXHAUSTED' && refused !== undefined ? LIMITS.get(refused) : undefined;
      if (limit) counts.reachedLimits[limit] += 1;
      throw error;
    }
  };
}

/** The same for calls, which are refused when their principal enqueues too much. */
export function limitRate(enqueue: Enqueue, rates: Pick<Rates, 'take'>): Enqueue {
  return async (tasks, caller, field) => {
    rates.take(holdersOf(caller), tasks.length);
    return enqueue(tasks, caller, field);
  };
}

interface AudienceReading {
  readonly now: number;
  readonly caller: Caller;
  readonly field: string;
}

function readAudience(
  { target }: NewTask,
  { queue, runAt, expiresAt }: TaskInput,
  { now, caller, field }: AudienceReading,
): Audience {
  const { selector, known: isKnown } = target.case === 'broadcast' ? target.value : { selector: '', known: false };
  const childExpiresAt = expiresAt ?? (runAt ?? now) + CHILD_EXPIRY_MS;
  const { clients: scope } = asFarAs(caller, (part) => isInScope(part.scope, queue));
  const input = { selector, isKnown, scope, childExpiresAt };
  return parseAudience(input, `${field}.broadcast.selector`);
}

/** The store speaks of batches, `tasks[0]`; the caller's request has its task elsewhere. */
function renameTo(field: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof ContactError ? nameTask(error, field) : error;
  };
}
