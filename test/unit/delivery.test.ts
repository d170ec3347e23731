import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  answerClosed,
  type Decision,
  type DeliveryFacts,
  decide,
  decideCancel,
  decideExpiry,
  findOpen,
  type OpenDelivery,
  type Report,
} from '../../server/model/delivery.ts';
import { decideHolding, isKnownStarted } from '../../server/model/holding.ts';
import { MAX_LOST } from '../../server/model/retry.ts';
import { nextState, type Transition } from '../../server/model/states.ts';
import type { TaskState } from '../../server/model/task.ts';

const NOW = 1_000;
const OURS = { key: 7, epoch: 2 };
const ROBOT = { clientId: 'robot', subject: 'alice' };
const TERMS = { maxAttempts: 3, backoffBaseMs: 100, backoffCapMs: 1_000 };

const RUNNING: DeliveryFacts = {
  state: 'running',
  delivery: 4,
  attempt: 1,
  lost: 0,
  ended: 'none',
  sessionKey: OURS.key,
  owner: null,
  cancelReason: null,
  terms: TERMS,
};
const LOST: DeliveryFacts = { ...RUNNING, state: 'ready', ended: 'lost', sessionKey: null, owner: ROBOT };
const BURNT: DeliveryFacts = { ...LOST, ended: 'lostBurnt', attempt: 2, lost: 1 };
const LAST: DeliveryFacts = { ...RUNNING, attempt: 2 };
const OFTEN: DeliveryFacts = { ...RUNNING, lost: MAX_LOST - 1, terms: { ...TERMS, maxAttempts: 99 } };
const ASKED: DeliveryFacts = { ...RUNNING, cancelReason: 'enough' };

const FAILED: Report = {
  kind: 'failed',
  error: { code: 'X', message: 'broken' },
  retry: { kind: 'policy' },
  random: 0.5,
};
const POLICY_MS = 100;

/** What a client, or the server, says of a task that is like this; in short. */
function tell(facts: DeliveryFacts, report: Report, isTold = true): string {
  const open = findOpen(facts, { delivery: facts.delivery }, undefined);
  if (!open) return 'closed';
  const decision = decide(facts, open, report, isTold, ROBOT, NOW);
  return decision ? describeDecision(decision) : 'nothing';
}

function describeDecision(decision: Decision): string {
  const { attempt, lost } = decision;
  const counts = `attempt ${attempt}, lost ${lost}`;
  switch (decision.kind) {
    case 'settled':
      return `${decision.state} ${decision.error?.code ?? ''}, ${counts}`.replace(' ,', ',');
    case 'retried':
      return `${decision.ended} until ${decision.runAt}, ${counts}`;
    case 'returned':
      return `${decision.ended} of ${decision.owner?.clientId ?? null}, ${counts}`;
  }
}

describe('decide()', () => {
  const started = { isStarted: true } as const;
  const unstarted = { isStarted: false } as const;
  const rows: readonly (readonly [what: string, facts: DeliveryFacts, said: Report, isTold: boolean, is: string])[] = [
    ['a result', RUNNING, { kind: 'succeeded' }, true, 'succeeded, attempt 2, lost 0'],
    ['a result after a cancel', ASKED, { kind: 'succeeded' }, true, 'succeeded, attempt 2, lost 0'],
    ['a late result', LOST, { kind: 'succeeded' }, true, 'succeeded, attempt 2, lost 0'],
    ['a late result, the loss taken back', BURNT, { kind: 'succeeded' }, true, 'succeeded, attempt 2, lost 0'],
    ['a failure', RUNNING, FAILED, true, `failed until ${NOW + POLICY_MS}, attempt 2, lost 0`],
    ['a failure by the server', RUNNING, FAILED, false, `timedOut until ${NOW + POLICY_MS}, attempt 2, lost 0`],
    ['a failure without retry', RUNNING, { ...FAILED, retry: { kind: 'never' } }, true, 'failed X, attempt 2, lost 0'],
    ['a failure at the last attempt', LAST, FAILED, true, 'failed X, attempt 3, lost 0'],
    ['a failure after a cancel', ASKED, FAILED, true, 'cancelled CANCELLED, attempt 2, lost 0'],
    ['a late failure', BURNT, FAILED, true, `failed until ${NOW + POLICY_MS}, attempt 2, lost 0`],
    ['a release', RUNNING, { kind: 'stopped', ...unstarted }, true, 'released of null, attempt 1, lost 0'],
    ['a release once started', RUNNING, { kind: 'stopped' }, true, 'released of null, attempt 2, lost 0'],
    ['one at the last', LAST, { kind: 'stopped' }, true, 'failed RELEASED, attempt 3, lost 0'],
    ['a stop after a cancel', ASKED, { kind: 'stopped' }, true, 'cancelled CANCELLED, attempt 2, lost 0'],
    ['a release of what was lost unstarted', LOST, { kind: 'stopped' }, true, 'released of null, attempt 1, lost 0'],
    ['a release of what was lost started', BURNT, { kind: 'stopped' }, true, 'released of null, attempt 2, lost 0'],
    ['a loss', RUNNING, { kind: 'lost', ...unstarted }, false, 'lost of robot, attempt 1, lost 0'],
    ['a loss once started', RUNNING, { kind: 'lost', ...started }, false, 'lostBurnt of robot, attempt 2, lost 1'],
    ['a loss at the last', LAST, { kind: 'lost', ...started }, false, 'failed LOST, attempt 3, lost 1'],
    ['a loss there, unstarted', LAST, { kind: 'lost', ...unstarted }, false, 'lost of robot, attempt 2, lost 0'],
    ['one loss too many', OFTEN, { kind: 'lost', ...started }, false, `failed LOST, attempt 2, lost ${MAX_LOST}`],
    ['a loss after a cancel', ASKED, { kind: 'lost', ...started }, false, 'cancelled CANCELLED, attempt 2, lost 1'],
    ['a loss of what is lost', LOST, { kind: 'lost', ...started }, false, 'nothing'],
    ['nobody confirmed a cancel', ASKED, { kind: 'abandoned' }, false, 'cancelled CANCELLED, attempt 2, lost 0'],
    ['nobody asked for a cancel', RUNNING, { kind: 'abandoned' }, false, 'nothing'],
  ];

  for (const [what, facts, report, isTold, is] of rows) it(what, () => assert.equal(tell(facts, report, isTold), is));

  it('says of a settled task whether its newest delivery was told', () => {
    const tellings = [tellSettled(RUNNING, true), tellSettled(RUNNING, false)];
    const waiting = decideExpiry({ ...LOST, state: 'scheduled', ended: 'failed' }, 'broken');
    assert.deepEqual([...tellings, waiting.isTold], [true, false, true]);
  });

  function tellSettled(facts: DeliveryFacts, isTold: boolean): boolean {
    const open = findOpen(facts, { delivery: facts.delivery }, undefined)!;
    const decision = decide(facts, open, { kind: 'succeeded' }, isTold, ROBOT, NOW);
    return decision?.kind === 'settled' && decision.isTold;
  }
});

describe('findOpen()', () => {
  it('opens the newest delivery alone', () => {
    assert.equal(findOpen(RUNNING, { delivery: 3 }, undefined), undefined);
    assert.deepEqual(findOpen(RUNNING, { delivery: 4 }, undefined), { from: 'running', burnt: 1, lost: 0 });
  });

  it('opens to the server by the session row that runs it, in its epoch', () => {
    const by = (session: { key: number; epoch: number }, epoch: number | undefined) =>
      findOpen(RUNNING, { delivery: 4, session }, epoch === undefined ? undefined : { ...ROBOT, epoch }) !== undefined;
    assert.deepEqual(
      [by(OURS, 2), by(OURS, 3), by(OURS, undefined), by({ key: 8, epoch: 2 }, 2)],
      [true, false, false, false],
    );
    assert.equal(findOpen(LOST, { delivery: 4, session: OURS }, { ...ROBOT, epoch: 2 }), undefined);
  });

  it('opens what was lost to its client, and takes the loss back', () => {
    assert.deepEqual(findOpen(BURNT, { delivery: 4, namedBy: ROBOT }, undefined), {
      from: 'ready',
      burnt: 1,
      lost: 0,
    });
    assert.equal(findOpen(BURNT, { delivery: 4, namedBy: { ...ROBOT, clientId: 'other' } }, undefined), undefined);
    assert.ok(
      findOpen({ ...BURNT, owner: null }, { delivery: 4, namedBy: { ...ROBOT, clientId: 'other' } }, undefined),
    );
  });

  it('opens nothing that ended otherwise', () => {
    for (const ended of ['none', 'failed', 'timedOut', 'released', 'redriven'] as const) {
      assert.equal(findOpen({ ...LOST, ended }, { delivery: 4 }, undefined), undefined, ended);
    }
    for (const state of ['scheduled', null] as const) {
      assert.equal(findOpen({ ...LOST, state }, { delivery: 4 }, undefined), undefined, `${state}`);
    }
  });
});

describe('answerClosed()', () => {
  it('knows a failure that was told, asks the log for the rest, and tells the server STALE', () => {
    const failed = { ...LOST, state: 'scheduled', ended: 'failed' } as const;
    assert.equal(answerClosed(failed, { delivery: 4 }), 'DUPLICATE');
    assert.equal(answerClosed(failed, { delivery: 3 }), 'log');
    assert.equal(answerClosed({ ...failed, ended: 'timedOut' }, { delivery: 4 }), 'log');
    assert.equal(answerClosed({ ...failed, state: null }, { delivery: 4 }), 'log');
    assert.equal(answerClosed(failed, { delivery: 4, session: OURS }), 'STALE');
  });
});

describe('decideHolding()', () => {
  it('keeps what is its own, takes over what nobody has or it replaces, and closes the rest', () => {
    const open = (facts: DeliveryFacts) => findOpen(facts, { delivery: 4 }, undefined);
    const hold = (facts: DeliveryFacts, key: number, replaced: number[] = []) =>
      decideHolding(facts, open(facts), key, new Set(replaced));
    assert.equal(hold(RUNNING, 7), 'held');
    assert.equal(hold(RUNNING, 8), 'closed');
    assert.equal(hold(RUNNING, 8, [7]), 'adopted');
    assert.equal(hold(LOST, 8), 'adopted');
    assert.equal(hold({ ...LOST, ended: 'released' }, 8), 'closed');
    assert.deepEqual(
      [RUNNING, LOST, BURNT].map((facts) => isKnownStarted(facts, open(facts)!)),
      [null, false, true],
    );
  });
});

describe('decideCancel()', () => {
  it('settles what waits, and asks for that of what runs or has children, once', () => {
    const waiting = decideCancel(LOST, 'why', false);
    assert.equal(waiting.kind === 'settled' && describeDecision(waiting), 'cancelled CANCELLED, attempt 1, lost 0');
    assert.ok(waiting.kind === 'settled' && waiting.cancelRequested);
    assert.deepEqual(decideCancel(RUNNING, 'why', false), { kind: 'asked', reason: 'why' });
    assert.deepEqual(decideCancel(ASKED, 'why', false), { kind: 'asked', reason: 'enough' });
    assert.deepEqual(decideCancel(LOST, 'why', true), { kind: 'asked', reason: 'why' });
  });
});

describe('any report about any delivery', () => {
  const terms = fc.record({
    maxAttempts: fc.integer({ min: 1, max: 4 }),
    backoffBaseMs: fc.constant(10),
    backoffCapMs: fc.constant(100),
  });
  /** As they come to be: before its last attempt a task waits or runs, and only what runs has a cancel asked for. */
  const facts: fc.Arbitrary<DeliveryFacts> = terms.chain((given) =>
    fc
      .record({
        ended: fc.constantFrom('lost', 'lostBurnt', 'failed', 'timedOut', 'released', 'redriven', 'none'),
        isRunning: fc.boolean(),
        attempt: fc.nat(given.maxAttempts - 1),
        lost: fc.nat(MAX_LOST - 1),
        owner: fc.constantFrom(null, ROBOT),
        reason: fc.constantFrom(null, 'enough'),
      })
      .filter(({ ended, attempt, lost }) => ended !== 'lostBurnt' || (attempt > 0 && lost > 0))
      .map(({ isRunning, ended, reason, owner, ...counts }): DeliveryFacts => {
        const common = { ...counts, delivery: 1, terms: given };
        return isRunning
          ? { ...common, state: 'running', ended: 'none', sessionKey: 1, owner: null, cancelReason: reason }
          : { ...common, state: 'ready', ended, sessionKey: null, owner, cancelReason: null };
      }),
  );
  const report: fc.Arbitrary<Report> = fc.oneof(
    fc.constant({ kind: 'succeeded' } as const),
    fc.record({
      kind: fc.constant('failed' as const),
      error: fc.constant({ code: 'X', message: '' }),
      retry: fc.constantFrom(
        { kind: 'policy' } as const,
        { kind: 'never' } as const,
        { kind: 'after', ms: 5 } as const,
      ),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    }),
    fc.record({ kind: fc.constantFrom('stopped' as const, 'lost' as const), isStarted: fc.boolean() }),
    fc.constant({ kind: 'abandoned' } as const),
  );

  /** What moves, by the table of states; a delivery that was lost runs again first. */
  function movesOf(open: OpenDelivery, decision: Decision): readonly Transition[] {
    if (decision.kind === 'settled') return [decision.state];
    if (decision.kind === 'retried') return ['retried'];
    return open.from === 'ready' ? ['adopted', decision.transition] : [decision.transition];
  }

  function check(
    property: (facts: DeliveryFacts, open: OpenDelivery, report: Report, decision: Decision) => void,
  ): void {
    fc.assert(
      fc.property(facts, report, fc.boolean(), (given, said, isTold) => {
        const open = findOpen(given, { delivery: 1 }, undefined);
        const decision = open && decide(given, open, said, isTold, ROBOT, NOW);
        if (decision) property(given, open, said, decision);
      }),
      { numRuns: 2_000 },
    );
  }

  it('moves the task as the table of states allows', () => {
    check((_, open, __, decision) => {
      const moves = movesOf(open, decision);
      const end = moves.reduce<TaskState | undefined>((state, move) => state && nextState(state, move), open.from);
      assert.ok(end, JSON.stringify(decision));
    });
  });

  it('burns one attempt or none, none of what was not started, and never runs what has none left', () => {
    check(({ terms: { maxAttempts } }, open, said, decision) => {
      const burnt = decision.attempt - open.burnt;
      assert.ok(burnt === 0 || burnt === 1);
      const isUnstarted = (said.kind === 'stopped' || said.kind === 'lost') && said.isStarted === false;
      if (isUnstarted && decision.kind !== 'settled') assert.equal(burnt, 0);
      if (isUnstarted) assert.ok(decision.kind !== 'settled' || decision.state === 'cancelled');
      if (burnt === 1 && decision.kind !== 'settled') assert.ok(decision.attempt < maxAttempts);
    });
  });

  it('ends what was cancelled: succeeded if it was, else cancelled', () => {
    check(({ cancelReason }, _, said, decision) => {
      if (cancelReason === null) return;
      assert.equal(decision.kind, 'settled');
      assert.equal(
        decision.kind === 'settled' && decision.state,
        said.kind === 'succeeded' ? 'succeeded' : 'cancelled',
      );
      assert.ok(decision.kind === 'settled' && decision.cancelRequested);
    });
  });

  it('leaves a delivery open by its loss alone, and then as if that had not been', () => {
    check((given, open, _, decision) => {
      if (decision.kind === 'settled') return;
      const state = decision.kind === 'retried' ? 'scheduled' : 'ready';
      const owner = decision.kind === 'retried' ? null : decision.owner;
      const { attempt, lost, ended } = decision;
      const later: DeliveryFacts = { ...given, state, attempt, lost, ended, owner, sessionKey: null };
      const again = findOpen(later, { delivery: 1, namedBy: ROBOT }, undefined);
      const isLoss = decision.kind === 'returned' && decision.transition === 'lost';
      assert.deepEqual(again, isLoss ? { ...open, from: 'ready' } : undefined);
    });
  });
});
