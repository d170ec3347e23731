import { join } from 'node:path';
import type { TestProcess } from '../scene/process.ts';
import { until } from '../scene/until.ts';

/** Arguments for the Node of a server whose memory is looked at. */
export const GAUGED: readonly string[] = ['--expose-gc', '--import', join(import.meta.dirname, 'gauge.ts')];

export interface Gauge {
  readonly rss: number;
  /** With what is held outside of V8's heap. */
  readonly heap: number;
  /** Sockets, servers, timers and the like that are open, by Node's names. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Asks twice: what the first collection frees late, the second has freed. */
export async function readGauge(server: TestProcess): Promise<Gauge> {
  const pattern = /^gauge (.+)$/gm;
  const count = (): number => [...server.stderr.matchAll(pattern)].length;
  for (let round = 0; round < 2; round += 1) {
    const before = count();
    server.child.kill('SIGUSR2');
    await until(() => count() > before);
  }
  return JSON.parse([...server.stderr.matchAll(pattern)].at(-1)![1]!) as Gauge;
}
