import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { EnqueueTasksRequestSchema } from '../../gen/index.ts';
import type { Caller } from '../../server/model/caller.ts';
import { type ApiScene, createContext, openApi } from '../scene/api.ts';

const OF_ROBOTS: Partial<Caller> = { principal: 'token:fleet', clients: { clients: ['robot-*'] } };

describe('who called', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi();
  });

  afterEach(() => scene.close());

  async function metadataOf(rights: Partial<Caller>, metadata: Record<string, string>) {
    const request = create(EnqueueTasksRequestSchema, { tasks: [{ queue: 'q', metadata }] });
    const { tasks } = await scene.api.tasks.enqueueTasks(request, createContext('all', rights).context);
    return (await scene.store.describeTask(tasks![0]!.id!))?.metadata;
  }

  it('is said by the server, where a task leaves place for it, and by nobody else', async () => {
    const forged = { 'contact-principal': 'operator', trace: 't' };
    assert.deepEqual(await metadataOf(OF_ROBOTS, forged), { 'contact-principal': 'token:fleet', trace: 't' });
    assert.deepEqual(await metadataOf(OF_ROBOTS, { trace: 't' }), { trace: 't' });
    assert.deepEqual(await metadataOf({}, forged), { trace: 't' });
  });

  it('is said of a call that is kept, and another has no answer of it', async () => {
    const call = {
      method: 'p.S/M',
      payload: Buffer.from('x'),
      metadata: { trace: 't' },
      clientId: undefined,
      selector: undefined,
      key: 'k',
      isDetached: true,
    };
    const callers = ['token:a', 'token:b'].map((principal) => createContext('all', { principal }).context.caller);
    const { id } = await scene.api.storedCalls.store(call, callers[0]!);
    assert.deepEqual((await scene.store.describeTask(id))?.metadata, { 'contact-principal': 'token:a', trace: 't' });
    assert.equal((await scene.api.storedCalls.store(call, callers[0]!)).id, id);
    await assert.rejects(scene.api.storedCalls.store(call, callers[1]!), {
      code: 'ALREADY_EXISTS',
      field: 'contact-key',
    });
  });
});
