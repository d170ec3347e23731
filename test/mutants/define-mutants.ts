import { type Mutant, transport, unit } from './mutant.ts';

const DEFINE = 'client/define/task.ts';
const JUDGING = 'client/define/judging.ts';

/** Kinds of tasks whose schemas look at nothing, or at the wrong thing, and queues without a limit of their own. */
export const DEFINE_MUTANTS: readonly Mutant[] = [
  {
    id: 'timeout of a worker over that of a queue',
    file: 'server/session/timeouts.ts',
    find: 'timeouts.byQueue.get(task.queue) ?? timeouts.ofAll',
    replace: 'timeouts.ofAll',
    caughtBy: unit('timeouts', 'gives a task its own timeout, or else that of its queue, or else that of all'),
  },
  {
    id: 'timeout of a session that a restart forgets',
    file: 'server/session/carryover.ts',
    find: '    held.timeoutMs ||= withTimeout(task, session.options.timeouts).timeoutMs;\n',
    replace: '',
    caughtBy: transport(
      'timeout',
      'is that of the session where the task has none: of its queue, or else of all, also over a restart',
    ),
  },
  {
    id: 'middlewares of a queue around those of the worker',
    file: 'client/define/routes.ts',
    find: 'createMiddlewares(task.use).around(task.handler as Handler<unknown, unknown>)',
    replace: 'task.handler as Handler<unknown, unknown>',
    caughtBy: transport('sdk-defaults', 'is middlewares around those of a queue, which are around its handler alone'),
  },
  {
    id: 'input that is not looked at',
    file: JUDGING,
    find: "const judged = judge(schema, input, 'payload');\n  return isPromise",
    replace: 'const judged: unknown = schema;\n  return isPromise',
    caughtBy: unit('define', 'refuses an input where it is wrong, and sends nothing'),
  },
  {
    id: 'batch that goes before its schema has answered',
    file: JUDGING,
    find: 'judged.some(isPromise) ? Promise.all(judged).then(send) : send();',
    replace: 'send();',
    caughtBy: unit('define', 'takes a schema that answers later, and one that throws or rejects'),
  },
  {
    id: 'result that is not looked at',
    file: JUDGING,
    find: "judge(outputSchema, value, 'result')",
    replace: 'value',
    caughtBy: transport('sdk-define', 'fail at once, whatever attempts are left, with the place that a schema refuses'),
  },
  {
    id: 'refusal of a schema that is tried again',
    file: JUDGING,
    find: "{ code, retry: 'never' }",
    replace: '{ code }',
    caughtBy: unit('define', 'fails a payload and a result that a schema refuses for good, and says where'),
  },
  {
    id: 'cancelled task that is entered',
    file: JUDGING,
    find: 'context.signal.throwIfAborted();',
    replace: '',
    caughtBy: unit('define', 'does not enter the handler of a task that was cancelled while its schema took its time'),
  },
  {
    id: 'two expiries of one task',
    file: DEFINE,
    find: 'said.expiresAt || expiresAfterMs === undefined',
    replace: 'expiresAfterMs === undefined',
    caughtBy: unit('define', 'puts what is said of one task over what was said of all'),
  },
  {
    id: 'queue without its own concurrency',
    file: 'client/workload.ts',
    find: 'return limit === undefined || (this.#runningByQueue.get(queue) ?? 0) < limit;',
    replace: 'return limit !== -1;',
    caughtBy: transport('sdk-define', 'run at most as many of a queue as its handler says, and others beside them'),
  },
  {
    id: 'handler that runs twice',
    file: 'client/define/middleware.ts',
    find: 'isCalled = true;',
    replace: '',
    caughtBy: unit('middleware', 'runs a handler once, whatever a middleware does'),
  },
  {
    id: 'wait that never ends by itself',
    file: 'client/producer.ts',
    find: 'deadlineMs = enqueueDeadlineMs }',
    replace: 'deadlineMs = 0 }',
    caughtBy: transport('sdk-deadline', 'ends a wait after a minute, on a clock of its own'),
  },
  {
    id: 'deadline of the oldest alone',
    file: 'client/waiter.ts',
    find: 'watch(lane, entry.at - now);',
    replace: '',
    caughtBy: transport('sdk-deadline', 'ends a wait after a minute, on a clock of its own'),
  },
  {
    id: 'task that is sent though nobody waits',
    file: 'client/waiter.ts',
    find: 'waiter.isAbandoned = true;',
    replace: '',
    caughtBy: transport('sdk-deadline', 'does not send what nobody waits for any more'),
  },
  {
    id: 'clock of a test that ends sessions',
    file: 'testing/server.ts',
    find: 'const patience = clock ? PATIENT : {};',
    replace: 'const patience = {};',
    caughtBy: transport(
      'testing',
      'goes by the clock of a test: delays and backoffs pass when it says so, and nobody is lost by it',
    ),
  },
];
