import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Subject } from 'rxjs';
import { ContactError } from '../../../shared/errors.ts';
import type { TaskInput } from '../../model/task.ts';
import { createGroupCommit } from '../commit.ts';
import type { Settlement } from '../deliveries.ts';
import type { StoreOptions } from '../options.ts';
import type { QueueCounts, QueueSettings } from '../queues.ts';
import { type Request, rankOf } from '../request.ts';
import { type Signal, signalsOf } from '../signals.ts';
import type { Store } from '../store.ts';
import { createSqliteEngine, type Disk } from './engine.ts';
import { applySettings, type Database, openDatabase } from './file/database.ts';
import { createDiskGuard, type DiskGuard, freeBytesOf, syncLeftovers } from './file/disk.ts';
import { keepLog, type LogKeeper } from './file/keeper.ts';
import { createPrivate, type FileLock, lockFile } from './file/lock.ts';
import { type Origin, openOrigin } from './file/origin.ts';
import { checkPlaces } from './file/places.ts';
import { watchPresence } from './file/presence.ts';
import { checkSchema, migrate } from './file/schema.ts';
import { convertToIncremental } from './file/vacuum.ts';
import { openWal } from './file/wal.ts';
import { createCheckpoints } from './file/walcheckpoints.ts';
import { writeDown } from './fresh/rows.ts';
import { createReads } from './listing.ts';
import { pruneCatalog, type QueueEntry } from './rows/catalog.ts';

const MEMORY = ':memory:';

/** @param path a file, or `:memory:` */
export function openSqliteStore(path: string, options: StoreOptions): Store {
  if (path === MEMORY) return createSqliteStore(openReady(MEMORY), options);
  const file = findRealPath(path);
  let lock: FileLock | undefined;
  try {
    checkPlaces(file);
    lock = lockFile(file);
    createPrivate(file);
    syncLeftovers(file);
    const db = openReady(file);
    const freeBytes = options.freeBytes ?? (() => freeBytesOf(dirname(file)));
    convertToIncremental(db, file, freeBytes, options.onNotice);
    const origin = openOrigin(db, file);
    // The log is new, perhaps.
    syncLeftovers(file);
    origin.confirm();
    if (origin.isCopy) options.onNotice?.(`${file} is a copy, or an older state: it has a new epoch, cursors end`);
    const guard = createDiskGuard(freeBytes, options.minFreeBytes ?? 64 << 20);
    return createSqliteStore(db, options, { file, lock, guard, origin, keeper: keepLog(file) });
  } catch (error) {
    lock?.release();
    if (error instanceof ContactError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ContactError('FAILED_PRECONDITION', `store: ${file} cannot be opened: ${reason}`, { cause: error });
  }
}

/** One name for a file however it is reached, so that its lock is one too. */
function findRealPath(path: string): string {
  const file = resolve(path);
  if (existsSync(file)) return realpathSync(file);
  if (!existsSync(dirname(file))) {
    throw new ContactError('FAILED_PRECONDITION', `store: the folder ${dirname(file)} does not exist`);
  }
  return join(realpathSync(dirname(file)), basename(file));
}

function openReady(file: string): Database {
  const db = openDatabase(file);
  try {
    checkSchema(db, file);
    applySettings(db, file);
    migrate(db);
    writeDown(db);
    pruneCatalog(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

interface Place {
  readonly file: string;
  readonly lock: FileLock;
  readonly guard: DiskGuard;
  readonly origin: Origin;
  readonly keeper: LogKeeper;
}

/** @param place undefined: in memory */
function createSqliteStore(db: Database, options: StoreOptions, place?: Place): Store {
  let isFaulty = false;
  const tellFatal = options.onFatal ?? endProcess;
  /** Only the first word is the cause; what fails afterwards fails because of it. */
  const onFatal = (error: unknown): void => {
    if (isFaulty) return;
    isFaulty = true;
    tellFatal(error);
  };
  const disk = place && openDisk(db, place, onFatal, options);
  const engine = createSqliteEngine(db, disk, options.fresh);
  const { catalog, counters, queues, clients } = engine;
  const reads = createReads(db, engine);
  const signals = new Subject<readonly Signal[]>();
  const commit = createGroupCommit<Request>({
    engine,
    rankOf,
    onGroup: (stage, requests, answers) => {
      const told = requests.flatMap((request, i) => signalsOf(request, answers[i], stage));
      if (told.length > 0) signals.next(told);
    },
    onFatal: (error) => onFatal(disk?.presence?.look() ?? error),
  });
  const epoch = db.prepare<{ value: string }>(`SELECT value FROM meta WHERE name = 'epoch'`).get()!.value;
  let isOpen = true;
  let closed: Promise<void> | undefined;

  async function close(): Promise<void> {
    await commit.close();
    await disk?.checkpoints.close();
    isOpen = false;
    signals.complete();
    disk?.wal.close();
    place?.origin.close();
    // The last look: what was cut or replaced since the one before it is no place to copy the log to.
    disk?.presence?.look();
    disk?.presence?.close();
    if (!isFaulty) place?.keeper.close();
    db.close();
    // What was acknowledged may be in the log alone by now.
    if (isFaulty) place?.keeper.close();
    place?.lock.release();
  }

  /** Batches of nothing need no commit. */
  function submit<T>(request: Request, items: number, bytes = 0): Promise<readonly T[]> {
    return items === 0 ? Promise.resolve([]) : commit.submit(request, items, bytes);
  }

  /** Nobody is told of what a power cut could still take back. A read that the end of the store overtakes says so. */
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
    const refusal = place?.guard.refusal();
    if (refusal) throw refusal;
  }

  return {
    capabilities: { kind: 'sqlite', isDurable: place !== undefined, isShared: false },
    epoch,
    signals$: signals.asObservable(),
    insertTasks: async (tasks, at) => {
      checkDisk();
      return submit({ kind: 'insert', tasks, now: Math.floor(at) }, tasks.length, payloadBytesOf(tasks));
    },
    insertBroadcast: async (parent, children, at, isWhole = true) => {
      checkDisk();
      const request: Request = { kind: 'insertBroadcast', parent, children, now: Math.floor(at), isWhole };
      return commit.submit(request, 1 + children.length, payloadBytesOf([parent, ...children]));
    },
    extendBroadcast: async (parentId, children, at) => {
      checkDisk();
      const request: Request = { kind: 'extendBroadcast', parentId, children, now: Math.floor(at) };
      return commit.submit(request, children.length, payloadBytesOf(children));
    },
    openBroadcast: (parentId, limit, at) =>
      commit.submit({ kind: 'openBroadcast', parentId, limit, now: Math.floor(at) }, limit, 0),
    abandonBroadcast: (parentId, limit) => commit.submit({ kind: 'abandonBroadcast', parentId, limit }, limit, 0),
    listUnopened: () => read(() => engine.children.listUnopened()),
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
    cancelTasks: (ids, reason, at) => submit({ kind: 'cancel', ids, reason, now: Math.floor(at) }, ids.length),
    retryTasks: (ids, at) => submit({ kind: 'retry', ids, now: Math.floor(at) }, ids.length),
    deleteTasks: (ids) => submit({ kind: 'delete', ids }, ids.length),
    wakeTasks: (at, limit) => commit.submit({ kind: 'wake', now: Math.floor(at), limit }, limit, 0),
    purgeTasks: (queue, limit, reason, at) =>
      commit.submit({ kind: 'purge', queue, limit, reason, now: Math.floor(at) }, limit, 0),
    setQueueSettings: (settings) => commit.submit({ kind: 'setQueue', settings }, 1, 0),
    drainClient: (clientId, isDrained) => commit.submit({ kind: 'drainClient', clientId, isDrained }, 1, 0),
    openSession: (opening, at) => commit.submit({ kind: 'openSession', opening, now: Math.floor(at) }, 1, 0),
    loseSession: (session, at) => commit.submit({ kind: 'loseSession', session, now: Math.floor(at) }, 1, 0),
    endSession: (session, started, at) =>
      commit.submit({ kind: 'endSession', session, started, now: Math.floor(at) }, 1, 0),
    listSessions: () => read(engine.listSessions),
    readResults: (after, limit) => read(() => reads.readResults(after, limit)),
    resultBounds: () =>
      read(() => {
        const newest = counters.nextPosition - 1;
        return { newest, beforeOldest: (reads.oldestPosition() ?? newest + 1) - 1 };
      }),
    describeTask: (id) => read(() => reads.describeTask(id)),
    listTasks: (filter, before, limit) => read(() => reads.listTasks(filter, before, limit)),
    countQueues: () => read(() => [...catalog.queues()].map(toCounts)),
    findWaiting: () => read(() => queues.findWaiting()),
    countChildren: (parentId) => read(() => reads.countChildren(parentId)),
    listSelectorLanes: (limit) => read(() => queues.listSelectorLanes(limit)),
    countLanes: (queue, limit) => read(() => queues.countLanes(queue, limit)),
    listOldest: (queue, limit) => read(() => queues.listOldest(queue, limit)),
    listQueueSettings: () => read(() => listSettings(catalog.queues())),
    listClients: (after, limit) => read(() => clients.list(after, limit)),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}

function openDisk(
  db: Database,
  { file, origin }: Place,
  onFatal: (error: unknown) => void,
  { isServed = false, onNotice }: StoreOptions,
): Disk {
  const countBytes = (): number => Number(db.pragma('page_count')) * Number(db.pragma('page_size'));
  const presence = watchPresence({ file, countBytes, onGone: onFatal, onNotice });
  const onFailed = (error: unknown): void => onFatal(presence.look() ?? error);
  return {
    wal: openWal(file),
    checkpoints: createCheckpoints({ file, onFatal: onFailed, startsAtOnce: isServed }),
    presence,
    origin,
  };
}

function listSettings(queues: Iterable<QueueEntry>): readonly QueueSettings[] {
  return [...queues]
    .map((queue) => queue.settings)
    .filter(({ isPaused, maxWaiting, maxRunning }) => isPaused || maxWaiting > 0 || maxRunning > 0)
    .sort((a, b) => (a.queue < b.queue ? -1 : 1));
}

function toCounts({ name, counts }: QueueEntry): QueueCounts {
  const { ready, scheduled, running, ...settled } = counts;
  return { queue: name, ready, scheduled, running, settled };
}

function payloadBytesOf(tasks: readonly TaskInput[]): number {
  let bytes = 0;
  for (const task of tasks) bytes += task.payload.byteLength;
  return bytes;
}

function resultBytesOf(settlements: readonly Settlement[]): number {
  let bytes = 0;
  for (const each of settlements) if (each.kind === 'succeeded') bytes += each.result.byteLength;
  return bytes;
}

/** What is on disk is unknown: acknowledging anything more would be a guess. */
function endProcess(error: unknown): void {
  console.error('store: the disk failed, ending the process:', error);
  process.exit(70);
}
