import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { createScene, type Scene } from '../scene/commandline.ts';
import { until } from '../scene/until.ts';

const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[?1049l';

describe('contact top', function () {
  this.timeout(120_000);
  let scene: Scene;

  before(async () => {
    scene = await createScene();
    await scene.work({ queues: ['q'], clientId: 'robot-1', labels: { site: 'berlin' }, handler: (payload) => payload });
    await scene.producer.enqueue('lonely', 'x');
  });
  after(() => scene.close());

  it('prints once where there is no terminal', async () => {
    const { code, stdout, stderr } = await scene.contact('top');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^contact \d+\.\d+\.\d+ {2}127\.0\.0\.1:\d+ /);
    assert.match(stdout, /^tasks: {3}1 waiting, oldest \ds$/m);
    assert.match(stdout, /^! lonely: 1 task waiting, but no client that is connected serves the queue$/m);
    assert.match(stdout, /^robot-1 +0 +1 +connected /m);
    assert.equal(stdout.includes('\x1b'), false);
  });

  it('gives everything as a JSON object', async () => {
    const { server, queues, clients } = JSON.parse((await scene.contact('top', '--json')).stdout);
    assert.equal(server.sessions, 1);
    assert.deepEqual([queues[0].queue, queues[0].unroutable], ['lonely', 1]);
    assert.equal(clients[0].client, 'robot-1');
  });

  it('shows what happens and gives the terminal back', async () => {
    const top = scene.onTerminal('top', '--refresh', '20ms');
    await top.waitFor(/robot-1/);
    assert.ok(top.text().startsWith(ENTER));
    assert.equal(top.isRaw(), true);
    const start = top.text().length;
    await scene.producer.call('q', 'x');
    await top.waitFor(/q +0 +0 +0 +0 +1 /, start);
    const before = top.text().length;
    top.resize(40, 6);
    await until(() => top.text().slice(before).includes('\x1b[J'));
    const frame = top.text().slice(before).split('\x1b[H')[1] ?? '';
    assert.equal(frame.split('\r\n').length, 6);
    top.type('q');
    assert.equal(await top.ended, 0);
    assert.ok(top.text().endsWith(LEAVE));
    assert.equal(top.isRaw(), false);
  });

  it('ends with Ctrl-C', async () => {
    const top = scene.onTerminal('top');
    await top.waitFor(/robot-1/);
    top.type('\x1b[A');
    top.type('\x03');
    assert.equal(await top.ended, 0);
    assert.ok(top.text().endsWith(LEAVE));
  });

  it('says when the server does not answer any more', async () => {
    const other = await createScene();
    const top = other.onTerminal('top', '--refresh', '20ms');
    await top.waitFor(/clients: none/);
    await other.close();
    await top.waitFor(/no answer for \d+ s, this is old/);
    top.type('q');
    assert.equal(await top.ended, 0);
  });
});
