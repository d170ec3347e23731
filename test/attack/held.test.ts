import { TaskService } from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { until } from '../transport/scene.ts';
import { dial, frame, open, prepareAttacks } from './scene.ts';

const ENQUEUE = methodPath(TaskService.method.enqueueTasks);

const MESSAGE_BYTES = 5_900_000;
const SENT_BYTES = 5_800_000;
const CONNECTIONS = 4;
/** A little more than the 256 MiB that all of them may hold. */
const CALLS = 50;
const RESOURCE_EXHAUSTED = '8';

describe('attack by unfinished calls', () => {
  const attack = prepareAttacks();

  it('messages of 5.9 MB that never become whole', async function () {
    await attack(this, async (server) => {
      const part = frame(Buffer.alloc(SENT_BYTES), false, MESSAGE_BYTES);
      const sessions = Array.from({ length: CONNECTIONS }, () => dial(server));
      let refused = 0;
      for (let n = 0; n < CALLS; n++) {
        const stream = open(sessions[n % CONNECTIONS]!, ENQUEUE);
        stream.once('response', (headers) => {
          if (headers['grpc-status'] === RESOURCE_EXHAUSTED) refused += 1;
        });
        stream.resume().write(part);
      }
      try {
        await until('one beyond the budget is refused', () => refused > 0);
      } finally {
        for (const session of sessions) session.destroy();
      }
    });
  });
});
