import type { NewAct } from '../model/act.ts';
import type { QueueScope } from '../model/caller.ts';
import type { Retention } from '../model/retention.ts';
import type { BroadcastInput, Delivery, SessionRef, TaskInput } from '../model/task.ts';
import type { TaskLogLine } from '../model/tasklog.ts';
import type { Actor } from './acts.ts';
import type { ClientActor, ServingClient } from './clients.ts';
import type { CredentialChange } from './credentials.ts';
import type { ClaimRequest, Release, Settlement } from './deliveries.ts';
import type { NewHistoryRecord } from './history.ts';
import type { QueueActor, QueueChange } from './queues.ts';
import type { SessionOpening, StartedDelivery } from './sessions.ts';

/** One writing call of the Store port, as data: what a transaction is made of. */
export type Request =
  | { readonly kind: 'openSession'; readonly opening: SessionOpening; readonly now: number }
  | { readonly kind: 'loseSession'; readonly session: SessionRef; readonly now: number }
  | {
      readonly kind: 'endSession';
      readonly session: SessionRef;
      readonly started: readonly StartedDelivery[] | 'all';
      readonly now: number;
    }
  | { readonly kind: 'settle'; readonly settlements: readonly Settlement[]; readonly now: number }
  | { readonly kind: 'release'; readonly releases: readonly Release[]; readonly now: number }
  | { readonly kind: 'insert'; readonly tasks: readonly TaskInput[]; readonly now: number }
  | {
      readonly kind: 'insertBroadcast';
      readonly parent: BroadcastInput;
      readonly children: readonly TaskInput[];
      readonly now: number;
      /** Null: it is whole. */
      readonly filledBy: string | null;
    }
  | {
      readonly kind: 'extendBroadcast';
      readonly parentId: string;
      readonly children: readonly TaskInput[];
      readonly now: number;
    }
  | { readonly kind: 'openBroadcast'; readonly parentId: string; readonly limit: number; readonly now: number }
  | { readonly kind: 'abandonBroadcast'; readonly parentId: string; readonly limit: number }
  | {
      readonly kind: 'cancel';
      readonly ids: readonly string[];
      readonly reason: string;
      readonly now: number;
      readonly scope: QueueScope;
      readonly by: string;
      readonly isOrder: boolean;
    }
  | {
      readonly kind: 'redrive';
      readonly ids: readonly string[];
      readonly now: number;
      readonly scope: QueueScope;
      readonly by: string;
    }
  | {
      readonly kind: 'delete';
      readonly ids: readonly string[];
      readonly scope: QueueScope;
      readonly actor?: Actor | undefined;
    }
  | { readonly kind: 'prune'; readonly retention: Retention; readonly limit: number; readonly now: number }
  | { readonly kind: 'checkpoint'; readonly checkpoints: readonly (Delivery & { readonly data: Uint8Array })[] }
  | { readonly kind: 'log'; readonly lines: readonly TaskLogLine[] }
  | { readonly kind: 'wake'; readonly now: number; readonly limit: number }
  | {
      readonly kind: 'purge';
      readonly queue: string;
      readonly limit: number;
      readonly reason: string;
      readonly now: number;
      readonly by: string;
    }
  | { readonly kind: 'setQueue'; readonly settings: QueueChange; readonly actor?: QueueActor | undefined }
  | {
      readonly kind: 'drainClient';
      readonly clientId: string;
      readonly isDrained: boolean;
      readonly actor?: ClientActor | undefined;
    }
  | { readonly kind: 'noteAct'; readonly act: NewAct }
  | { readonly kind: 'keepHistory'; readonly record: NewHistoryRecord; readonly keptFrom: number }
  | { readonly kind: 'rememberServing'; readonly client: ServingClient; readonly now: number }
  | {
      readonly kind: 'leaveServing';
      readonly client: Pick<ServingClient, 'clientId' | 'subject'>;
      readonly now: number;
    }
  | { readonly kind: 'forgetClient'; readonly clientId: string; readonly now: number; readonly by: string }
  | {
      readonly kind: 'changeCredential';
      readonly change: CredentialChange;
      readonly now: number;
      readonly by?: string | undefined;
    }
  | { readonly kind: 'claim'; readonly plan: () => readonly ClaimRequest[]; readonly now: () => number };

/** The order of requests within a transaction; equal ranks keep their order of arrival. */
const RANKS: Readonly<Record<Request['kind'], number>> = Object.freeze({
  // Checkpoints go with the settles, as they came: one is for the attempt after the failure that came with it.
  checkpoint: 0,
  // Whoever is told of an end finds what was said before it.
  log: 0,
  settle: 0,
  release: 1,
  // Sessions come after the settles: a result that came just before its session ended is no loss.
  openSession: 2,
  loseSession: 2,
  endSession: 2,
  insert: 3,
  insertBroadcast: 3,
  extendBroadcast: 3,
  openBroadcast: 4,
  abandonBroadcast: 4,
  cancel: 4,
  redrive: 4,
  delete: 4,
  prune: 4,
  wake: 4,
  purge: 4,
  setQueue: 4,
  drainClient: 4,
  noteAct: 4,
  keepHistory: 4,
  rememberServing: 4,
  leaveServing: 4,
  forgetClient: 4,
  changeCredential: 4,
  claim: 5,
});

export function rankOf(request: Request): number {
  return RANKS[request.kind];
}

/** Tasks of one principal give way to those of others; results, sessions and orders go as they come. */
export function turnOf(request: Request): string | undefined {
  if (request.kind === 'insert') return request.tasks[0]?.createdBy;
  if (request.kind === 'extendBroadcast') return request.children[0]?.createdBy;
  return request.kind === 'insertBroadcast' ? request.parent.createdBy : undefined;
}
