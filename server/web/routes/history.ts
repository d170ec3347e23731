import { AdminService } from '../../../gen/index.ts';
import { historyToJson } from '../../../json/history.ts';
import { invalid } from '../../../shared/errors.ts';
import { flag, instant, many, text, whole } from '../fields.ts';
import { one, type Route } from '../route.ts';

const SECOND_MS = 1_000;

export const HISTORY_ROUTES: readonly Route[] = [
  one({
    verb: 'GET',
    path: '/v1/history',
    method: AdminService.method.getHistory,
    summary:
      'What queues did within the last hour, in steps: all together first, for who may see all, then each by name.',
    query: {
      queue: many(text('Only of these queues, at most 100.')),
      since: instant('From this instant; default: all that is kept.'),
      stepMs: whole('How long a step is: a multiple of 10,000, at most an hour; default 10,000.'),
      totalOnly: flag('Of no queue, but of all of them together.'),
    },
    answers: { list: 'history', of: 'QueueHistory' },
    ask({ queue = [], since, stepMs = 0, totalOnly = false }) {
      if (stepMs % SECOND_MS !== 0) throw invalid('stepMs', 'expected whole seconds');
      return { queues: queue, since, stepSeconds: stepMs / SECOND_MS, totalOnly };
    },
    tell(answer) {
      const { total, queues } = answer;
      const histories = total ? [total, ...queues] : queues;
      return { body: { history: histories.map((history) => historyToJson(history, answer)) } };
    },
  }),
];
