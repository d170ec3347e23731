import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import {
  CallTaskRequestSchema,
  EnqueueTasksRequestSchema,
  GetTaskRequestSchema,
  StreamEnqueueRequestSchema,
} from '../../gen/index.ts';
import type { TaskOutlet } from '../../server/session/outlet.ts';
import { newSessionId } from '../../shared/ids.ts';
import { type ApiScene, createContext, openApi } from '../scene/api.ts';
import { until } from '../scene/until.ts';

const OUTLET: TaskOutlet = { peer: '', send: () => true, onDrain: () => undefined, end: () => undefined };
const WEB = { principal: 'token:web' };
const tasks = (count: number) => Array.from({ length: count }, () => ({ queue: 'q' }));

describe('limits of a principal', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi({ enqueueRatePerPrincipal: 100, maxSessionsPerPrincipal: 2 });
  });

  afterEach(() => scene.close());

  const enqueue = (count: number, rights: object = WEB) =>
    scene.api.tasks.enqueueTasks(
      create(EnqueueTasksRequestSchema, { tasks: tasks(count) }),
      createContext('all', rights).context,
    );

  function produce(rights: object = WEB) {
    return scene.api.openProducing({
      caller: createContext('all', rights).context.caller,
      tell: () => true,
      onIdle: () => undefined,
      onError: (error) => {
        throw error;
      },
    });
  }

  const batch = (count: number) => create(StreamEnqueueRequestSchema, { tasks: tasks(count) });

  it('refuse calls that enqueue too much, and say when to come again', async () => {
    await enqueue(300);
    const tooMuch = { code: 'RESOURCE_EXHAUSTED', field: 'tasks', problem: /^token:web enqueues more than 100/ };
    await assert.rejects(enqueue(1), tooMuch);
    const request = create(CallTaskRequestSchema, { task: { queue: 'q' } });
    await assert.rejects(
      Promise.resolve(scene.api.tasks.callTask(request, createContext('all', WEB).context)),
      tooMuch,
    );
    assert.equal(scene.counts.reachedLimits.enqueue_rate, 2);
    await enqueue(1, { principal: 'token:other' });
    await enqueue(1_000, { principal: '' });
    await enqueue(1_000, { principal: '' });
  });

  it('hold back a stream that enqueues too much, which is read no further meanwhile', async () => {
    const producing = produce();
    const begun = performance.now();
    await producing.store(batch(120));
    assert.equal(producing.isHeld, false);
    const held = producing.store(batch(5));
    assert.equal(producing.isHeld, true);
    const { answer } = await held;
    assert.equal(answer.event?.case, 'stored');
    assert.equal(producing.isHeld, false);
    // A burst of 100 is free, the other 20 take a fifth of a second.
    assert.ok(performance.now() - begun >= 190, `${performance.now() - begun} ms`);
    producing.close();
    assert.equal(scene.counts.reachedLimits.enqueue_rate, 1);
  });

  it('let go of a batch whose producer has gone', async () => {
    const producing = produce();
    await producing.store(batch(1_000));
    const held = producing.store(batch(5));
    producing.close();
    await held;
    assert.equal(producing.isHeld, false);
    const [counts] = await scene.store.countQueues();
    assert.equal(counts!.ready, 1_000);
  });

  function open(clientId: string, rights: object = WEB, previousSession?: string) {
    const resume = previousSession === undefined ? {} : { resume: { previousSession } };
    const request = create(GetTaskRequestSchema, { queues: ['q'], ...resume });
    const { context, leave } = createContext('all', rights);
    const sessionId = newSessionId();
    const headers: Record<string, string> = { 'contact-client': clientId, 'contact-session': sessionId };
    const opened = scene.api.worker.openSession(request, { ...context, header: (name) => headers[name] }, OUTLET);
    return { opened, leave, sessionId };
  }

  it('refuse one session more than a principal may have, and take one when another has gone', async () => {
    const first = open('a');
    await first.opened;
    await open('b').opened;
    await assert.rejects(open('c').opened, {
      code: 'RESOURCE_EXHAUSTED',
      field: 'sessions',
      problem: 'token:web has 2, and may have 2 (maxSessionsPerPrincipal)',
    });
    assert.equal(scene.counts.reachedLimits.sessions_per_principal, 1);
    for (const clientId of ['d', 'e', 'f']) await open(clientId, { principal: '' }).opened;
    await open('g', { principal: 'token:other' }).opened;
    // One that comes back to a session which is still there takes its place.
    const again = open('a', WEB, first.sessionId);
    await again.opened;
    first.leave(new Error('gone'));
    await assert.rejects(open('c').opened, { field: 'sessions' });
    again.leave(new Error('gone'));
    await until('a place', () =>
      open('c').opened.then(
        () => true,
        () => false,
      ),
    );
  });
});
