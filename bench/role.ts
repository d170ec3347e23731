import { createCalleeRole } from './roles/callee.ts';
import { createCallerRole } from './roles/caller.ts';
import { createFleetRole } from './roles/fleet.ts';
import { createProducerRole } from './roles/producer.ts';
import { createWorkerRole } from './roles/worker.ts';

// A process that makes a part of the load: `role.ts` with the name of one, started and asked over IPC.

const ROLES: Readonly<Record<string, () => object>> = {
  producer: createProducerRole,
  worker: createWorkerRole,
  fleet: createFleetRole,
  caller: createCallerRole,
  callee: createCalleeRole,
};
const role = ROLES[process.argv[2] ?? '']!();
const asks = role as Record<string, (...args: unknown[]) => Promise<unknown>>;

interface Ask {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

process.on('message', ({ id, name, args }: Ask) => {
  asks[name]!(...args).then(
    (value) => process.send?.({ id, value }),
    (error: Error) => process.send?.({ id, error: error.message || String(error) }),
  );
});
// Whatever a library still waits for: without the main process there is nobody to measure for.
process.on('disconnect', () => process.exit());
