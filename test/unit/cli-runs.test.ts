import assert from 'node:assert/strict';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describeRuns, nameOldest, type Order, sortClients } from '../../cli/runs.ts';
import { ClientInfoSchema } from '../../gen/contact/v1/admin_service_pb.ts';

const createClient = (init: MessageInitShape<typeof ClientInfoSchema>) => create(ClientInfoSchema, init);

describe('describeRuns()', () => {
  it('says how long runs take, which part of how many failed, and how long the oldest task runs', () => {
    const client = createClient({
      runs: { ended: 2_000n, failed: 50n, p50Ms: 17, p99Ms: 61_000 },
      oldestRunning: { taskId: 't', delivery: 1, since: timestampFromMs(5_000) },
    });
    assert.deepEqual(describeRuns(client, 125_000), ['17ms', '1m 1s', '2.5% of 2000', '2m']);
    assert.equal(nameOldest(client), 't');
  });

  it('never shows a failure as none', () => {
    const runs = (failed: bigint, ended: bigint) => describeRuns(createClient({ runs: { ended, failed } }), 0)[2];
    assert.deepEqual(
      [runs(0n, 5n), runs(1n, 5_000n), runs(5n, 5n), runs(1n, 3n)],
      ['0% of 5', '<0.1% of 5000', '100% of 5', '33% of 3'],
    );
  });

  it('says nothing of what nobody knows', () => {
    assert.deepEqual(describeRuns(createClient({}), 0), ['', '', '', '']);
    assert.equal(nameOldest(createClient({})), '');
  });
});

describe('sortClients()', () => {
  const clients = [
    createClient({ id: 'a', connected: true, running: 1, runs: { ended: 10n, failed: 1n, p50Ms: 5, p99Ms: 5_000 } }),
    createClient({ id: 'b', connected: false, running: 0 }),
    createClient({
      ...{ id: 'c', connected: true, running: 4, runs: { ended: 10n, failed: 0n, p50Ms: 700, p99Ms: 800 } },
      oldestRunning: { taskId: 't', delivery: 1, since: timestampFromMs(9_000) },
    }),
    createClient({
      ...{ id: 'd', connected: true, running: 2, runs: { ended: 10n, failed: 9n, p50Ms: 6, p99Ms: 7 } },
      oldestRunning: { taskId: 't', delivery: 1, since: timestampFromMs(8_000) },
    }),
  ];

  const sorted: Readonly<Record<Order, string>> = {
    // As they came.
    id: 'abcd',
    p50: 'cdab',
    p99: 'acdb',
    failed: 'dacb',
    oldest: 'dcab',
    running: 'cdab',
  };
  for (const [order, ids] of Object.entries(sorted) as [Order, string][]) {
    it(`has the worst first by ${order}, and last those of which nothing is known`, () => {
      assert.equal(
        sortClients(clients, order)
          .map(({ id }) => id)
          .join(''),
        ids,
      );
    });
  }
});
