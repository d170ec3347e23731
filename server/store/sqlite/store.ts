import { Subject } from 'rxjs';
import { ContactError } from '../../../shared/errors.ts';
import { EVERY_QUEUE } from '../../model/caller.ts';
import type { BroadcastInput, TaskInput } from '../../model/task.ts';
import type { Actor } from '../acts.ts';
import { createGroupCommit } from '../commit.ts';
import { createCredentialPort } from '../credential/credentials.ts';
import type { Settlement } from '../deliveries.ts';
import { type OpenFile, openFile } from '../file/open.ts';
import { observeEngine } from '../observed.ts';
import type { StoreOptions } from '../options.ts';
import { createRefusals } from '../refusals.ts';
import { type Request, rankOf, turnOf } from '../request.ts';
import { type Signal, signalsOf } from '../signals.ts';
import type { Store } from '../store.ts';
import type { PruneOutcome } from '../tasks.ts';
import { createSqliteEngine, restoreRows } from './engine.ts';

const NOTHING_PRUNED: PruneOutcome = Object.freeze({ taskIds: [], isDone: true });

/** About the bytes that a task takes of the disk beside its payload. */
const ROW_BYTES = 200;

/** About the bytes of the pages that one step of pruning writes, so that the log is copied in time. */
const PRUNED_WEIGHT = 256 << 10;

/** @param path a file, or `:memory:` */
export function openSqliteStore(path: string, options: StoreOptions): Store {
  return openFile(path, options, { prepare: restoreRows, use: (file) => createSqliteStore(file, options) });
}

function createSqliteStore(file: OpenFile, options: StoreOptions): Store {
  const { db, disk } = file;
  const engine = createSqliteEngine(db, disk, options.fresh, options.bounds);
  const { counters, queues, clients, results, listing, failures } = engine;
  const signals = new Subject<readonly Signal[]>();
  const writing = createRefusals();
  const judged = { ...engine, judge: (error: unknown) => writing.note(engine.judge(error)) };
  const commit = createGroupCommit<Request>({
    engine: options.observer ? observeEngine(judged, options.observer) : judged,
    rankOf,
    turnOf,
    onGroup: (stage, requests, answers) => {
      writing.worked();
      const told = requests.flatMap((request, i) => signalsOf(request, answers[i], stage));
      if (told.length > 0) signals.next(told);
    },
    onFatal: file.fail,
  });
  const epoch = db.prepare<{ value: string }>(`SELECT value FROM meta WHERE name = 'epoch'`).get()!.value;
  let isOpen = true;
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    await commit.close();
    isOpen = false;
    signals.complete();
    await file.close();
  }

  /** Submits a request; a batch of nothing needs no commit. */
  function submit<T>(request: Request, items: number, bytes = 0): Promise<readonly T[]> {
    return items === 0 ? Promise.resolve([]) : commit.submit(request, items, bytes);
  }

  /**
   * Reads, and waits for what a power cut could still take back. A read that the end of the store overtakes says so.
   */
  async function read<T>(run: () => T | Promise<T>): Promise<T> {
    try {
      const found = await run();
      await commit.syncing();
      return found;
    } catch (error) {
      throw isOpen ? error : new ContactError('UNAVAILABLE', 'store: closed', { cause: error });
    }
  }

  function checkDisk(): void {
    const refusal = disk?.guard.refusal();
    if (refusal) throw refusal;
  }

  /** Answers the bytes of their payloads. */
  function checkDiskFor(tasks: readonly (TaskInput | BroadcastInput)[]): number {
    const bytes = payloadBytesOf(tasks);
    const refusal = disk?.guard.refusalOf(tasks[0]?.createdBy ?? '', bytes + ROW_BYTES * tasks.length);
    if (refusal) throw refusal;
    return bytes;
  }

  return {
    capabilities: { kind: 'sqlite', isDurable: disk !== undefined, isShared: false },
    epoch,
    signals$: signals.asObservable(),
    insertTasks: async (tasks, at) => {
      const bytes = checkDiskFor(tasks);
      return submit({ kind: 'insert', tasks, now: Math.floor(at) }, tasks.length, bytes);
    },
    insertBroadcast: async (parent, children, at, filledBy = null) => {
      const bytes = checkDiskFor([parent, ...children]);
      const request: Request = { kind: 'insertBroadcast', parent, children, now: Math.floor(at), filledBy };
      return commit.submit(request, 1 + children.length, bytes);
    },
    extendBroadcast: async (parentId, children, at) => {
      const bytes = checkDiskFor(children);
      const request: Request = { kind: 'extendBroadcast', parentId, children, now: Math.floor(at) };
      return commit.submit(request, children.length, bytes);
    },
    openBroadcast: (parentId, limit, at) =>
      commit.submit({ kind: 'openBroadcast', parentId, limit, now: Math.floor(at) }, limit, 0),
    abandonBroadcast: (parentId, limit) => commit.submit({ kind: 'abandonBroadcast', parentId, limit }, limit, 0),
    listUnopened: (node) => read(() => engine.children.listUnopened(node)),
    claimTasks: (plan, now, onClaimed) => commit.submit({ kind: 'claim', plan, now }, 0, 0, onClaimed),
    settleTasks: (settlements, at) => {
      const request: Request = { kind: 'settle', settlements, now: Math.floor(at) };
      return submit(request, settlements.length, resultBytesOf(settlements));
    },
    releaseTasks: (releases, at) => submit({ kind: 'release', releases, now: Math.floor(at) }, releases.length),
    checkpointTasks: (checkpoints) => {
      const bytes = checkpoints.reduce((sum, each) => sum + each.data.byteLength, 0);
      return submit({ kind: 'checkpoint', checkpoints }, checkpoints.length, bytes);
    },
    logTasks: async (lines) => {
      // The last of the disk is for results.
      checkDisk();
      const bytes = lines.reduce((sum, { text }) => sum + text.length, 0);
      return submit({ kind: 'log', lines }, lines.length, bytes);
    },
    cancelTasks: (ids, reason, at, scope = EVERY_QUEUE, by = '', isOrder = true) =>
      submit({ kind: 'cancel', ids, reason, now: Math.floor(at), scope, by, isOrder }, ids.length),
    redriveTasks: (ids, at, scope = EVERY_QUEUE, by = '') =>
      submit({ kind: 'redrive', ids, now: Math.floor(at), scope, by }, ids.length),
    deleteTasks: (ids, scope = EVERY_QUEUE, actor) =>
      submit({ kind: 'delete', ids, scope, actor: inTime(actor) }, ids.length),
    pruneTasks: async (retention, limit, at) => {
      // Nothing is asked of the file while nothing is to be pruned.
      if (!engine.retention.isDue(retention, Math.floor(at))) return NOTHING_PRUNED;
      const request: Request = { kind: 'prune', retention, limit, now: Math.floor(at) };
      return commit.submit(request, limit, PRUNED_WEIGHT);
    },
    wakeTasks: (at, limit) => commit.submit({ kind: 'wake', now: Math.floor(at), limit }, limit, 0),
    purgeTasks: (queue, limit, reason, at, by = '') =>
      commit.submit({ kind: 'purge', queue, limit, reason, now: Math.floor(at), by }, limit, 0),
    setQueueSettings: (settings, actor) => commit.submit({ kind: 'setQueue', settings, actor: inTime(actor) }, 1, 0),
    drainClient: (clientId, isDrained, actor) =>
      commit.submit({ kind: 'drainClient', clientId, isDrained, actor: inTime(actor) }, 1, 0),
    noteAct: async (act) => {
      await commit.submit({ kind: 'noteAct', act: { ...act, at: Math.floor(act.at) } }, 1, 0);
    },
    listActs: (before, since, limit) => read(() => engine.acts.list(before, Math.ceil(since), limit)),
    keepHistory: async ({ node, from, until, bytes }, keptFrom) => {
      // The last of the disk is for results.
      checkDisk();
      const record = { node, from: Math.floor(from), until: Math.floor(until), bytes };
      await commit.submit({ kind: 'keepHistory', record, keptFrom: Math.floor(keptFrom) }, 1, bytes.byteLength);
    },
    listHistory: (node, since) => read(() => engine.history.list(node, Math.ceil(since))),
    leaveServing: ({ clientId, subject }, at) =>
      commit.submit({ kind: 'leaveServing', client: { clientId, subject }, now: Math.floor(at) }, 1, 0),
    forgetClient: (clientId, at, by = '') =>
      commit.submit({ kind: 'forgetClient', clientId, now: Math.floor(at), by }, 1, 0),
    rememberServing: (client, at) => commit.submit({ kind: 'rememberServing', client, now: Math.floor(at) }, 1, 0),
    openSession: (opening, at) => commit.submit({ kind: 'openSession', opening, now: Math.floor(at) }, 1, 0),
    loseSession: (session, at) => commit.submit({ kind: 'loseSession', session, now: Math.floor(at) }, 1, 0),
    endSession: (session, started, at) =>
      commit.submit({ kind: 'endSession', session, started, now: Math.floor(at) }, 1, 0),
    listSessions: () => read(engine.listSessions),
    describeSessions: (sessions) => read(() => sessions.map(engine.describeSession)),
    readResults: (after, limit) => read(() => results.read(after, limit)),
    resultBounds: () =>
      read(() => {
        const newest = counters.nextPosition - 1;
        return { newest, beforeOldest: (results.oldestPosition() ?? newest + 1) - 1 };
      }),
    describeTask: (id, scope = EVERY_QUEUE) => read(() => listing.describeTask(id, scope)),
    listLog: (id, after, scope = EVERY_QUEUE) => read(() => listing.listLog(id, after, scope)),
    listTasks: (filter, before, limit, scope = EVERY_QUEUE) =>
      read(() => listing.listTasks(filter, before, limit, scope)),
    countTasks: (filter, scope = EVERY_QUEUE) => read(() => listing.countTasks(filter, scope)),
    listFailures: (query, limit, scope = EVERY_QUEUE) => read(() => failures.list(query, limit, scope)),
    countQueues: () => read(() => queues.countQueues()),
    findWaiting: () => read(() => queues.findWaiting()),
    isUsed: (queue) => read(() => queues.isUsed(queue)),
    listUsed: (limit) => read(() => queues.listUsed(limit)),
    countChildren: (parentId, scope = EVERY_QUEUE) => read(() => listing.countChildren(parentId, scope)),
    listSelectorLanes: (limit) => read(() => queues.listSelectorLanes(limit)),
    countLanes: (queue, limit) => read(() => queues.countLanes(queue, limit)),
    listOldest: (queue, limit) => read(() => queues.listOldest(queue, limit)),
    countAhead: (id, limit) => read(() => queues.countAhead(id, limit)),
    listQueueSettings: () => read(() => queues.listSettings()),
    listClients: (after, limit) => read(() => clients.list(after, limit)),
    listServing: (after, limit) => read(() => clients.listServing(after, limit)),
    findClient: (clientId) => read(() => clients.find(clientId)),
    ownerOf: (clientId, at) => read(() => engine.owners.find(clientId, at)),
    ...createCredentialPort(engine.credentials, (request, items) => commit.submit(request, items, 0), read),
    backUp: async (signal) => {
      if (disk) return disk.backups.make(signal);
      throw new ContactError('FAILED_PRECONDITION', 'store: it is in memory, and has no file to copy');
    },
    usage: () => engine.catalog.usage(),
    refusal: () => disk?.guard.refusal() ?? writing.last(),
    writeFailure: () => writing.last(),
    space: () => disk?.space(),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

/** Instants are stored as whole milliseconds. */
function inTime<A extends Actor>(actor: A | undefined): A | undefined {
  return actor && { ...actor, now: Math.floor(actor.now) };
}

function payloadBytesOf(tasks: readonly Pick<TaskInput, 'payload'>[]): number {
  let bytes = 0;
  for (const task of tasks) bytes += task.payload.byteLength;
  return bytes;
}

function resultBytesOf(settlements: readonly Settlement[]): number {
  let bytes = 0;
  for (const each of settlements) {
    if (each.kind === 'succeeded') bytes += each.result.byteLength;
    else if (each.kind === 'failed') bytes += each.error.message.length + (each.error.detail?.length ?? 0);
  }
  return bytes;
}
