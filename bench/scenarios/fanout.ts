import { bytes, createProducer } from '../../client/index.ts';
import { nowMs, until } from '../clock.ts';
import type { Figure } from '../figure.ts';
import { type Fleets, listClientIds, startFleets } from '../fleet/fleets.ts';
import { createPayload } from '../payload.ts';
import { PAYLOAD_BYTES, QUEUE } from '../rig.ts';
import type { Scenario } from '../scenario.ts';

const CLIENTS = 10_000;
const SHARED = 100;
const BATCH = 1_000;
const PATIENCE_MS = 60_000;

const ADDRESSED: Figure = { key: 'addressed', label: 'one task each', unit: 's', better: 'lower' };
const BROADCAST: Figure = { key: 'broadcast', label: 'a broadcast', unit: 's', better: 'lower' };

/** Answers when the last client had its first task, and that each had `each`. */
async function untilServed(fleets: Fleets, clients: number, each: number): Promise<number> {
  return until(`${each} tasks for each of ${clients}`, PATIENCE_MS, async () => {
    const { tasks, newestAt } = await fleets.counts();
    if (tasks > clients * each) throw new Error(`${tasks} tasks came, ${clients * each} were sent`);
    return tasks === clients * each ? newestAt : undefined;
  });
}

export const fanOut: Scenario = {
  name: 'fan-out',
  about: `${CLIENTS} connected clients: one addressed task for each, then a broadcast, until all have it.`,
  figures: [ADDRESSED, BROADCAST],
  systems: ['contact'],
  async run(rig) {
    const clients = Math.min(CLIENTS, rig.load.tasks);
    const fleets = await startFleets(rig, QUEUE, clients, SHARED);
    const producer = createProducer({ server: rig.server.address, codec: bytes });
    try {
      await producer.connected();
      const payload = createPayload(PAYLOAD_BYTES).bytes;
      const ids = listClientIds(clients);
      const sentAt = nowMs();
      for (let at = 0; at < clients; at += BATCH) {
        await producer.enqueueBatch(ids.slice(at, at + BATCH).map((clientId) => ({ queue: QUEUE, payload, clientId })));
      }
      const acknowledged = nowMs() - sentAt;
      const addressed = (await untilServed(fleets, clients, 1)) - sentAt;
      await until('all are settled', PATIENCE_MS, async () =>
        (await rig.producer.ask.counts()).left === 0 ? true : undefined,
      );
      const toldAt = nowMs();
      await producer.broadcast(QUEUE, payload);
      const broadcast = (await untilServed(fleets, clients, 2)) - toldAt;
      const { served, gone } = await fleets.counts();
      if (served !== clients || gone > 0) throw new Error(`${served} of ${clients} were served, ${gone} have gone`);
      return {
        figures: { addressed: addressed / 1_000, broadcast: broadcast / 1_000 },
        checks: { clients, acknowledgedMs: acknowledged, served },
      };
    } finally {
      await Promise.all([fleets.end(), producer.close({ deadlineMs: 0 })]);
    }
  },
};
