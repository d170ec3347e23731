import type { Delivery } from '../../server/model/task.ts';
import type { StatusReport } from '../../server/session/report.ts';
import { SETTINGS } from './server.ts';

/** Something a worker says about a delivery. */
export type Report = {
  readonly kind:
    | 'started'
    | 'succeeded'
    | 'large'
    | 'failed'
    | 'never'
    | 'after'
    | 'released'
    | 'stopped'
    | 'untouched';
} & Delivery;

/** A message of a status stream that says nothing. */
export const NOTHING: StatusReport = Object.freeze({
  receipt: 0,
  started: [],
  progress: [],
  checkpoints: [],
  logs: [],
  credit: undefined,
  status: undefined,
  succeeded: [],
  failed: [],
  released: [],
  stopped: [],
  untouched: [],
});

/** Those reports as a message; each success has a text of its own. */
export function reportOf(said: readonly Report[], nextText: () => string): StatusReport {
  const of = (...kinds: Report['kind'][]): Report[] => said.filter(({ kind }) => kinds.includes(kind));
  const error = { code: 'E', message: 'e' };
  return {
    ...NOTHING,
    started: of('started'),
    succeeded: of('succeeded', 'large').map(({ taskId, delivery, kind }) => {
      const text = nextText().padEnd(kind === 'large' ? SETTINGS.maxResultBytes + 1 : 0);
      return { taskId, delivery, result: Buffer.from(text), contentType: 't' };
    }),
    failed: of('failed', 'never', 'after').map(({ taskId, delivery, kind }) => {
      const retry = kind === 'after' ? { kind, ms: 100 } : { kind: kind === 'never' ? kind : ('policy' as const) };
      return { taskId, delivery, error, retry } as StatusReport['failed'][number];
    }),
    released: of('released'),
    stopped: of('stopped'),
    untouched: of('untouched'),
  };
}
