import assert from 'node:assert/strict';
import { connect as connectSocket, type Socket } from 'node:net';
import { closeScene } from '../scene/end.ts';
import { fetchPage } from '../scene/metrics.ts';
import { startScene } from '../scene/server.ts';
import { until } from '../scene/until.ts';

const ON = { metrics: '127.0.0.1:0' };

describe('a probe', () => {
  afterEach(closeScene);

  it('has a place for a probe beside many that say half a request and come again', async () => {
    const scene = await startScene(ON);
    const [host = '', port] = scene.metrics.split(':');
    let isOver = false;
    const halves = new Set<Socket>();
    let sentAway = 0;
    const dribble = (): void => {
      const socket = connectSocket(Number(port), host);
      halves.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          halves.delete(socket);
          sentAway += 1;
          if (!isOver) setTimeout(dribble, 5);
        });
      socket.write('GET /livez HTTP/1.1\r\n');
    };
    for (let n = 0; n < 21; n++) dribble();
    await until('they have all places, and one is too many', () => sentAway > 0);
    for (let n = 0; n < 10; n++) assert.equal((await fetchPage(scene, '/livez')).status, 200);
    isOver = true;
    for (const socket of halves) socket.destroy();
  });
});
