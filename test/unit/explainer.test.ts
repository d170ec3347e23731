import assert from 'node:assert/strict';
import { WaitingKind } from '../../gen/index.ts';
import { createOpenExplainer, type ExplainOptions, type Explanation } from '../../server/api/waiting.ts';
import type { QueueView } from '../../server/dispatch/operations.ts';
import type { Receiver } from '../../server/dispatch/receiver.ts';
import { isKeptCall } from '../../server/model/call.ts';
import { type Caller, createCaller } from '../../server/model/caller.ts';
import type { TaskRecord } from '../../server/model/task.ts';
import { systemClock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { isMethodName } from '../../tunnel/names.ts';
import { createReceiver } from '../scene/receiver.ts';
import { createTask, T0 } from '../scene/tasks.ts';

function createRecord(with_: Partial<TaskRecord> = {}): TaskRecord {
  return {
    ...createTask(),
    ...{ state: 'ready', createdAt: T0, attempt: 0, delivery: 0, lost: 0, cancelRequested: false, clientId: '' },
    ...{ lastError: null, claimedAt: null, settled: null },
    ...with_,
  };
}

function callerWith(role: 'producer' | 'observer' | 'operator', clients: readonly string[] = ['*']): Caller {
  const rights = { roles: [role], queues: ['*'], clients, calls: [], serves: [] };
  return createCaller({ principal: 'p', kind: 'token', rights, expiresAt: Number.POSITIVE_INFINITY });
}

interface SceneOptions {
  readonly receivers?: readonly Receiver[];
  readonly maxRunning?: number;
  readonly running?: number;
  readonly isPaused?: boolean;
  readonly isClaiming?: boolean;
  readonly ahead?: number;
  readonly writeFailure?: ContactError;
  readonly knownClients?: readonly string[];
}

/** What tells of a server with these, and counts what is asked of it. */
function createScene({ receivers = [], ...of }: SceneOptions = {}) {
  const asked = { lanes: 0, clients: 0, counts: 0, ahead: [] as number[] };
  const options = {
    queue: {
      operations: { settingsOf: () => ({ isPaused: of.isPaused ?? false, maxRunning: of.maxRunning ?? 0 }) },
      drawersOf: ({ lane }: { readonly lane: string }) => {
        asked.lanes += 1;
        return lane === '' ? receivers : [];
      },
      receivers: () => receivers,
      isClaiming: of.isClaiming ?? true,
    },
    registry: {
      describeRun: () => undefined,
      clients: {
        find: (clientId: string) => {
          asked.clients += 1;
          if (!of.knownClients?.includes(clientId)) return Promise.resolve(undefined);
          return Promise.resolve({ view: { isConnected: false, lastSeenAt: T0, queues: [] }, sessions: [] });
        },
      },
    },
    store: {
      countQueues: () => {
        asked.counts += 1;
        return Promise.resolve([{ queue: 'q', running: of.running ?? 0 }]);
      },
      countAhead: (_id: string, limit: number) => {
        asked.ahead.push(limit);
        return Promise.resolve(Math.min(limit, of.ahead ?? 0));
      },
      writeFailure: () => of.writeFailure,
    },
    clock: systemClock,
  };
  const openExplainer = createOpenExplainer(options as unknown as ExplainOptions);
  return { asked, openExplainer };
}

const busy = (clientId: string): Receiver => ({
  ...createReceiver(1),
  clientId,
  standing: () => ({ kind: 'full', credit: 1, owedBytes: 0, roomBytes: 0 }),
});

describe('explainer.explainTask()', () => {
  it('looks up once what a thousand tasks of a lane have in common', async () => {
    const { asked, openExplainer } = createScene({ receivers: [busy('a')], maxRunning: 3, running: 3 });
    const explainer = openExplainer(callerWith('operator'));
    const tasks = Array.from({ length: 1_000 }, () => createRecord());
    const all = await Promise.all(tasks.map((task) => explainer.explainTask(task)));
    assert.equal(all[999]!.waiting, all[0]!.waiting);
    assert.match(all[999]!.waitingFor, /^a place in the queue q: 3 of at most 3 run; also credit: /);
    assert.deepEqual(asked, { lanes: 1, clients: 0, counts: 1, ahead: [] });
  });

  it('says the same of all tasks of a lane once, but for one that has no room', async () => {
    const narrow = {
      ...busy('a'),
      standing: () => ({ kind: 'free' as const, credit: 1, owedBytes: 5, roomBytes: 10 }),
    };
    const explainer = createScene({ receivers: [narrow] }).openExplainer(callerWith('operator'));
    const [one, other, large, call] = await [
      createRecord(),
      createRecord(),
      createRecord({ payload: Buffer.alloc(11) }),
      createRecord({ queue: 'a.B/C', contentType: 'application/protobuf', lane: 's:x' }),
    ].reduce<Promise<Explanation[]>>(
      async (before, record) => [...(await before), await explainer.explainTask(record)],
      Promise.resolve([]),
    );
    assert.equal(one!.waiting, other!.waiting);
    assert.deepEqual([one!.waitingFor, large!.waitingFor.slice(0, 20)], ['its turn', 'a client that reads:']);
    assert.match(call!.waitingFor, /the method a\.B\/C/);
  });

  it('says what holds scheduled tasks of a lane once, and of each its own time', async () => {
    const wanted = [
      createRecord({ state: 'scheduled', runAt: 1_000 }),
      createRecord({ state: 'scheduled', runAt: 2_000 }),
      createRecord({ state: 'scheduled', runAt: 3_000, attempt: 2, lastError: 'E: no' }),
      createRecord({ state: 'scheduled', runAt: null }),
      createRecord({ state: 'scheduled', runAt: 4_000, lane: 'p:' }),
      createRecord({
        state: 'scheduled',
        runAt: 5_000,
        queue: 'a.B/C',
        contentType: 'application/protobuf',
        lane: 's:x',
      }),
    ];
    const nobody = 'a client: none that is connected serves the queue q; no client is connected';
    const { openExplainer } = createScene();
    const all = await openExplainer(callerWith('operator')).explainTasks(wanted);
    assert.deepEqual(
      all.map(({ waitingFor }) => waitingFor),
      [
        `its time, 1970-01-01T00:00:01.000Z; also ${nobody}`,
        `its time, 1970-01-01T00:00:02.000Z; also ${nobody}`,
        `a retry at 1970-01-01T00:00:03.000Z, after 2 failed attempts, the last: E: no; also ${nobody}`,
        `its broadcast to be complete; also ${nobody}`,
        'its time, 1970-01-01T00:00:04.000Z',
        'its time, 1970-01-01T00:00:05.000Z; also a client that matches x: none that is connected serves the method a.B/C; no client is connected',
      ],
    );
    assert.deepEqual(
      all.slice(0, 3).map(({ waiting }) => [waiting?.kind, Number(waiting?.until?.seconds), waiting?.count]),
      [
        [WaitingKind.DELAYED, 1, 0],
        [WaitingKind.DELAYED, 2, 0],
        [WaitingKind.RETRY, 3, 2],
      ],
    );
    assert.equal(all[1]!.waiting?.others[0], all[0]!.waiting?.others[0]);
    assert.equal(all[1]!.waiting?.others[0]?.text, nobody);
    // What comes before the time of each is told first, of each anew.
    const paused = createScene({ isPaused: true }).openExplainer(callerWith('operator'));
    const held = await paused.explainTasks(wanted.slice(0, 2));
    assert.deepEqual(
      held.map(({ waitingFor, waiting }) => [waitingFor, waiting?.others.map(({ kind }) => kind)]),
      [1, 2].map((second) => [
        `the queue q to be resumed: it is paused; also its time, 1970-01-01T00:00:0${second}.000Z; also ${nobody}`,
        [WaitingKind.DELAYED, WaitingKind.NOT_SERVED],
      ]),
    );
  });

  it('tells of a list in its order, and nothing of what is settled', async () => {
    const { openExplainer } = createScene({ receivers: [busy('a')] });
    const records = [
      createRecord({ state: 'succeeded' }),
      createRecord(),
      createRecord({ state: 'running', clientId: 'w' }),
      createRecord({ lane: 'c:b' }),
    ];
    const all = await openExplainer(callerWith('operator')).explainTasks(records);
    assert.deepEqual(
      all.map(({ waitingFor, waiting }) => [waitingFor.slice(0, 8), waiting?.text.slice(0, 8)]),
      [
        ['', undefined],
        ['credit: ', 'credit: '],
        ['', 'on w, wh'],
        ['client b', 'client b'],
      ],
    );
  });

  it('asks for a hundred clients by name, and leaves it open of others', async () => {
    const { asked, openExplainer } = createScene();
    const explainer = openExplainer(callerWith('operator'));
    const tasks = Array.from({ length: 120 }, (_, n) => createRecord({ lane: `c:robot-${n}` }));
    const all = await Promise.all([...tasks, ...tasks].map((task) => explainer.explainTask(task)));
    assert.equal(asked.clients, 100);
    assert.equal(all[99]!.waitingFor, 'client robot-99, which is not connected and not remembered');
    assert.equal(all[100]!.waitingFor, 'client robot-100, which is not connected or does not serve the queue q');
  });

  it('counts what is before one task that is asked for alone, up to a thousand', async () => {
    const { asked, openExplainer } = createScene({ receivers: [busy('a')], ahead: 5_000 });
    const explained = await openExplainer(callerWith('operator')).explainTask(createRecord(), true);
    assert.match(explained.waitingFor, /; also its turn: at least 1,000 others are before it$/);
    assert.deepEqual(asked.ahead, [1_000]);
  });

  it('says that the server goes, and that it cannot write', async () => {
    const writeFailure = new ContactError('RESOURCE_EXHAUSTED', 'store: the disk is full');
    const { openExplainer } = createScene({ receivers: [busy('a')], isClaiming: false, writeFailure });
    const { waiting } = await openExplainer(callerWith('operator')).explainTask(createRecord());
    assert.match(waiting!.text, /it is shutting down/);
    assert.match(waiting!.others[0]!.text, /^the server to write again: .*the disk is full$/);
  });

  it('says of what runs elsewhere only who has it', async () => {
    const { openExplainer } = createScene();
    const record = createRecord({ state: 'running', clientId: 'far', delivery: 1 });
    const { waitingFor, waiting } = await openExplainer(callerWith('operator')).explainTask(record);
    assert.deepEqual([waitingFor, waiting!.text], ['', 'on far, which has it; whether it has begun is not known']);
  });

  const ABSENT = createRecord({ lane: 'c:robot' });
  const tell = async (caller: Caller) => {
    const { asked, openExplainer } = createScene({ knownClients: ['robot'] });
    const { waiting, waitingFor } = await openExplainer(caller).explainTask(ABSENT);
    return { waitingFor, since: waiting!.since !== undefined, asked: asked.clients };
  };

  for (const role of ['observer', 'operator'] as const) {
    it(`tells an ${role} since when the client of a task is away`, async () => {
      assert.deepEqual(await tell(callerWith(role)), {
        waitingFor: `client robot, which is not connected since ${new Date(T0).toISOString()}`,
        ...{ since: true, asked: 1 },
      });
    });
  }

  for (const [who, caller] of [
    ['a producer', callerWith('producer')],
    ['an observer of other clients', callerWith('observer', ['other-*'])],
  ] as const) {
    it(`leaves open for ${who} whether the client of a task is there`, async () => {
      assert.deepEqual(await tell(caller), {
        waitingFor: 'client robot, which is not connected or does not serve the queue q',
        ...{ since: false, asked: 0 },
      });
    });
  }
});

describe('explainer.explainQueue()', () => {
  const view = {
    queue: 'q',
    ready: 3,
    scheduled: 0,
    running: 0,
    fullest: ['', 'c:robot', 's:site=oslo'],
  } as unknown as QueueView;

  it('says it of the heads of its fullest lanes, each kind once', async () => {
    const { asked, openExplainer } = createScene({ receivers: [busy('a')] });
    const waiting = await openExplainer(callerWith('operator')).explainQueue(view);
    assert.deepEqual(
      [waiting!, ...waiting!.others].map(({ text }) => text.split(/[:,]/)[0]),
      ['client robot', 'a client that matches site=oslo', 'credit'],
    );
    assert.deepEqual(
      [asked.lanes, asked.clients],
      [4, 1],
      'those of the queue as a whole are looked up for the selector',
    );
  });

  it('says when all wait for their time, and that the queue is paused before that', async () => {
    const { openExplainer } = createScene({ isPaused: true });
    const scheduled = { ...view, ready: 0, scheduled: 2, fullest: [] };
    const waiting = await openExplainer(callerWith('operator')).explainQueue(scheduled);
    assert.deepEqual(
      [waiting!, ...waiting!.others].map(({ text }) => text),
      ['the queue q to be resumed: it is paused', 'the time of 2 scheduled tasks'],
    );
  });

  it('says nothing where nothing waits', async () => {
    const { openExplainer } = createScene();
    const idle = { ...view, ready: 0, running: 1, scheduled: 2, fullest: [] };
    assert.equal(await openExplainer(callerWith('operator')).explainQueue(idle), undefined);
  });
});

describe('isKeptCall()', () => {
  const NAMES = ['shop.Till/Open', 'Till/Open', 'a.b.C/D', 'q', 'mail/send/now', 'robot:7/x', 'a/b-c', '/x', 'x/'];

  it('takes a message in a queue that is named as a method for a call', () => {
    for (const queue of NAMES) {
      assert.equal(isKeptCall({ queue, contentType: 'application/protobuf' }), isMethodName(queue), queue);
      assert.equal(isKeptCall({ queue, contentType: 'application/json' }), false, queue);
    }
  });
});
