import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { createUnservedWarning } from '../../client/unserved.ts';
import { NewTaskSchema, UnservedQueueSchema } from '../../gen/index.ts';
import { createFindUnserved } from '../../server/api/unserved.ts';
import { ANONYMOUS } from '../../server/model/caller.ts';
import type { NoteFailure } from '../../server/store/failure.ts';
import { type ApiScene, openApi } from '../scene/api.ts';

const namesFrom = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${String(n).padStart(4, '0')}`);

describe('createFindUnserved()', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi();
  });

  afterEach(() => scene.close());

  async function find(name: string, noteFailure: NoteFailure = assert.fail): Promise<string[] | undefined> {
    const tasks = [create(NewTaskSchema, { queue: name })];
    const found = await createFindUnserved({ ...scene, noteFailure })(tasks, ANONYMOUS);
    return found?.flatMap(({ similar }) => similar ?? []);
  }

  it('looks at a thousand names of each kind', async () => {
    const { operations } = scene.queue;
    for (const name of namesFrom('a-longish-name-', 1_000)) await operations.pauseQueue(name, true);
    await operations.pauseQueue('mails', true);
    assert.deepEqual(await find('mial'), []);
    await operations.resumeQueue('a-longish-name-0000');
    assert.deepEqual(await find('mial'), ['mails']);
  });

  it('tells nothing when the store cannot be asked: the tasks are stored', async () => {
    const noted: unknown[] = [];
    scene.store.isUsed = () => Promise.reject(new Error('it is closed'));
    const found = await find('mial', (...failure) => noted.push(failure));
    assert.deepEqual([found, noted], [[], [['isUsed', new Error('it is closed')]]]);
  });
});

describe('createUnservedWarning()', () => {
  it('says each queue once, of a thousand at most', () => {
    const lines: string[] = [];
    const warn = createUnservedWarning((line) => void lines.push(line));
    const queues = namesFrom('q', 1_001).map((queue) => create(UnservedQueueSchema, { queue }));
    warn(queues.slice(0, 2));
    warn(queues);
    assert.equal(new Set(lines).size, 1_000);
    assert.equal(lines.length, 1_000);
  });

  it('prints nothing that a terminal would obey', () => {
    const lines: string[] = [];
    const similar = ['\u001b[2Jmails'];
    createUnservedWarning((line) => void lines.push(line))([create(UnservedQueueSchema, { queue: 'q\n', similar })]);
    assert.deepEqual(lines, ['no client serves queue q , and none has done a task of it; did you mean  [2Jmails?']);
  });
});
