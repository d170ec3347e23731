import { credentials, type StatusObject, status } from '@grpc/grpc-js';
import { createClient } from '../../../shared/grpc.ts';
import { Echo } from '../../echo/gen/echo_pb.ts';
import { makeCall } from './call.ts';
import { openLines } from './journal.ts';
import { type CallPlan, planCall } from './plan.ts';

// A caller as a program of its own, with an ordinary stub: node caller.ts '{"server": …}'. Prints `ended N` for each ten,
// and `done` once all have ended; then it stays until its stdin ends.

export interface CallerOrder {
  readonly server: string;
  readonly folder: string;
  readonly name: string;
  readonly seed: number;
  readonly count: number;
  /** Calls that are open at a time. */
  readonly outstanding: number;
  readonly callees: readonly string[];
}

/** After a call that could not be made: nobody is helped by the next one at once. */
const PAUSE_MS = 40;
/** Calls that were told that nothing was begun are made again, so often. */
const MAX_TRIES = 3;
const BACKOFF_MS = 50;

const order = JSON.parse(process.argv[2]!) as CallerOrder;
const lines = openLines(order.folder, order.name);
const client = createClient(Echo, order.server, credentials.createInsecure(), {
  'grpc.max_receive_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': BACKOFF_MS,
  'grpc.min_reconnect_backoff_ms': BACKOFF_MS,
  'grpc.max_reconnect_backoff_ms': 4 * BACKOFF_MS,
});
let made = 0;
let endedCount = 0;

/** One try; answers whether the call may be made again. */
function tryCall(plan: CallPlan, tries: number): Promise<{ readonly code: number; readonly mayRepeat: boolean }> {
  const { id, kind: call, deadlineMs, isServerTimed } = plan;
  lines.write({ kind: 'made', id, call, tries, deadlineMs, isServerTimed, at: Date.now() });
  return new Promise((resolve) => {
    let isStored = false;
    makeCall(client, plan, order.callees, {
      stored(task) {
        isStored = true;
        lines.write({ kind: 'stored', id, task });
      },
      ended({ code, details, metadata }: StatusObject, isRight) {
        const started = (metadata.get('contact-started')[0] as string | undefined) ?? null;
        lines.write({ kind: 'ended', id, tries, code, details, started, isRight, at: Date.now() });
        // Under its key a durable call is the same call, however often it is made.
        const isUnstored = call === 'durable' && code === status.UNAVAILABLE && !isStored;
        resolve({ code, mayRepeat: started === 'no' || isUnstored });
      },
    });
  });
}

async function callOn(): Promise<void> {
  while (made < order.count) {
    made += 1;
    const plan = planCall(order.seed, order.name, made, order.callees.length);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { code, mayRepeat } = await tryCall(plan, tries);
      const isRefused =
        code === status.UNAVAILABLE || code === status.UNIMPLEMENTED || code === status.RESOURCE_EXHAUSTED;
      if (isRefused) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (!mayRepeat) break;
    }
    endedCount += 1;
    if (endedCount % 10 === 0) console.log(`ended ${endedCount}`);
  }
}

await Promise.all(Array.from({ length: order.outstanding }, callOn));
console.log('done');
for await (const _ of process.stdin);
client.close();
