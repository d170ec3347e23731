import assert from 'node:assert/strict';
import { status } from '@grpc/grpc-js';
import { EnrolmentService, Role, TaskService } from '../../gen/index.ts';
import { methodPath } from '../../shared/grpc.ts';
import { createAccessScene, type Made } from '../scene/access.ts';
import { closeScene } from '../scene/end.ts';
import { dial, frame, open, readEnd } from '../scene/http2.ts';
import { until } from '../scene/until.ts';
import { prepareAttacks, scale } from './attack.ts';

const LIST = methodPath(TaskService.method.listTasks);
const STREAM = methodPath(TaskService.method.streamEnqueue);
const ENROL = methodPath(EnrolmentService.method.enrol);
const EMPTY = frame(Buffer.alloc(0));

/** Few, so that the attacker has more of each than there may be. */
const CONNECTIONS = 200;
const CALLS = 500;
const FEW = { queues: ['mine/*'], clients: ['mine-*'], calls: [], serves: [] };

const bearer = ({ text }: Made) => ({ authorization: `Bearer ${text}` });

describe('attack by credentials of one maker, and by old ones', () => {
  const attack = prepareAttacks({
    isGuarded: true,
    args: ['--max-connections', String(CONNECTIONS), '--max-open-calls', String(CALLS)],
  });
  afterEach(closeScene);

  /** Somebody else comes by a connection of its own, and is let in at once. */
  async function comeIn(server: { readonly address: string }, other: Made): Promise<void> {
    const session = dial(server);
    const { code, message } = await readEnd(open(session, LIST, bearer(other)).end(EMPTY));
    session.destroy();
    assert.equal(code, status.OK, message);
  }

  it('a tree of tokens of an operator of a few queues, each with connections and streams of its own', async function () {
    await attack(this, async (server, operatorToken) => {
      const access = createAccessScene(server, operatorToken);
      const other = await access.token({ roles: [Role.PRODUCER] }, { name: 'other' });
      const maker = await access.token({ ...FEW, roles: [Role.OPERATOR] }, { name: 'maker' });
      let by = createAccessScene(server, maker.text);
      const tokens: Made[] = [];
      for (let n = 0; n < scale(100, 1_000); n++) {
        const token = await by.token({ ...FEW, roles: [Role.OPERATOR, Role.PRODUCER] }, { name: `made-${n}` });
        tokens.push(token);
        // A few of them are made by those before.
        if (n > 0 && n % scale(40, 250) === 0) by = createAccessScene(server, token.text);
      }
      const replies: number[] = [];
      const opened = tokens.flatMap((token) =>
        [1, 2, 3].map(() => {
          const stream = open(dial(server), STREAM, bearer(token));
          void readEnd(stream).then(({ code }) => replies.push(code));
          return stream;
        }),
      );
      // The tree has half of all connections.
      await until('the others are refused', () => replies.length >= opened.length - CONNECTIONS / 2, 30_000);
      for (let n = 0; n < 20; n++) await comeIn(server, other);
      const held = opened.length - replies.length;
      assert.ok(held <= CONNECTIONS / 2, `${held} connections`);
      assert.ok(held >= CONNECTIONS / 4, `${held} connections`);
    });
  });

  it('calls without end by a join text that is used up', async function () {
    await attack(this, async (server, operatorToken) => {
      const access = createAccessScene(server, operatorToken);
      const other = await access.token({ roles: [Role.PRODUCER] }, { name: 'other' });
      const join = await access.join({}, { uses: 1 });
      await access.enrol(join, 'robot-1');
      let begun = 0;
      let isOver = false;
      const goal = scale(3_000, 50_000);

      async function callOn(): Promise<void> {
        while (begun < goal && !isOver) {
          const session = dial(server);
          const ends = Array.from({ length: 20 }, () => {
            begun += 1;
            // It never says as which client it comes.
            return readEnd(open(session, ENROL, bearer(join)));
          });
          await Promise.race([...ends, new Promise((resolve) => session.once('close', resolve))]);
          session.destroy();
        }
      }

      const calling = Promise.all(Array.from({ length: 40 }, callOn));
      for (let n = 0; n < 20; n++) await comeIn(server, other);
      await calling;
      isOver = true;
      await comeIn(server, other);
    });
  });
});
