import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { DescribeTaskRequestSchema, ListTasksRequestSchema } from '../../gen/index.ts';
import { type ApiScene, createContext, openApi } from '../scene/api.ts';
import { createBroadcast, T0 } from '../scene/tasks.ts';

describe('the answers of TaskService', () => {
  let scene: ApiScene;

  beforeEach(async () => {
    scene = await openApi();
  });

  afterEach(() => scene.close());

  it('say that the child of a broadcast waits for the others of it', async () => {
    const { parent, children } = createBroadcast(['a', 'b']);
    await scene.store.insertBroadcast(parent, children, T0, 'n');
    const request = create(DescribeTaskRequestSchema, { id: children[0]!.id });
    const { task } = await scene.api.tasks.describeTask(request, createContext().context);
    assert.equal(
      task?.waitingFor,
      'its broadcast to be complete; also client a, which is not connected and not remembered',
    );
  });

  it('say why tasks wait in a list as they do of one', async () => {
    await scene.enqueue('q', 'q');
    const { tasks = [] } = await scene.api.tasks.listTasks(create(ListTasksRequestSchema), createContext().context);
    const words = 'a client: none that is connected serves the queue q; no client is connected';
    assert.deepEqual(
      tasks.map(({ waitingFor, waiting }) => [waitingFor, waiting?.text]),
      [
        [words, words],
        [words, words],
      ],
    );
  });
});
