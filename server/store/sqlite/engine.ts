import { ContactError } from '../../../shared/errors.ts';
import type { Engine, GroupSize } from '../commit.ts';
import type { Request } from '../request.ts';
import type { StoredSession } from '../sessions.ts';
import { createBroadcasts } from './broadcasts.ts';
import { createClaimTasks } from './claim.ts';
import { type Clients, createClients } from './clients.ts';
import type { Context } from './context.ts';
import { createDeliveries } from './deliveries.ts';
import type { Database } from './file/database.ts';
import { faultOf } from './file/fault.ts';
import type { Origin } from './file/origin.ts';
import type { Presence } from './file/presence.ts';
import type { Wal } from './file/wal.ts';
import type { Checkpoints } from './file/walcheckpoints.ts';
import { createFresh, type Fresh, type FreshLimits } from './fresh/fresh.ts';
import { createInserting } from './insert.ts';
import { createQueues, type Queues } from './queues.ts';
import { type Catalog, createCatalog } from './rows/catalog.ts';
import { type Children, createChildren } from './rows/children.ts';
import { type Counters, createCounters } from './rows/counters.ts';
import { createEndings } from './rows/endings.ts';
import { createTasks } from './rows/live.ts';
import { createSessions, type Sessions } from './rows/sessions.ts';
import { createWarm } from './rows/warm.ts';
import { createOpenings } from './sessions.ts';
import { createSettling } from './settle.ts';
import { createUpkeep } from './tasks.ts';

export interface SqliteEngine extends Engine<Request> {
  transact(requests: readonly Request[], size?: GroupSize): readonly unknown[];
  readonly catalog: Catalog;
  readonly counters: Counters;
  readonly sessions: Sessions;
  readonly clients: Clients;
  readonly children: Children;
  readonly queues: Queues;
  readonly fresh: Fresh;
  listSessions(): readonly StoredSession[];
}

/** Where commits go that are to outlive the process. */
export interface Disk {
  readonly wal: Wal;
  readonly checkpoints: Checkpoints;
  readonly presence?: Presence;
  readonly origin?: Origin;
}

/** @param disk undefined: in memory */
export function createSqliteEngine(db: Database, disk?: Disk, limits?: FreshLimits): SqliteEngine {
  const catalog = createCatalog(db);
  const counters = createCounters(db);
  const sessions = createSessions(db);
  const clients = createClients(db);
  const children = createChildren(db);
  const warm = createWarm();
  const endings = createEndings(db);
  const fresh = createFresh(db, catalog, limits);
  const tasks = createTasks(db, fresh, warm, endings);
  const context: Context = { db, catalog, counters, sessions, clients, children, tasks, fresh, warm, endings };
  const deliveries = createDeliveries(context);
  const openings = createOpenings(context, deliveries);
  const settling = createSettling(context, deliveries);
  const inserting = createInserting(context);
  const broadcasts = createBroadcasts(context, inserting, deliveries);
  const upkeep = createUpkeep(context, deliveries);
  const queues = createQueues(context, deliveries);
  const claimTasks = createClaimTasks(context);
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');

  function run(request: Request): unknown {
    switch (request.kind) {
      case 'openSession':
        return openings.openSession(request.opening, request.now);
      case 'loseSession':
        return openings.loseSession(request.session, request.now);
      case 'endSession':
        return openings.endSession(request.session, request.started, request.now);
      case 'settle':
        return settling.settleTasks(request.settlements, request.now);
      case 'release':
        return settling.releaseTasks(request.releases, request.now);
      case 'insert':
        return inserting.insertTasks(request.tasks, request.now);
      case 'insertBroadcast':
        return broadcasts.insert(request.parent, request.children, request.now, request.isWhole);
      case 'extendBroadcast':
        return broadcasts.extend(request.parentId, request.children, request.now);
      case 'openBroadcast':
        return broadcasts.open(request.parentId, request.limit, request.now);
      case 'abandonBroadcast':
        return broadcasts.abandon(request.parentId, request.limit);
      case 'cancel':
        return upkeep.cancelTasks(request.ids, request.reason, request.now);
      case 'retry':
        return upkeep.retryTasks(request.ids);
      case 'delete':
        return upkeep.deleteTasks(request.ids);
      case 'checkpoint':
        return upkeep.checkpointTasks(request.checkpoints);
      case 'wake':
        return upkeep.wakeTasks(request.now, request.limit);
      case 'purge':
        return queues.purgeTasks(request.queue, request.limit, request.reason, request.now);
      case 'setQueue':
        return catalog.set(request.settings);
      case 'drainClient':
        return clients.drain(request.clientId, request.isDrained);
      case 'claim':
        return claimTasks(request.plan(), Math.floor(request.now()));
    }
  }

  /** A request that is refused has changed nothing; whatever else throws takes the whole group back. */
  function runOrRefuse(request: Request): unknown {
    try {
      return run(request);
    } catch (error) {
      if (error instanceof ContactError) return error;
      throw error;
    }
  }

  function transact(
    requests: readonly Request[],
    size: GroupSize = { items: requests.length, bytes: 0 },
  ): readonly unknown[] {
    const answers = commitAll(requests);
    disk?.checkpoints.grew(size);
    return answers;
  }

  function commitAll(requests: readonly Request[]): readonly unknown[] {
    begin.run();
    try {
      const answers = requests.map(runOrRefuse);
      fresh.flush();
      catalog.flush();
      commit.run();
      catalog.confirm();
      return answers;
    } catch (error) {
      takeBack(error);
      throw error;
    }
  }

  /** The mirrors follow the file, unless the file is what failed. */
  function takeBack(error: unknown): void {
    try {
      if (db.isInTransaction()) rollback.run();
    } catch {
      // Only the first error says what happened.
    }
    if (faultOf(error).kind === 'fatal') return;
    catalog.reload();
    counters.reload();
    sessions.reload();
    fresh.reload();
    warm.clear();
    endings.clear();
    inserting.clear();
  }

  const { listSessions } = openings;
  return {
    transact,
    ...(disk ? { sync: () => syncAll(disk, counters) } : {}),
    pause: () => disk?.checkpoints.pause(),
    judge: faultOf,
    catalog,
    counters,
    sessions,
    clients,
    children,
    queues,
    fresh,
    listSessions,
  };
}

/** Also says whether the files that were written still have their names. */
async function syncAll({ wal, presence, origin }: Disk, counters: Counters): Promise<void> {
  const newest = counters.nextPosition - 1;
  await wal.sync();
  origin?.reached(newest);
  const gone = presence?.check();
  if (gone) throw gone;
}
