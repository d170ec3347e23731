import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { ContactService, TaskService } from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { methodPath } from '../../shared/grpc.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { prepareAttacks, scale } from './attack.ts';

const PATHS = [TaskService.method.listTasks, TaskService.method.streamEnqueue, ContactService.method.getTask].map(
  methodPath,
);
const CONNECTIONS = 50;
const CALLS_AT_A_TIME = 20;

/** One of many that nobody has, of forms that are and are not. */
function guess(n: number): Record<string, string> {
  if (n % 4 === 0) return {};
  if (n % 4 === 1) return { authorization: `Bearer ${'a'.repeat(6_000)}` };
  if (n % 4 === 2) return { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.AAAA' };
  return { authorization: `Bearer ${drawToken().text}` };
}

describe('attack by bad tokens', () => {
  const attack = prepareAttacks({ isGuarded: true });

  it('guesses without end, over connections that come again whenever they are closed', async function () {
    await attack(this, async (server) => {
      let guesses = 0;
      let closed = 0;
      const goal = scale(5_000, 100_000);

      async function guessOn(): Promise<void> {
        while (guesses < goal) {
          const session = dial(server);
          const isOver = new Promise<void>((resolve) => session.once('close', resolve));
          while (!session.closed && !session.destroyed && guesses < goal) {
            const calls = Array.from({ length: CALLS_AT_A_TIME }, async () => {
              guesses += 1;
              const stream = open(session, PATHS[guesses % PATHS.length]!, guess(guesses));
              stream.write(frame(Buffer.alloc(50_000)));
              const { code } = await Promise.race([readEnd(stream), isOver.then(() => ({ code: -1 }))]);
              assert.ok(code === status.UNAUTHENTICATED || code === -1, String(code));
            });
            await Promise.all(calls);
          }
          // Whoever is told to go counts, whether or not the connection has ended by now.
          if (session.closed || session.destroyed) closed += 1;
          session.destroy();
        }
      }

      await Promise.all(Array.from({ length: CONNECTIONS }, guessOn));
      assert.ok(closed > 0, 'none was closed');
    });
  });
});
