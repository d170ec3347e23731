import { describeExpiry, GIVEN_BACK, type LastEnd, lastErrorOf, withoutDetail } from './expiry.ts';
import { isOwnedBy, type Namer, type Owner, wasToldBy } from './owner.ts';
import { MAX_LOST, type RetryAdvice, retryAt } from './retry.ts';
import type { SessionRef, SettledState, TaskError } from './task.ts';

// What is reported of a delivery, and what becomes of its task. Pure: a store reads the facts, asks, and writes the
// decision.

/** How the newest delivery of a task that waits ended; `none`: the task was never claimed, or runs. */
export type DeliveryEnd =
  | 'none'
  /** The session was lost before the delivery was started, which is open to its client. */
  | 'lost'
  /** The session was lost after the delivery was started: an attempt is burnt, until the client comes back. */
  | 'lostBurnt'
  /** The client told a failure, and the task is retried. */
  | 'failed'
  /** The server ended it by a timeout, and the task is retried. */
  | 'timedOut'
  | 'released'
  /** The task had failed, and an operator has it run again. */
  | 'redriven';

/** What is known of a task and its newest delivery. */
export interface DeliveryFacts {
  /** Null: the task is settled. */
  readonly state: 'scheduled' | 'ready' | 'running' | null;
  readonly delivery: number;
  /** Attempts that are burnt. */
  readonly attempt: number;
  /** Losses of started deliveries. */
  readonly lost: number;
  readonly ended: DeliveryEnd;
  /** The key of the session row that runs it. */
  readonly sessionKey: number | null;
  /** Who had the delivery whose loss ended it, or told the failure that did; null: not known. */
  readonly owner: Owner | null;
  /** A cancel was asked for while it ran; null: none was. */
  readonly cancelReason: string | null;
  readonly terms: { readonly maxAttempts: number; readonly backoffBaseMs: number; readonly backoffCapMs: number };
}

/** Who names a delivery: a client, or the server itself, which names the session row too. */
export interface NamedDelivery {
  readonly delivery: number;
  readonly session?: SessionRef;
  readonly namedBy?: Namer;
}

/** What is known of the session row that runs a task. */
export interface Runner extends Owner {
  readonly epoch: number;
}

/** A delivery that may still be ended: it runs, or it was lost and nobody else has the task. */
export interface OpenDelivery {
  /** `ready`: only the loss of its session ended it; ending it now takes back what that loss burnt. */
  readonly from: 'running' | 'ready';
  /** Attempts that were burnt before it. */
  readonly burnt: number;
  /** Losses before it. */
  readonly lost: number;
}

/** What a client or the server itself reports of an open delivery. */
export type Report =
  | { readonly kind: 'succeeded' }
  | {
      readonly kind: 'failed';
      readonly error: TaskError;
      readonly retry: RetryAdvice;
      /** 0 to 1, for the jitter of a policy retry. */
      readonly random: number;
    }
  /** The worker gave the task back, or stopped because of a cancel. `isStarted`: default true. */
  | { readonly kind: 'stopped'; readonly isStarted?: boolean }
  /** The session of the delivery is gone. */
  | { readonly kind: 'lost'; readonly isStarted: boolean }
  /** Nobody confirmed the cancel in time. */
  | { readonly kind: 'abandoned' };

export interface SettleDecision {
  readonly kind: 'settled';
  readonly state: SettledState;
  readonly attempt: number;
  readonly lost: number;
  readonly error: TaskError | null;
  /** A client told the end, so that the same delivery told again is a duplicate. */
  readonly isTold: boolean;
  readonly cancelRequested: boolean;
}

export type Decision =
  | SettleDecision
  /** The task is scheduled: it backs off. */
  | {
      readonly kind: 'retried';
      readonly runAt: number;
      readonly attempt: number;
      readonly lost: number;
      readonly ended: 'failed' | 'timedOut';
      readonly lastError: string;
    }
  /** The task is ready again, in the place that it had. */
  | {
      readonly kind: 'returned';
      readonly transition: 'released' | 'lost';
      readonly attempt: number;
      readonly lost: number;
      readonly ended: 'released' | 'lost' | 'lostBurnt';
      readonly owner: Owner | null;
      /** Why an attempt is burnt, unless a worker has told an error before; null: none is. */
      readonly lastError: string | null;
    };

/**
 * The delivery that is named, if it is open for whoever names it: the newest one, while it runs, or when only the loss
 * of its session ended it. The server's own reports need the session row that runs it, in the epoch that it has now;
 * those of a client are for its own deliveries, whether they run or were lost.
 * @param runner the session row that runs it; undefined: none does, or the row is gone
 */
export function findOpen(
  facts: DeliveryFacts,
  named: NamedDelivery,
  runner: Runner | undefined,
): OpenDelivery | undefined {
  const { session, namedBy } = named;
  if (facts.delivery !== named.delivery) return undefined;
  if (facts.state === 'running') {
    if (session && !(facts.sessionKey === session.key && runner?.epoch === session.epoch)) return undefined;
    if (namedBy && runner && !isOwnedBy(runner, namedBy)) return undefined;
    return { from: 'running', burnt: facts.attempt, lost: facts.lost };
  }
  if (facts.state !== 'ready' || session || !isLost(facts.ended)) return undefined;
  if (namedBy && facts.owner && !isOwnedBy(facts.owner, namedBy)) return undefined;
  const back = facts.ended === 'lostBurnt' ? 1 : 0;
  return { from: 'ready', burnt: facts.attempt - back, lost: facts.lost - back };
}

function isLost(ended: DeliveryEnd): boolean {
  return ended === 'lost' || ended === 'lostBurnt';
}

/**
 * What is answered to a result of a delivery that is not open: DUPLICATE to who had told one before, while a stranger's is STALE
 * as any other. `log`: it had if the log has a result of this delivery that it told.
 */
export function answerClosed(
  facts: DeliveryFacts,
  { delivery, session, namedBy }: NamedDelivery,
): 'DUPLICATE' | 'STALE' | 'log' {
  if (session) return 'STALE';
  if (facts.state === null || facts.delivery !== delivery || facts.ended !== 'failed') return 'log';
  return wasToldBy(facts.owner, namedBy) ? 'DUPLICATE' : 'STALE';
}

/**
 * What becomes of the task; undefined: nothing, as the report comes too late or too early.
 * @param isTold by a client; else the server says it by itself
 * @param had whose it was; null: nobody knows
 */
export function decide(
  facts: DeliveryFacts,
  open: OpenDelivery,
  report: Report,
  isTold: boolean,
  had: Owner | null,
  now: number,
): Decision | undefined {
  switch (report.kind) {
    case 'succeeded':
      return settle(facts, 'succeeded', open.burnt + 1, open.lost, null, isTold);
    case 'failed':
      return fail(facts, open, report, isTold, now);
    case 'stopped':
      return giveBack(facts, open, report.isStarted ?? true, isTold);
    case 'lost':
      return open.from === 'ready' ? undefined : lose(facts, report.isStarted, had);
    case 'abandoned':
      return facts.cancelReason === null ? undefined : cancel(facts, facts.cancelReason, isTold);
  }
}

function settle(
  facts: DeliveryFacts,
  state: SettledState,
  attempt: number,
  lost: number,
  error: TaskError | null,
  isTold: boolean,
): SettleDecision {
  return {
    kind: 'settled',
    state,
    attempt,
    lost,
    error,
    // The newest delivery of a task that waits may have been told before: as the failure that it waits to retry.
    isTold: isTold || facts.ended === 'failed',
    cancelRequested: facts.cancelReason !== null || state === 'cancelled',
  };
}

/** The task ends as cancelled: a delivery that runs counts as an attempt. */
function cancel(facts: DeliveryFacts, reason: string, isTold: boolean, lost = facts.lost): SettleDecision {
  const attempt = facts.state === 'running' ? facts.attempt + 1 : facts.attempt;
  return settle(facts, 'cancelled', attempt, lost, { code: 'CANCELLED', message: reason }, isTold);
}

function fail(
  facts: DeliveryFacts,
  { burnt, lost }: OpenDelivery,
  { error, retry, random }: Report & { kind: 'failed' },
  isTold: boolean,
  now: number,
): Decision {
  if (facts.cancelReason !== null) return cancel(facts, facts.cancelReason, isTold);
  const { maxAttempts, backoffBaseMs: baseMs, backoffCapMs: capMs } = facts.terms;
  const runAt = retryAt(now, burnt + 1, maxAttempts, { baseMs, capMs }, retry, random);
  if (runAt === null) return settle(facts, 'failed', burnt + 1, lost, withoutDetail(error), isTold);
  const ended = isTold ? 'failed' : 'timedOut';
  return { kind: 'retried', runAt: Math.ceil(runAt), attempt: burnt + 1, lost, ended, lastError: lastErrorOf(error) };
}

/** The delivery is closed; an attempt is burnt if it was started. A cancel that was asked for happens now. */
function giveBack(facts: DeliveryFacts, open: OpenDelivery, isStarted: boolean, isTold: boolean): Decision {
  if (facts.cancelReason !== null) return cancel(facts, facts.cancelReason, isTold);
  // Whoever said that it was lost knew whether it had begun.
  const isBurnt = isStarted && !(open.from === 'ready' && facts.ended === 'lost');
  const attempt = open.burnt + (isBurnt ? 1 : 0);
  if (isBurnt && attempt >= facts.terms.maxAttempts) {
    const error = { code: 'RELEASED', message: `${GIVEN_BACK}, at its last attempt` };
    return settle(facts, 'failed', attempt, open.lost, error, isTold);
  }
  return {
    kind: 'returned',
    transition: 'released',
    attempt,
    lost: open.lost,
    ended: 'released',
    owner: null,
    lastError: isBurnt ? GIVEN_BACK : null,
  };
}

/** The delivery is open to its owner until somebody else has the task; an attempt is burnt if it was started. */
function lose(facts: DeliveryFacts, isStarted: boolean, had: Owner | null): Decision {
  const attempt = facts.attempt + (isStarted ? 1 : 0);
  const lost = facts.lost + (isStarted ? 1 : 0);
  if (facts.cancelReason !== null) return cancel(facts, facts.cancelReason, false, lost);
  if (isStarted && (attempt >= facts.terms.maxAttempts || lost >= MAX_LOST)) {
    const error = { code: 'LOST', message: `its session was lost, ${lost} times in all` };
    return settle(facts, 'failed', attempt, lost, error, false);
  }
  const ended = isStarted ? 'lostBurnt' : 'lost';
  return { kind: 'returned', transition: 'lost', attempt, lost, ended, owner: had, lastError: null };
}

/**
 * An operator's cancel: of a task that runs, or that waits for its children, it is asked for, with the first reason
 * that was given; any other ends.
 */
export function decideCancel(
  facts: DeliveryFacts,
  reason: string,
  hasChildren: boolean,
): SettleDecision | { readonly kind: 'asked'; readonly reason: string } {
  if (facts.state === 'running' || hasChildren) return { kind: 'asked', reason: facts.cancelReason ?? reason };
  return cancelWaiting(facts, reason);
}

/** The cancel of a task that nobody has. */
export function cancelWaiting(facts: DeliveryFacts, reason: string): SettleDecision {
  return cancel(facts, reason, false);
}

/**
 * The end of a task that nobody took in time.
 * @param lastError of the last attempt that failed; null: nothing is known of it
 */
export function decideExpiry(facts: DeliveryFacts, lastError: string | null): SettleDecision {
  const { attempt, ended, state } = facts;
  const error = describeExpiry({ end: lastEndOf(ended), isBackingOff: state === 'scheduled', attempt, lastError });
  return settle(facts, 'expired', facts.attempt, facts.lost, error, false);
}

/** The end of a broadcast, whose children are all settled. */
export function decideParent(
  facts: DeliveryFacts,
  { state, error }: { readonly state: SettledState; readonly error: TaskError | null },
): SettleDecision {
  return settle(facts, state, 0, facts.lost, error, false);
}

/** The end of a delivery as an expiry tells it. */
function lastEndOf(ended: DeliveryEnd): LastEnd {
  if (isLost(ended)) return 'lost';
  if (ended === 'failed' || ended === 'timedOut') return 'failed';
  return ended === 'released' ? 'released' : 'none';
}
