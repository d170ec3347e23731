import { ContactError } from '../../shared/errors.ts';
import { createAdmission } from './admission.ts';

/** Runs a group in one transaction. PostgreSQL's answers come later, SQLite's at once: both are welcome. */
export interface Engine<R> {
  /**
   * One answer per request, in order, once all of it is committed. An answer that is a ContactError refuses its own
   * request alone, which changed nothing. Throwing means that nothing of the group was committed.
   */
  transact(requests: readonly R[], size: GroupSize): readonly unknown[] | Promise<readonly unknown[]>;
  /**
   * Puts on disk what was committed before this call, while the next group is transacted. Rejects when nobody knows any
   * more what is there, which is fatal. Absent: `transact()` has done it.
   */
  sync?(): Promise<void>;
  /** Resolves when the next transaction may begin; undefined: at once. */
  pause?(): Promise<void> | undefined;
  /** What is to be done after a throw: refuse the group with an error, find the culprit one by one, or give up. */
  judge(error: unknown): { kind: 'refused'; error: ContactError } | { kind: 'bug' } | { kind: 'fatal' };
}

export interface GroupSize {
  readonly items: number;
  readonly bytes: number;
}

export interface GroupCommit<R> {
  /**
   * @param onCommitted hears the answer as soon as it is committed, to plan the next group with; nobody may be told of
   * it before it is on disk, which is when the promise resolves. Must not throw
   */
  submit<T>(request: R, items: number, bytes: number, onCommitted?: (answer: T) => void): Promise<T>;
  /** Resolves when all that was committed, and can be read, is on disk; undefined: it is. */
  syncing(): Promise<void> | undefined;
  /** Waits for everything submitted; later submissions are refused. */
  close(): Promise<void>;
}

export interface GroupCommitOptions<R> {
  readonly engine: Engine<R>;
  readonly rankOf: (request: R) => number;
  /** Whose turn it takes, where more waits than fits into a group; default: nobody's, all goes in order of arrival. */
  readonly turnOf?: (request: R) => string | undefined;
  /** Called when the content of the disk is no longer known. */
  readonly onFatal: (error: unknown) => void;
  /**
   * Hears of each group twice: once it is committed, before any `onCommitted` of it, and once it is on disk, before its
   * answers leave. Refused requests are left out. Must not throw.
   */
  readonly onGroup?: (stage: 'committed' | 'durable', requests: readonly R[], answers: readonly unknown[]) => void;
  readonly maxItems?: number;
  readonly maxBytes?: number;
}

interface Waiting<R> {
  readonly request: R;
  readonly rank: number;
  readonly items: number;
  readonly bytes: number;
  readonly onCommitted: ((answer: unknown) => void) | undefined;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: what is submitted in one event-loop turn, or while a commit is under way, forms the next transaction.
 * Requests are admitted in order of arrival and by turns (`createAdmission()`), so that a flood of one kind or of one principal
 * starves no other, and run by rank. While a
 * group goes to disk one more is transacted; the one after that waits, and gathers. Answers leave in order.
 * The queue is bounded by its callers: each waits for its answer before it sends more.
 */
export function createGroupCommit<R>(options: GroupCommitOptions<R>): GroupCommit<R> {
  const {
    engine,
    rankOf,
    turnOf = () => undefined,
    onFatal,
    onGroup,
    maxItems = 2_000,
    maxBytes = 8 * 1024 * 1024,
  } = options;
  const admit = createAdmission<Waiting<R>>({ maxItems, maxBytes, turnOf: ({ request }) => turnOf(request) });
  let queue: Waiting<R>[] = [];
  let isScheduled = false;
  /** The sync of the newest group, until it is on disk. */
  let syncing: Promise<void> | undefined;
  let closing: (() => void) | null = null;
  let refusal: ContactError | null = null;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => void pump());
  }

  async function pump(): Promise<void> {
    for (let pause = engine.pause?.(); pause; pause = engine.pause?.()) await pause;
    const running = run(takeGroup());
    if (running) await running;
    isScheduled = false;
    if (queue.length > 0) schedule();
    else endIfClosed();
  }

  function endIfClosed(): void {
    if (!isScheduled && !syncing) closing?.();
  }

  function takeGroup(): Waiting<R>[] {
    const { group, rest } = admit(queue);
    queue = rest;
    return group.length > 1 ? group.sort((a, b) => a.rank - b.rank) : group;
  }

  /** Answers when the next group may be transacted; undefined: at once. */
  function run(group: Waiting<R>[]): Promise<void> | undefined {
    if (refusal) {
      for (const each of group) each.reject(refusal);
      return undefined;
    }
    try {
      const answers = engine.transact(
        group.map((each) => each.request),
        sizeOf(group),
      );
      if (answers instanceof Promise) {
        return answers.then(
          (found) => makeDurable(group, found),
          (error: unknown) => recover(group, error),
        );
      }
      return makeDurable(group, answers);
    } catch (error) {
      return recover(group, error);
    }
  }

  function tell(stage: 'committed' | 'durable', group: readonly Waiting<R>[], answers: readonly unknown[]): void {
    if (!onGroup) return;
    const isRefused = answers.some((answer) => answer instanceof ContactError);
    const accepted = isRefused ? group.filter((_, i) => !(answers[i] instanceof ContactError)) : group;
    onGroup(
      stage,
      accepted.map(({ request }) => request),
      isRefused ? answers.filter((answer) => !(answer instanceof ContactError)) : answers,
    );
  }

  /** The next group waits until the sync of this one has begun: there are never more than two on their way. */
  function makeDurable(group: Waiting<R>[], answers: readonly unknown[]): Promise<void> | undefined {
    tell('committed', group, answers);
    group.forEach(({ onCommitted }, i) => {
      if (onCommitted && !(answers[i] instanceof ContactError)) onCommitted(answers[i]);
    });
    if (!engine.sync) {
      tell('durable', group, answers);
      deliver(group, answers);
      return undefined;
    }
    const before = syncing;
    const sync = (): Promise<void> => engine.sync!();
    const synced = before ? before.then(sync) : sync();
    syncing = synced;
    synced.then(
      () => {
        if (syncing === synced) syncing = undefined;
        tell('durable', group, answers);
        deliver(group, answers);
        endIfClosed();
      },
      (error: unknown) => {
        if (syncing === synced) syncing = undefined;
        giveUp(group, error);
      },
    );
    return before?.catch(() => undefined);
  }

  function giveUp(group: readonly Waiting<R>[], error: unknown): void {
    const isFirst = !refusal;
    refusal ??= new ContactError('UNAVAILABLE', 'store: the disk failed', { cause: error });
    for (const each of group) each.reject(refusal);
    if (isFirst) onFatal(error);
    endIfClosed();
  }

  async function recover(group: Waiting<R>[], error: unknown): Promise<void> {
    const verdict = engine.judge(error);
    if (verdict.kind === 'refused') {
      for (const each of group) each.reject(verdict.error);
    } else if (verdict.kind === 'fatal') {
      giveUp(group, error);
    } else if (group.length === 1) {
      group[0]!.reject(error);
    } else {
      for (const each of group) await run([each]);
    }
  }

  return {
    submit: <T>(request: R, items: number, bytes: number, onCommitted?: (answer: T) => void) =>
      new Promise<T>((resolve, reject) => {
        if (closing) return reject(new ContactError('UNAVAILABLE', 'store: closed'));
        queue.push({
          request,
          rank: rankOf(request),
          items,
          bytes,
          onCommitted: onCommitted as ((answer: unknown) => void) | undefined,
          resolve: resolve as (answer: unknown) => void,
          reject,
        });
        schedule();
      }),
    syncing: () => syncing,
    close: () =>
      new Promise((resolve) => {
        closing = resolve;
        endIfClosed();
      }),
  };
}

function sizeOf(group: readonly GroupSize[]): GroupSize {
  let items = 0;
  let bytes = 0;
  for (const each of group) {
    items += each.items;
    bytes += each.bytes;
  }
  return { items, bytes };
}

function deliver<R>(group: readonly Waiting<R>[], answers: readonly unknown[]): void {
  for (let i = 0; i < group.length; i++) {
    const answer = answers[i];
    if (answer instanceof ContactError) group[i]!.reject(answer);
    else group[i]!.resolve(answer);
  }
}
