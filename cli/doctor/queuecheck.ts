import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { ServerFacts } from './facts.ts';
import { cut, type Finding, note, wrong } from './finding.ts';
import { showDuration } from './servercheck.ts';

/** Tasks that have waited longer, with workers there, wait for more of them. */
const OLD_MS = 10 * 60_000;
const NEAR = 0.8;

/** A look at the queues and clients of a server. */
type QueueCheck = (facts: Pick<ServerFacts, 'queues' | 'clients' | 'now'>) => readonly Finding[];

const CHECKS: readonly QueueCheck[] = [
  ({ queues }) =>
    queues
      .filter(({ ready, workers, paused }) => ready > 0 && workers === 0 && !paused)
      .map(({ name, ready }) =>
        wrong(
          'workers',
          `${name}: ${waiting(ready)}, and nobody takes ${ready === 1 ? 'it' : 'them'}`,
          `start a worker: contact work ${name} -- COMMAND`,
        ),
      ),

  ({ queues }) =>
    queues
      .filter(({ unroutable, workers }) => unroutable > 0 && workers > 0)
      .map(({ name, unroutable }) =>
        wrong(
          'routes',
          `${name}: ${waiting(unroutable)} for clients that are not connected, or labels that nobody has`,
          `"contact tasks list --queue ${name}" has them, "contact tasks show" says whom one needs`,
        ),
      ),

  ({ queues, now }) =>
    queues.flatMap(({ name, oldest, workers, paused, unroutable, ready }) => {
      const waitedMs = Math.max(
        0,
        ...oldest.map(({ oldestCreatedAt }) => (oldestCreatedAt ? now - timestampMs(oldestCreatedAt) : 0)),
      );
      if (waitedMs < OLD_MS || workers === 0 || paused || unroutable >= ready) return [];
      return [
        wrong(
          'waiting',
          `${name}: the oldest task was stored ${showDuration(waitedMs)} ago and waits`,
          'the workers do not keep up: start more, or look what they do (contact top)',
        ),
      ];
    }),

  ({ queues }) =>
    queues.flatMap(({ name, limits, ready, scheduled }) => {
      const { maxWaiting = 0 } = limits ?? {};
      if (maxWaiting === 0 || ready + scheduled < NEAR * maxWaiting) return [];
      return [
        wrong(
          'limits',
          `${name}: ${ready + scheduled} of ${maxWaiting} tasks wait that may`,
          'further ones are refused: start more workers, or set another limit',
        ),
      ];
    }),

  ({ queues }) =>
    queues
      .filter(({ paused }) => paused)
      .map(({ name, ready }) =>
        note('paused', `${name} is paused, ${waiting(ready)}`, `if that is over: contact queues resume ${name}`),
      ),

  ({ clients }) =>
    clients
      .filter(({ draining }) => draining)
      .map(({ id, connected }) =>
        note(
          'drained',
          `${id} is drained${connected ? '' : ', and away'}: it is given no tasks`,
          `if that is over: contact clients resume ${id}`,
        ),
      ),
];

/** Each looks at one thing, and at no other. */
export const QUEUE_CHECKS = CHECKS.map(
  (check): QueueCheck =>
    (facts) =>
      cut(check(facts)),
);

function waiting(count: number): string {
  return count === 1 ? '1 task waits' : `${count} tasks wait`;
}
