import type { Delivery } from '../../server/model/task.ts';
import type { SessionEvent } from '../../server/session/outlet.ts';
import type { Session } from '../../server/session/session.ts';
import type { Report } from './reports.ts';
import type { BareServer } from './server.ts';

/** One registration, as both of its ends see it. */
export interface Line {
  readonly id: string;
  readonly worker: Worker;
  /** The node that it leads to. */
  readonly server: BareServer;
  /** Its client has another one since, at another node: this one's may not know that it is over. */
  isStale: boolean;
  /** A word about what it had was told elsewhere, and its own node may count that as owed. */
  isUnsure: boolean;
  readonly isResumable: boolean;
  readonly queues: readonly string[];
  readonly holding: readonly Delivery[];
  readonly inbox: { readonly seq: number; readonly event: SessionEvent }[];
  /** What counts against its credit: neither accounted for by a word nor closed when it was named. */
  readonly open: Map<string, Delivery>;
  /** Everything that ever was open here. */
  readonly known: Set<string>;
  readonly cancelled: Set<string>;
  readonly asked: number;
  /** The largest credit it had since the last rest. */
  ceiling: number;
  credit: number;
  isFull: boolean;
  isRegistered: boolean;
  isStalled: boolean;
  /** Nobody reads it, or writes to it, any more. */
  isOver: boolean;
  /** The server has ended it. */
  isEnded: boolean;
  session: Session | null;
  flow: () => void;
}

/** A worker process: what it remembers from one line to the next. */
export interface Worker {
  readonly clientId: string;
  /** Nobody asks for it. */
  readonly subject: '';
  readonly isNamed: boolean;
  /** Reads and receipts at once; the others only when told. */
  readonly isAttentive: boolean;
  line: Line | null;
  previous: Line | null;
  /** The newest session it heard of. */
  sessionId: string | null;
  readonly holding: Map<string, Delivery>;
}

/** One word of a worker, on its way. */
export interface Saying {
  /** It says that work ended in failure. */
  readonly isFailure: boolean;
  /** The lines that were open when it was said: it is about nothing that others take up later. */
  readonly lines: ReadonlySet<Line>;
  /** The node that was told. */
  readonly server: BareServer;
}

export function createWorker(clientId: string, isNamed: boolean, isAttentive: boolean): Worker {
  const memory = { line: null, previous: null, sessionId: null, holding: new Map() };
  return { clientId, subject: '', isNamed, isAttentive, ...memory };
}

export interface Opening {
  readonly kind: 'fresh' | 'resume' | 'half' | 'garbage';
  readonly credit: number;
  readonly isFull: boolean;
  readonly isStatusFirst: boolean;
  /** False: as a classic client, nobody waits for it. */
  readonly isResumable: boolean;
  readonly queues: readonly string[];
}

/** Everything that workers do. */
export interface Workers {
  readonly all: readonly Worker[];
  /** @param at the node; default: the only one */
  open(worker: Worker, opening: Opening, at?: BareServer): void;
  /** The worker's program ends the line, and what it has not read is gone. */
  cut(worker: Worker): void;
  /** Also lines that nobody minds any more. */
  cutAll(): void;
  read(worker: Worker): void;
  stall(worker: Worker, isStalled: boolean): void;
  /** Says reports over its line, over the one before it, or without any, to the node `at`. */
  say(worker: Worker, reports: readonly Report[], over: 'line' | 'previous' | 'tell', at?: BareServer): void;
  setCredit(worker: Worker, credit: number): void;
  /** Lets the attentive ones read. */
  attend(): void;
}
