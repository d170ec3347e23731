import assert from 'node:assert/strict';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { FailureGrouping, ListFailuresRequestSchema } from '../../gen/index.ts';
import { type ApiScene, createContext, openApi } from '../scene/api.ts';
import { fail, settle, startTask } from '../scene/deliveries.ts';

describe('ListFailures', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi();
  });

  afterEach(() => scene.close());

  const list = (request: MessageInitShape<typeof ListFailuresRequestSchema>) =>
    scene.api.admin.listFailures(create(ListFailuresRequestSchema, request), createContext().context);

  async function failOne(message: string): Promise<string> {
    const run = await startTask(scene.store, {}, { clientId: 'c' });
    await settle(scene.store, fail(run, { error: { code: 'E', message }, retry: { kind: 'never' } }));
    return run.taskId;
  }

  it('takes at most 500 groups', async () => {
    assert.deepEqual((await list({ maxGroups: 500 })).groups, []);
    await assert.rejects(list({ maxGroups: 501 }), { code: 'INVALID_ARGUMENT', message: 'max_groups: at most 500' });
  });

  it('names what is wrong with a grouping, an instant or queues', async () => {
    const since = { seconds: 0n, nanos: -1 };
    const queues = Array.from({ length: 1_001 }, (_, n) => `q${n}`);
    await assert.rejects(list({ by: 9 as FailureGrouping }), { code: 'INVALID_ARGUMENT', field: 'by' });
    await assert.rejects(list({ since }), { code: 'INVALID_ARGUMENT', field: 'since' });
    await assert.rejects(list({ queues }), { code: 'INVALID_ARGUMENT', field: 'queues' });
  });

  it('names 10 tasks, and 1,000 characters of a message', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) ids.push(await failOne('x'.repeat(1_500)));
    const { groups = [], otherGroups, otherFailures } = await list({});
    assert.equal(groups[0]!.taskIds!.length, 10);
    assert.ok(groups[0]!.taskIds!.every((id) => ids.includes(id)));
    assert.equal(groups[0]!.newest!.message!.length, 1_000);
    assert.deepEqual([otherGroups, otherFailures], [0, 0n]);
  });

  it('has of a group what it is by', async () => {
    await failOne('no 7');
    const brief = async (by: FailureGrouping) => {
      const { code, pattern, clientId, queue, count } = (await list({ by })).groups![0]!;
      return [code, pattern, clientId, queue, count];
    };
    const none = undefined;
    assert.deepEqual(await brief(FailureGrouping.UNSPECIFIED), ['E', 'no #', none, none, 1n]);
    assert.deepEqual(await brief(FailureGrouping.ERROR), ['E', 'no #', none, none, 1n]);
    assert.deepEqual(await brief(FailureGrouping.CLIENT), [none, none, 'c', none, 1n]);
    assert.deepEqual(await brief(FailureGrouping.QUEUE), [none, none, none, 'q', 1n]);
  });
});
