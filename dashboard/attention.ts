import { formatBytes, formatCount, formatDuration, formatShare, formatTasks } from './format.ts';
import { linkTo } from './link.ts';
import type { Queue, Server } from './shapes.ts';

// What asks for somebody, the gravest first. What is here is said by the server; the page only decides what is worth a line.

export interface Matter {
  /** What it is about, by which it stays the same line. */
  readonly key: string;
  readonly isGrave: boolean;
  readonly text: string;
  readonly detail?: string;
  /** Where something can be done about it. */
  readonly link?: { readonly text: string; readonly href: string };
}

/** Used by so much, a bound is soon reached. */
const NEARLY = 0.8;
const SOON_MS = 14 * 86_400_000;
/** Queues of one kind that have a line of their own; the others are in one. */
const MAX_LINES = 5;

export function findMatters(server: Server | undefined, queues: readonly Queue[], now: number): readonly Matter[] {
  return [...(server ? mattersOfServer(server, now) : []), ...mattersOfQueues(queues)].toSorted(
    (a, b) => Number(b.isGrave) - Number(a.isGrave),
  );
}

function mattersOfServer(
  { trouble, space, limitsUsed, certificateExpiresAt, fileProblems }: Server,
  now: number,
): readonly Matter[] {
  const matters: Matter[] = [];
  if (trouble) matters.push({ key: 'trouble', isGrave: true, text: 'New tasks are refused', detail: trouble });
  if (space && space.freeBytes < 2 * space.minFreeBytes) {
    const { freeBytes, minFreeBytes } = space;
    matters.push({
      key: 'space',
      isGrave: freeBytes < minFreeBytes,
      text: `The disk of the store has ${formatBytes(freeBytes)} free`,
      detail: `With less than ${formatBytes(minFreeBytes)} new tasks are refused.`,
    });
  }
  for (const { limit, queue, used, max } of limitsUsed) {
    if (max === 0 || used / max < NEARLY) continue;
    const text = `${limit}: ${formatCount(used)} of ${formatCount(max)}`;
    matters.push({
      key: `limit ${limit} ${queue ?? ''}`,
      isGrave: used >= max,
      text,
      detail: 'Beyond it the server refuses.',
    });
  }
  const endsIn = certificateExpiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(certificateExpiresAt) - now;
  if (endsIn < SOON_MS) {
    const text = endsIn > 0 ? `The certificate ends in ${formatDuration(endsIn)}` : 'The certificate has ended';
    matters.push({ key: 'certificate', isGrave: endsIn <= 0, text });
  }
  for (const { problem, advice, harmless } of fileProblems.slice(0, MAX_LINES))
    matters.push({ key: problem, isGrave: !harmless, text: problem, detail: advice });
  return matters;
}

function mattersOfQueues(queues: readonly Queue[]): readonly Matter[] {
  return [
    ...linesOf(
      queues,
      ({ failed }) => failed,
      describeFailed,
      (count, tasks) => ({
        key: 'failed',
        isGrave: true,
        text: `${formatCount(count)} more queues have failed tasks: ${formatCount(tasks)}`,
        link: { text: 'Look', href: linkTo(['tasks'], { state: 'failed' }) },
      }),
    ),
    ...linesOf(
      queues,
      ({ unroutable, paused }) => (paused ? 0 : unroutable),
      describeUnroutable,
      (count, tasks) => ({
        key: 'unroutable',
        isGrave: false,
        text: `${formatCount(count)} more queues wait for clients that are not there: ${formatTasks(tasks)}`,
        link: { text: 'Queues', href: linkTo(['queues']) },
      }),
    ),
    ...linesOf(
      queues,
      ({ paused, ready }) => (paused ? ready + 1 : 0),
      describePaused,
      (count) => ({
        key: 'paused',
        isGrave: false,
        text: `${formatCount(count)} more queues are paused`,
        link: { text: 'Queues', href: linkTo(['queues']) },
      }),
    ),
  ];
}

/** A line for each of the queues with most of something, and one for all the others. */
function linesOf(
  queues: readonly Queue[],
  weigh: (queue: Queue) => number,
  describe: (queue: Queue) => Matter,
  describeRest: (count: number, weight: number) => Matter,
): readonly Matter[] {
  const weighty = queues.filter((queue) => weigh(queue) > 0).toSorted((a, b) => weigh(b) - weigh(a));
  const rest = weighty.slice(MAX_LINES);
  const lines = weighty.slice(0, MAX_LINES).map(describe);
  if (rest.length === 0) return lines;
  return [
    ...lines,
    describeRest(
      rest.length,
      rest.reduce((sum, queue) => sum + weigh(queue), 0),
    ),
  ];
}

function describeFailed({ queue, failed, succeeded }: Queue): Matter {
  return {
    key: `failed ${queue}`,
    isGrave: true,
    text: `${queue}: ${formatTasks(failed)} failed`,
    detail: `${formatShare(failed, failed + succeeded)} of those that are kept`,
    link: { text: 'See why', href: linkTo(['tasks'], { queue, state: 'failed' }) },
  };
}

function describeUnroutable({ queue, unroutable, waiting }: Queue): Matter {
  return {
    key: `unroutable ${queue}`,
    isGrave: false,
    text: `${queue}: ${formatTasks(unroutable)} for whom no client is there`,
    ...(waiting && { detail: `Waiting for ${waiting.text}` }),
    link: { text: 'See why', href: linkTo(['queues', queue]) },
  };
}

function describePaused({ queue, ready }: Queue): Matter {
  return {
    key: `paused ${queue}`,
    isGrave: false,
    text: `${queue} is paused`,
    detail: ready === 0 ? 'Nothing waits in it.' : `${formatTasks(ready)} wait in it.`,
    link: { text: 'Resume', href: linkTo(['queues', queue]) },
  };
}
