import { conformance, type Mutant, transport, unit } from './mutant.ts';

const PLACES = 'server/history/places.ts';
const HISTORY = 'server/history/history.ts';

/** Counts of the last hour that are not what happened, and gaps that are told as if they were none. */
export const HISTORY_MUTANTS: readonly Mutant[] = [
  {
    id: 'history: a step goes on in the slot of the one before',
    file: HISTORY,
    find: 'timeline.advance(next, places.clear);\n      base = ',
    replace: 'timeline.advance(next, places.clear);\n      void ',
    caughtBy: unit('history', 'tells what was stored, taken and settled in each step, and how it stood at its end'),
  },
  {
    id: 'history: what was an hour ago comes again',
    file: PLACES,
    find: '[total, others, ...own.values()]) {\n        numbers.fill',
    replace: '[total, others]) {\n        numbers.fill',
    caughtBy: unit('history', 'keeps an hour and no more'),
  },
  {
    id: 'history: steps that nobody saw are taken for counted',
    file: 'server/history/timeline.ts',
    find: 'covered[slotOf(step)] = 0;',
    replace: 'covered[slotOf(step)] = stepMs;',
    caughtBy: unit('history', 'agrees with a plain count, whatever comes when, and however finely it is asked'),
  },
  {
    id: 'history: a step that could not be looked at is taken for one',
    file: HISTORY,
    find: '    const standings = await from.countQueues();\n',
    replace: '    timeline.cover(ended, ms);\n    const standings = await from.countQueues();\n',
    caughtBy: unit('history', 'has a gap where the queues could not be counted'),
  },
  {
    id: 'history: a place goes to whoever did anything',
    file: PLACES,
    find: 'if (!least || events <= least.events) return;',
    replace: 'if (!least) return;',
    caughtBy: unit(
      'history',
      'gives a place to who did more in a step than the quietest within the hour, and counts everybody in the total',
    ),
  },
  {
    id: 'history: what was among others is told as zero',
    file: PLACES,
    find: 'createRing(isFirst ? 0 : next, current())',
    replace: 'createRing(0, current())',
    caughtBy: unit(
      'history',
      'gives a place to who did more in a step than the quietest within the hour, and counts everybody in the total',
    ),
  },
  {
    id: 'history: places without a bound',
    file: PLACES,
    find: '(own.size < maxOwn ? add(queue, current() + 1) : undefined)',
    replace: 'add(queue, current() + 1)',
    caughtBy: unit(
      'history',
      'gives a place to who did more in a step than the quietest within the hour, and counts everybody in the total',
    ),
  },
  {
    id: 'history: backlogs of several steps are added up',
    file: 'server/history/frame.ts',
    find: 'isStanding ? row[at]! :',
    replace: 'false ? row[at]! :',
    caughtBy: unit('history', 'tells what was stored, taken and settled in each step, and how it stood at its end'),
  },
  {
    id: 'history: a step that goes on after a restart is kept twice',
    file: 'server/history/keeper.ts',
    find: 'if (first !== undefined && until > current * stepMs) keptTo',
    replace: 'if (first !== undefined && until < 0) keptTo',
    caughtBy: unit('history-kept', 'is the same as that of one that was never stopped'),
  },
  {
    id: 'history: what others did in a step is forgotten with a restart',
    file: 'server/history/record.ts',
    find: '  addRows(places.others, kept.total, isCurrent);',
    replace: '',
    caughtBy: unit(
      'history-kept',
      'counts on in the step in which it was stopped, however often, queues without a place too',
    ),
  },
  {
    id: 'history: what was among others is told as zero after a restart',
    file: 'server/history/record.ts',
    find: 'Math.min(kept.othersAt, current)',
    replace: 'Math.min(0, current)',
    caughtBy: unit('history-kept', 'knows of no queue that had no place before, where there are more places now'),
  },
  {
    id: 'history: written each minute, though there is nothing',
    file: 'server/history/keeper.ts',
    find: 'if (!isLast && !hasRows(places, first, newest)) return;',
    replace: '',
    caughtBy: unit('history-kept', 'leaves the disk alone while nothing happens, and forgets what is an hour old'),
  },
  {
    id: 'history: kept for ever',
    file: 'server/store/history/records.ts',
    find: 'DELETE FROM history WHERE until < ? OR',
    replace: 'DELETE FROM history WHERE until < 0 * ? OR',
    caughtBy: conformance('history', 'keepHistory(), sqlite store forgets what is older, of every node'),
  },
  {
    id: 'history: told of queues of others',
    file: 'server/api/history.ts',
    find: 'wanted.filter((queue) => isInScope(caller.scope, queue))',
    replace: 'wanted.slice()',
    caughtBy: transport(
      'history',
      'tells nothing of all queues to who may not see all, and of none that is not its own',
    ),
  },
  {
    id: 'history: the total is told to everybody',
    file: 'server/api/history.ts',
    find: "caller.scope.queues === 'all'",
    replace: 'true',
    caughtBy: transport(
      'history',
      'tells nothing of all queues to who may not see all, and of none that is not its own',
    ),
  },
];
