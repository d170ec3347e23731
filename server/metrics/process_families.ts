import { readdirSync } from 'node:fs';
import { type Family, single } from './family.ts';

/** The process, by the names that every client of Prometheus has for it. */
export const PROCESS_FAMILIES: readonly Family[] = [
  single('counter', 'process_cpu_seconds_total', 'CPU time, of all threads.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }),
  single('gauge', 'process_resident_memory_bytes', 'Memory that is resident.', () => process.memoryUsage.rss()),
  single('gauge', 'nodejs_heap_size_used_bytes', 'Heap of V8 that is used.', () => process.memoryUsage().heapUsed),
  single(
    'gauge',
    'nodejs_external_memory_bytes',
    'Memory beside the heap: buffers, mostly.',
    () => process.memoryUsage().external,
  ),
  single('gauge', 'process_start_time_seconds', 'When the process started, since 1970.', () =>
    Math.round(Date.now() / 1_000 - process.uptime()),
  ),
  single('gauge', 'process_open_fds', 'File descriptors that are open (Linux).', () => listOpen()),
  single(
    'gauge',
    'process_max_fds',
    'File descriptors that the process may open (Linux).',
    ({ figures }) => figures.maxFiles,
  ),
];

function listOpen(): number | undefined {
  try {
    // The look itself has one open.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}
