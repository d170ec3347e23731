import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, type ServerProcess, startServer } from '../scene/process.ts';
import { until } from '../scene/until.ts';
import { askWeb, type EventReader, readEvents } from '../scene/web.ts';

const ROUNDS = isFull ? 20 : 4;
const TASKS_A_ROUND = 30;

describe('results as events, of a server that is killed again and again', () => {
  cleanUpProcesses();

  it('are told once each, in order, to who comes again with the last id', async function () {
    this.timeout(240_000);
    this.slow(60_000);
    const store = `sqlite:${join(createFolder(), 'contact.db')}`;
    const told: { readonly id: string; readonly cursor: string }[] = [];
    let lastId = '';
    let port = 0;

    async function settle(server: ServerProcess): Promise<void> {
      for (let n = 0; n < TASKS_A_ROUND; n++) {
        const stored = await askWeb(server, '/v1/queues/q/tasks', { body: { payload: n } });
        await askWeb(server, '/v1/tasks/cancel', { body: { ids: [stored.json.id] } });
      }
    }

    function take(reader: EventReader): void {
      for (const { event, data } of reader.events.splice(0)) {
        if (event === 'result') told.push({ id: data.id, cursor: data.cursor });
        assert.notEqual(event, 'gap');
      }
      lastId = reader.lastId ?? lastId;
    }

    for (let round = 0; round < ROUNDS; round++) {
      const server = await startServer({ store, ...(port > 0 ? { listen: `127.0.0.1:${port}` } : {}) });
      ({ port } = server);
      const from = lastId === '' ? '?from=beginning' : '';
      const reader = await readEvents(
        server,
        `/v1/results${from}`,
        lastId === '' ? {} : { headers: { 'last-event-id': lastId } },
      );
      assert.equal(reader.status, 200);
      const settling = settle(server).catch(() => undefined);
      // Somewhere in the middle, another place each time.
      const goal = 1 + ((round * 7) % TASKS_A_ROUND);
      await until('some are told', () => reader.events.length >= goal);
      await server.kill();
      await until('the stream has ended', () => reader.isOver);
      take(reader);
      await settling;
    }

    const server = await startServer({ store });
    const reader = await readEvents(server, '/v1/results', { headers: { 'last-event-id': lastId } });
    const { json: counts } = await askWeb(server, '/v1/tasks/count?state=cancelled');
    await until('the rest is told', () => told.length + reader.events.length >= counts.total);
    take(reader);
    const all: string[] = [];
    for (let from = 'beginning', more = true; more; ) {
      const { json } = await askWeb(server, `/v1/results?from=${from}&limit=500`);
      all.push(...json.results.map(({ id }: { id: string }) => id));
      ({ cursor: from, more } = json);
    }
    assert.deepEqual(
      told.map(({ id }) => id),
      all,
    );
    assert.ok(all.length >= ROUNDS, String(all.length));
    assert.equal(new Set(told.map(({ cursor }) => cursor)).size, all.length);
    reader.close();
    await server.kill();
  });
});
