import { createProducerRole } from './roles/producer.ts';
import { createWorkerRole } from './roles/worker.ts';

// The process that makes one half of the load: `role.ts producer` or `role.ts worker`, started and asked over IPC.

const role: object = process.argv[2] === 'worker' ? createWorkerRole() : createProducerRole();
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
