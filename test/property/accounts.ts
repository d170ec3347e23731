import type { Delivery } from '../../server/model/task.ts';
import type { Line, Opening, Worker } from './line.ts';
import type { BareServer } from './server.ts';

/** What was seen and said from outside, kept as plainly as possible: what every promise is held against. */
export interface Accounts {
  /** Ids of tasks whose enqueue was answered. */
  readonly acknowledged: Set<string>;
  /** Every delivery that was pushed to anybody, in order. */
  readonly pushed: Delivery[];
  /** The number of the newest delivery pushed of each task. */
  readonly newest: Map<string, number>;
  /** And the node that pushed it. */
  readonly newestAt: Map<string, BareServer>;
  /** Deliveries that were pushed at a task's last attempt, by task, unless their worker says that they have not begun. */
  readonly lastPushed: Map<string, number>;
  /** How often the redrive of a task was asked for and not answered, and whether one of them was seen by its push. */
  readonly redriving: Map<string, { asked: number; isSeen: boolean }>;
  /** Deliveries of which some worker has said that nothing was done, also before they were pushed. */
  readonly untouched: Set<string>;
  /** The client that a delivery was pushed to. */
  readonly pushedTo: Map<string, string>;
  /** Deliveries whose work began as far as the server was told, by task, since it was last redriven. */
  readonly begun: Map<string, Set<number>>;
  /** Deliveries that ended by a word that the server said it stored. */
  readonly stored: Set<string>;
  /** Results said with a success, by delivery; those that were stored. */
  readonly succeeded: Map<string, string>;
  /** Times that a task was made ready again after it failed. */
  readonly redriven: Map<string, number>;
  /** Until when, monotonic, a delivery may run although its line is over. */
  readonly lostUntil: Map<string, number>;
  /** Until when, monotonic, nobody else may have a task whose delivery was lost. */
  readonly keptUntil: Map<string, { readonly until: number; readonly clientId: string }>;
  /** Tasks that the server may end by itself, with a timeout. */
  readonly timed: Set<string>;
  /** Tasks that were running when their cancel was answered. */
  readonly cancelled: Set<string>;
  /** Words under way: their deliveries may count as accounted for or not. */
  readonly underWay: Map<string, number>;
  readonly lines: Set<Line>;
  /** Those that the server has not answered yet; it goes on with one that is cut meanwhile. */
  readonly openings: Set<Line>;
  /** As of the last rest, without those that were to go on since: claims that were under way may still be pushed. */
  readonly paused: Set<string>;
  hasJumped: boolean;
  /** A client has registered at one node while it was at another. */
  hasMoved: boolean;
  /** Where each client registered last. */
  readonly lastHouse: Map<string, BareServer>;
  /** Promises broken between two rests. */
  readonly complaints: string[];
}

export function createAccounts(): Accounts {
  return {
    acknowledged: new Set(),
    pushed: [],
    newest: new Map(),
    newestAt: new Map(),
    lastPushed: new Map(),
    redriving: new Map(),
    untouched: new Set(),
    pushedTo: new Map(),
    begun: new Map(),
    stored: new Set(),
    succeeded: new Map(),
    redriven: new Map(),
    lostUntil: new Map(),
    keptUntil: new Map(),
    timed: new Set(),
    cancelled: new Set(),
    underWay: new Map(),
    lines: new Set(),
    openings: new Set(),
    paused: new Set(),
    hasJumped: false,
    hasMoved: false,
    lastHouse: new Map(),
    complaints: [],
  };
}

export function nameOf({ taskId, delivery }: Delivery): string {
  return `${taskId} ${delivery}`;
}

export function askRedrive({ redriving }: Accounts, id: string): void {
  const before = redriving.get(id);
  redriving.set(id, { asked: (before?.asked ?? 0) + 1, isSeen: before?.isSeen ?? false });
}

/** An answer to a redrive. What was before it is over, if its push has not said so already. */
export function hearRedrive(accounts: Accounts, id: string, isReady: boolean): void {
  const one = accounts.redriving.get(id)!;
  if (one.asked === 1) accounts.redriving.delete(id);
  else one.asked -= 1;
  if (!isReady) return;
  accounts.redriven.set(id, (accounts.redriven.get(id) ?? 0) + 1);
  if (one.isSeen) one.isSeen = false;
  else startAnew(accounts, id);
}

/** A task came at its first attempt: before the answer to its redrive, if one is under way. */
export function seeRedriven(accounts: Accounts, id: string): void {
  const one = accounts.redriving.get(id);
  if (!one || one.isSeen) return;
  one.isSeen = true;
  startAnew(accounts, id);
}

function startAnew({ begun, lastPushed, cancelled }: Accounts, id: string): void {
  begun.delete(id);
  lastPushed.delete(id);
  cancelled.delete(id);
}

export function begin({ begun }: Accounts, { taskId, delivery }: Delivery): void {
  begun.set(taskId, (begun.get(taskId) ?? new Set()).add(delivery));
}

/** One more report about it is under way. */
export function depart({ underWay }: Accounts, name: string): void {
  underWay.set(name, (underWay.get(name) ?? 0) + 1);
}

/** A report about it that was under way has its outcome. */
export function arrive({ underWay }: Accounts, name: string): void {
  const left = underWay.get(name)! - 1;
  if (left > 0) underWay.set(name, left);
  else underWay.delete(name);
}

/** Deliveries that the server still counts against a line's credit, reports under way left out. */
export function openCount({ underWay }: Accounts, line: Line): number {
  return [...line.open.keys()].filter((name) => !underWay.has(name)).length;
}

/** Its client may come back for it, unless it is coming in another way already. */
export function keep(accounts: Accounts, name: string, until: number, clientId: string): void {
  if (!isOpening(accounts, clientId)) accounts.keptUntil.set(name, { until, clientId });
}

/** Nobody waits any more for those who said that they do not come back, or who came. */
export function forgetKept({ keptUntil }: Accounts, clientId: string): void {
  for (const [name, kept] of keptUntil) if (kept.clientId === clientId) keptUntil.delete(name);
}

/** Whether a node has a delivery in its memory for certain: a line to it has it, and nobody is about to take it. */
export function isRemembered({ lines, openings }: Accounts, at: BareServer, one: Delivery): boolean {
  const holders = [...lines].filter(({ session, open }) => session !== null && open.has(nameOf(one)));
  return openings.size === 0 && holders.some(({ server }) => server === at);
}

/** Whether nothing stands in the way of a success: its worker has the task, and nobody else a word or a hand in it. */
export function isSure(accounts: Accounts, { line, clientId }: Worker, one: Delivery): boolean {
  const name = nameOf(one);
  if (!line?.session || line.isOver || line.isStale || !line.open.has(name) || line.cancelled.has(name)) return false;
  return !isOpening(accounts, clientId) && !accounts.underWay.has(name) && !accounts.timed.has(one.taskId);
}

function isOpening({ openings }: Accounts, clientId: string): boolean {
  return [...openings].some(({ worker }) => worker.clientId === clientId);
}

/** Its word that all it has is in its `holding` is about what was pushed to it and not read, too. */
export function forgetUnread(accounts: Accounts, { clientId, holding }: Worker): void {
  for (const { taskId, delivery } of accounts.pushed) {
    const isUnread =
      accounts.pushedTo.get(nameOf({ taskId, delivery })) === clientId && !holding.has(nameOf({ taskId, delivery }));
    if (isUnread && accounts.lastPushed.get(taskId) === delivery) accounts.lastPushed.delete(taskId);
  }
}

/** What it names when it comes back. */
export function holdingOf({ pushed }: Accounts, { holding }: Worker, kind: Opening['kind']): readonly Delivery[] {
  const all = [...holding.values()];
  if (kind === 'resume') return all;
  if (kind === 'half') return all.filter((_, i) => i % 2 === 0);
  // What others have, and what never was.
  return [...pushed.slice(-3), { taskId: 'none', delivery: 1 }];
}
