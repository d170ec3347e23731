import assert from 'node:assert/strict';
import { Role, TaskService } from '../../gen/index.ts';
import { type Access, createAccessScene, type GuardedScene, type Made, startGuarded } from '../scene/access.ts';
import { ask, type Clients, connect, enqueue, refusalOf } from '../scene/clients.ts';
import { closeScene } from '../scene/end.ts';
import { openServe } from '../scene/rawcallee.ts';
import { until } from '../scene/until.ts';
import { openWorker } from '../scene/worker.ts';

const FEW = { queues: ['q', 'some/*'] };

/** Credentials as an operator of a few queues makes them, and as an operator does whom that one has made. */
interface Tree {
  readonly maker: Made;
  readonly made: Access;
  readonly madeAgain: Access;
}

async function grow(scene: GuardedScene): Promise<Tree> {
  const maker = await scene.access.token(FEW, { name: 'maker' });
  const made = createAccessScene(scene, maker.text);
  const second = await made.token(FEW, { name: 'second' });
  return { maker, made, madeAgain: createAccessScene(scene, second.text) };
}

const lookAt = (clients: Clients): Promise<string> => refusalOf(ask(clients, TaskService.method.listTasks, {}));

describe('All that an operator of a few queues has made', () => {
  afterEach(closeScene);

  it('has the connections of one principal, whoever made it in between', async () => {
    const scene = await startGuarded({ maxConnections: 40, maxConnectionsPerPrincipal: 5, reservedConnections: 8 });
    const { maker, made, madeAgain } = await grow(scene);
    const third = await madeAgain.token(FEW, { name: 'third' });
    const join = await made.join({ ...FEW, clients: ['robot-*'] });
    const robot = await made.enrol(join, 'robot-1');
    // Two are those over which these credentials were made.
    const holding = [third, robot].map(({ text }) => connect(scene, {}, text));
    assert.equal(await lookAt(holding[0]!), 'OK');
    await openWorker(holding[1]!, { clientId: 'robot-1', queues: ['q'] });
    const last = connect(scene, {}, third.text);
    assert.equal(await lookAt(last), 'OK');
    for (const { text } of [maker, third]) {
      assert.match(
        await lookAt(connect(scene, {}, text)),
        /^RESOURCE_EXHAUSTED connections: token:maker (and those that it has made have|has) 5, and may have 5/,
      );
    }
    const other = await scene.access.token({ ...FEW, roles: [Role.PRODUCER] }, { name: 'other' });
    assert.equal(await lookAt(connect(scene, {}, other.text)), 'OK');
    last.channel.close();
    await until('a place', async () => (await lookAt(connect(scene, {}, third.text))) === 'OK');
  });

  it('has the calls and the sessions of one principal', async () => {
    const scene = await startGuarded({ maxSessionsPerPrincipal: 2, maxCallsPerPrincipal: 5 });
    const { made, madeAgain } = await grow(scene);
    const tokens = [await made.token(FEW, { name: 'a' }), await madeAgain.token(FEW, { name: 'b' })];
    const open = (text: string, clientId: string) =>
      openWorker(connect(scene, {}, text), { clientId, queues: ['q'], isFull: false });
    for (const [at, { text }] of tokens.entries()) await open(text, `robot-${at}`);
    assert.match(
      await refusalOf(open((await made.token(FEW, { name: 'c' })).text, 'more')),
      /^RESOURCE_EXHAUSTED sessions: token:maker and those that it has made have 2, and may have 2/,
    );
    const enqueues = tokens.map(({ text }) =>
      connect(scene, {}, text)
        .tasks.streamEnqueue()
        .on('error', () => undefined),
    );
    const third = connect(scene, {}, tokens[0]!.text)
      .tasks.streamEnqueue()
      .on('error', () => undefined);
    await until('five to be open', async () =>
      /calls: token:maker and/.test(await lookAt(connect(scene, {}, tokens[1]!.text))),
    );
    const other = await scene.access.token(FEW, { name: 'other' });
    await open(other.text, 'other');
    assert.equal(await lookAt(connect(scene, {}, other.text)), 'OK');
    for (const stream of [...enqueues, third]) stream.cancel();
  });

  it('has the methods, the queue names and the selectors of one principal', async function () {
    this.timeout(30_000);
    const scene = await startGuarded();
    const { made, madeAgain } = await grow(scene);
    const tokens = [await made.token(FEW, { name: 'a' }), await madeAgain.token(FEW, { name: 'b' })];
    const other = await scene.access.token(FEW, { name: 'other' });

    const queues = Array.from({ length: 1_000 }, (_, n) => `some/${n}`);
    const draw = ({ text }: Made, clientId: string) =>
      openWorker(connect(scene, {}, text), { clientId, queues, isFull: false });
    // Each counts for 984 names.
    for (let n = 0; n < 50; n++) await draw(tokens[n % 2]!, `robot-${n}`);
    const together = 'token:maker and those that it has made';
    assert.match(
      await refusalOf(draw(tokens[0]!, 'more')),
      RegExp(`^RESOURCE_EXHAUSTED queues: the sessions of ${together} draw from more than 50000`),
    );
    await draw(other, 'other');

    const serve = ({ text }: Made, clientId: string) => {
      const methods = Array.from({ length: 1_000 }, (_, n) => `${clientId}.S/M${n}`);
      return openServe(scene.address, clientId, { methods }, undefined, text);
    };
    for (let n = 0; n < 50; n++) await serve(tokens[n % 2]!, `callee${n}`);
    const { ended } = await serve(tokens[1]!, 'more');
    assert.match(await ended, RegExp(`the clients of ${together} announce more than 50000`));
    await serve(other, 'other');

    const add = ({ text }: Made, label: string, count: number) =>
      refusalOf(
        enqueue(
          connect(scene, {}, text),
          ...Array.from({ length: count }, (_, n) => ({
            queue: 'q',
            target: { case: 'selector', value: `${label}=${n}` } as const,
          })),
        ),
      );
    for (const token of tokens) assert.equal(await add(token, token.id, 250), 'OK');
    assert.match(
      await add(tokens[0]!, 'more', 1),
      RegExp(`^RESOURCE_EXHAUSTED tasks\\[0\\]\\.selector: ${together} have as many`),
    );
    assert.equal(await add(other, 'other', 500), 'OK');
  });
});
