import { patternOf } from '../../../model/failure.ts';
import type { TaskError } from '../../../model/task.ts';
import type { Database } from '../../file/database.ts';

/** Kinds of failures: rows of `failure`. Failures of one queue that are alike are of one kind. */
export interface FailureKinds {
  /** The kind of a failure; one that cannot be told apart any more is of the kind without code and pattern. */
  idOf(queueId: number, failure: TaskError): number;
}

export interface FailureBounds {
  /** Kinds of all queues. Default: 10,000. */
  readonly maxFailureKinds?: number;
}

/** Kinds; of more the failures are counted as one kind of their queue. A row has a few hundred bytes. */
const MAX_KINDS = 10_000;

/** Kinds of one queue: whoever fails in ever new words takes none from the others. */
const MAX_QUEUE_KINDS = 500;

export function createFailureKinds(db: Database, { maxFailureKinds = MAX_KINDS }: FailureBounds = {}): FailureKinds {
  const select = db.prepare<{ id: number }>('SELECT id FROM failure WHERE queue_id = ? AND code = ? AND pattern = ?');
  const insert = db.prepare<{ id: number }>(
    'INSERT INTO failure (queue_id, code, pattern) VALUES (?, ?, ?) RETURNING id',
  );
  const countAll = db.prepare<{ count: number }>('SELECT count(*) AS count FROM failure');
  const countIn = db.prepare<{ count: number }>('SELECT count(*) AS count FROM failure WHERE queue_id = ?');

  const find = (queueId: number, code: string, pattern: string): number | undefined =>
    select.get(queueId, code, pattern)?.id;
  const add = (queueId: number, code: string, pattern: string): number => insert.get(queueId, code, pattern)!.id;

  const isFull = (queueId: number): boolean =>
    countIn.get(queueId)!.count >= MAX_QUEUE_KINDS || countAll.get()!.count >= maxFailureKinds;

  function addKind(queueId: number, code: string, pattern: string): number {
    // A queue that has the kind of all others is full: nothing is counted for each of its failures.
    const others = find(queueId, '', '');
    if (others !== undefined) return others;
    if (isFull(queueId)) pruneFailureKinds(db);
    return isFull(queueId) ? add(queueId, '', '') : add(queueId, code, pattern);
  }

  return {
    idOf: (queueId, { code, message }) => {
      const pattern = patternOf(message);
      return find(queueId, code, pattern) ?? addKind(queueId, code, pattern);
    },
  };
}

/** Drops the kinds that no failure is of any more, which is looked up for each by an index. */
export function pruneFailureKinds(db: Database): void {
  db.exec('DELETE FROM failure WHERE NOT EXISTS (SELECT 1 FROM attempt WHERE failure_id = failure.id)');
}
