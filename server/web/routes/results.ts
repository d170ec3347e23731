import { ResultStart, TaskService, type WatchTaskResponse } from '../../../gen/index.ts';
import { deliveryToJson, resultToJson, taskLogToJson, taskToJson } from '../../../json/task.ts';
import { progressToJson } from '../../../json/waiting.ts';
import type { Event } from '../event.ts';
import { flag, text, whole } from '../fields.ts';
import { CONDITIONS, readConditions } from '../filter.ts';
import { type Route, stream } from '../route.ts';
import { readResult } from './tasks.ts';

const STARTS: ReadonlyMap<string, ResultStart> = new Map([
  ['beginning', ResultStart.BEGINNING],
  ['oldest', ResultStart.OLDEST],
  ['now', ResultStart.NOW],
]);
const { runningForMs: _, ...SETTLED } = CONDITIONS;

function tellTask({ event }: WatchTaskResponse): readonly Event[] {
  switch (event.case) {
    case 'task':
      return [{ name: 'task', data: taskToJson(event.value, true) }];
    case 'started':
      return [{ name: 'started', data: deliveryToJson(event.value) }];
    case 'progress':
      return [{ name: 'progress', data: { ...deliveryToJson(event.value), ...progressToJson(event.value) } }];
    case 'log':
      return [{ name: 'log', data: taskLogToJson(event.value) }];
    default:
      return [];
  }
}

/** Streams of events. */
export const STREAM_ROUTES: readonly Route[] = [
  stream({
    verb: 'GET',
    path: '/v1/results',
    method: TaskService.method.watchResults,
    summary: 'Settled tasks in commit order: a page, or with `Accept: text/event-stream` events as they come.',
    query: {
      from: text(
        '`beginning`, `oldest` that is kept, `now`, or the cursor to go on after; default: `oldest`, of events `now`.',
      ),
      ...SETTLED,
    },
    answers: {
      list: 'results',
      of: 'Result',
      beside: {
        cursor: text('Where to go on: the `from` of the next request.'),
        more: flag('There are more already.'),
        gap: whole('Results that were deleted before they could be told; absent: none.'),
      },
    },
    ask({ from, ...given }, lastEventId) {
      const wanted = lastEventId ?? from ?? 'now';
      const start = STARTS.get(wanted);
      const filter = readConditions(given);
      return {
        ...(start === undefined ? { cursor: wanted } : { start }),
        follow: true,
        ...(filter && { filter }),
      };
    },
    events({ events, cursor, gap }) {
      const results = events.map((one) => ({ id: one.cursor, name: 'result', data: resultToJson(readResult(one)) }));
      const told = gap > 0n ? [{ name: 'gap', data: { count: Number(gap) } }] : [];
      return [...told, ...results, ...(cursor === events.at(-1)?.cursor ? [] : [{ id: cursor }])];
    },
    page: {
      name: 'results',
      items: ({ events, cursor, gap }) => ({
        items: events.map((one) => [one.cursor, resultToJson(readResult(one))] as const),
        cursor,
        gap: Number(gap),
      }),
    },
  }),
  stream({
    verb: 'GET',
    path: '/v1/tasks/{id}/events',
    method: TaskService.method.watchTask,
    summary: 'What happens to one task, as events, until it is settled.',
    answers: 'TaskEvent',
    ask: ({ id }) => ({ id }),
    events: tellTask,
  }),
];
