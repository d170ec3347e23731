import { ContactError } from '../../../shared/errors.ts';
import { principalOf } from '../../model/caller.ts';
import type { SessionRef } from '../../model/task.ts';
import type { Acts } from '../act/acts.ts';
import { noteRequest } from '../act/requestacts.ts';
import type { Engine, GroupSize } from '../commit.ts';
import { type Credentials, createCredentials } from '../credential/credentials.ts';
import { createHistoryRecords, type HistoryRecords } from '../history/records.ts';
import type { StoreBounds } from '../options.ts';
import type { Request } from '../request.ts';
import type { SessionStanding, StoredSession } from '../sessions.ts';
import { createBroadcasts } from './broadcasts.ts';
import { createClaimTasks } from './claim.ts';
import { type Clients, createClients } from './clients.ts';
import {
  type Catalog,
  type Children,
  type Counters,
  createContext,
  type Database,
  type FreshLimits,
  faultOf,
  inheritBroadcasts,
  type Mirror,
  type MirrorsOf,
  type Owners,
  pruneCatalog,
  pruneFailureKinds,
  writeDown,
} from './context.ts';
import { createDeliveries } from './deliveries.ts';
import { createFailures, type Failures } from './failures.ts';
import { createInserting } from './insert.ts';
import { createListing, type Listing } from './listing.ts';
import { createQueues, type Queues } from './queues.ts';
import { createResults, type Results } from './results.ts';
import { createRetention, type RetentionOperations } from './retention.ts';
import { createSessionOperations } from './sessions.ts';
import { createLogTasks } from './tasklog.ts';
import { createTaskOperations } from './tasks.ts';

export interface SqliteEngine extends Engine<Request> {
  transact(requests: readonly Request[], size?: GroupSize): readonly unknown[];
  readonly catalog: Catalog;
  readonly counters: Counters;
  readonly clients: Clients;
  readonly owners: Owners;
  readonly credentials: Credentials;
  readonly children: Children;
  readonly acts: Acts;
  readonly queues: Queues;
  readonly results: Results;
  readonly listing: Listing;
  readonly failures: Failures;
  readonly retention: RetentionOperations;
  readonly history: HistoryRecords;
  listSessions(): readonly StoredSession[];
  describeSession(session: SessionRef): SessionStanding;
}

/** What commits need that are to outlive the process. */
export interface Disk {
  readonly wal: { sync(): Promise<void> };
  readonly checkpoints: { grew(size: GroupSize): void; pause(): Promise<void> | undefined };
  readonly presence?: { check(): ContactError | undefined };
  readonly origin?: { reached(position: number): void };
}

/** Makes rows of what an earlier process left, and drops names that nobody uses; before an engine is made. */
export function restoreRows(db: Database): void {
  writeDown(db);
  pruneFailureKinds(db);
  pruneCatalog(db);
  inheritBroadcasts(db);
}

/** @param disk undefined: the database is in memory */
export function createSqliteEngine(
  db: Database,
  disk?: Disk,
  limits?: FreshLimits,
  bounds: StoreBounds = {},
): SqliteEngine {
  const context = createContext(db, limits, bounds);
  const deliveries = createDeliveries(context);
  const clients = createClients(db, context.owners, bounds);
  const credentials = createCredentials(db, context.owners);
  const sessionOperations = createSessionOperations(context, deliveries, clients);
  const inserting = createInserting(context);
  const broadcasts = createBroadcasts(context, inserting, deliveries);
  const taskOperations = createTaskOperations(context, deliveries);
  const retention = createRetention(context);
  const queues = createQueues(context, deliveries);
  const claimTasks = createClaimTasks(context);
  const logTasks = createLogTasks(context);
  const results = createResults(context);
  const listing = createListing(context, results.newestOf);
  const failures = createFailures(context);
  const history = createHistoryRecords(db);
  const parts = {
    ...context,
    deliveries,
    clients,
    credentials,
    openings: sessionOperations,
    inserting,
    broadcasts,
    operations: taskOperations,
    retention,
    queues,
    results,
    listing,
    failures,
  };
  const { catalog, principals, counters, sessions, cache, fresh, tasks, children, actLog } = context;
  /** Mirrors, each after those that it reads when it is loaded. */
  const mirrors: MirrorsOf<typeof parts> = {
    catalog,
    principals,
    counters,
    sessions,
    cache,
    fresh,
    tasks,
    inserting,
    retention,
    credentials,
    actLog,
  };
  const loaded: readonly Mirror[] = Object.values(mirrors);
  const written = loaded.toReversed();
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');

  function run(request: Request): unknown {
    switch (request.kind) {
      case 'openSession':
        return sessionOperations.openSession(request.opening, request.now);
      case 'loseSession':
        return sessionOperations.loseSession(request.session, request.now);
      case 'endSession':
        return sessionOperations.endSession(request.session, request.started, request.now);
      case 'settle':
        return deliveries.settleTasks(request.settlements, request.now);
      case 'release':
        return deliveries.releaseTasks(request.releases, request.now);
      case 'insert':
        return inserting.insertTasks(request.tasks, request.now);
      case 'insertBroadcast':
        return broadcasts.insert(request.parent, request.children, request.now, request.filledBy);
      case 'extendBroadcast':
        return broadcasts.extend(request.parentId, request.children, request.now);
      case 'openBroadcast':
        return broadcasts.open(request.parentId, request.limit, request.now);
      case 'abandonBroadcast':
        return broadcasts.abandon(request.parentId, request.limit);
      case 'cancel':
        return taskOperations.cancelTasks(request.ids, request.reason, request);
      case 'redrive':
        return taskOperations.redriveTasks(request.ids, request);
      case 'delete':
        return taskOperations.deleteTasks(request.ids, request.scope, request.actor);
      case 'prune':
        return retention.prune(request.retention, request.limit, request.now);
      case 'checkpoint':
        return deliveries.checkpointTasks(request.checkpoints);
      case 'log':
        return logTasks(request.lines);
      case 'wake':
        return taskOperations.wakeTasks(request.now, request.limit);
      case 'purge':
        return queues.purgeTasks(request);
      case 'setQueue':
        return catalog.set(request.settings, principalOf(request.actor?.by ?? ''));
      case 'drainClient':
        return clients.drain(request.clientId, request.isDrained);
      case 'rememberServing':
        return clients.rememberServing(request.client, request.now);
      case 'leaveServing':
        return clients.leaveServing(request.client, request.now);
      case 'forgetClient':
        return clients.forget(request.clientId, request.now, () => sessionOperations.endIdle(request.clientId));
      case 'changeCredential':
        return credentials.change(request.change, request.now);
      case 'noteAct':
        // Whoever notes what the others have done notes this too.
        return true;
      case 'keepHistory':
        history.keep(request.record, request.keptFrom);
        return true;
      case 'claim':
        return claimTasks(request.plan(), Math.floor(request.now()));
    }
  }

  /** A request that is refused has changed nothing; whatever else throws takes the whole group back. */
  function runOrRefuse(request: Request): unknown {
    try {
      const answer = run(request);
      noteRequest(actLog, request, answer, credentials.find);
      return answer;
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
      for (const mirror of written) mirror.flush?.();
      commit.run();
      for (const mirror of loaded) mirror.confirm?.();
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
    for (const mirror of loaded) mirror.reload();
  }

  const { listSessions, describeSession } = sessionOperations;
  return {
    transact,
    ...(disk ? { sync: () => syncAll(disk, counters) } : {}),
    pause: () => disk?.checkpoints.pause(),
    judge: faultOf,
    catalog,
    counters,
    clients,
    owners: context.owners,
    credentials,
    children,
    acts: actLog,
    queues,
    results,
    listing,
    failures,
    retention,
    history,
    listSessions,
    describeSession,
  };
}

/** Syncs the log. Rejects too when the files that were written have lost their names. */
async function syncAll({ wal, presence, origin }: Disk, counters: Counters): Promise<void> {
  const newest = counters.nextPosition - 1;
  await wal.sync();
  origin?.reached(newest);
  const gone = presence?.check();
  if (gone) throw gone;
}
