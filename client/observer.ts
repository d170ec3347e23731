import type { MessageInitShape } from '@bufbuild/protobuf';
import { Observable } from 'rxjs';
import {
  ResultStart,
  TaskService,
  type WatchResultsRequestSchema,
  type WatchResultsResponse,
} from '../gen/contact/v1/task_service_pb.ts';
import { ContactError } from '../shared/errors.ts';
import { cancelCall } from './cancel.ts';
import * as check from './check.ts';
import { endOf, errorOf } from './closing.ts';
import type { Codec } from './codec.ts';
import { createConnection } from './connection.ts';
import { buildFilter, meetsQuery, type TaskQuery } from './filter.ts';
import { CONNECTION_RULES, type ConnectionOptions, checkObject } from './options.ts';
import { TaskResult } from './result.ts';
import { SETTLED_STATES, type SettledState, settledStateCode } from './state.ts';

/** What `createObserver()` takes. */
export interface ObserverOptions<R> extends ConnectionOptions {
  /** Decodes results in `value()`; default JSON. */
  readonly codec?: Codec<never, R>;
}

/** Which results, and from where on. */
export interface ResultsOptions {
  /** Only results of these queues; default: of all. */
  readonly queues?: readonly string[];
  /** Only results of these states; default: of all settled ones. */
  readonly states?: readonly SettledState[];
  /** Only the children of this broadcast as they settle, then the broadcast itself; default: all. */
  readonly parentId?: string;
  /** Conditions beside these, as for tasks. Default: none. */
  readonly filter?: TaskQuery;
  /**
   * `now`: what settles from the moment the server answers. `beginning`: from the first ever, OUT_OF_RANGE if that is
   * no longer kept. `oldest`: from the oldest kept. Else a cursor: from just after it. Default `now`.
   */
  readonly from?: 'now' | 'beginning' | 'oldest' | (string & {});
  /** Default true; false: ends when it has caught up. */
  readonly follow?: boolean;
  /**
   * Told of the places that were reached, at first of the one where it began; also past results that were filtered
   * out. A place is good for `from`.
   */
  readonly onCursor?: (cursor: string) => void;
  /**
   * What to do when the server's store was restored, or the beginning is wanted and no longer kept: `error` (default)
   * throws OUT_OF_RANGE; `oldest` goes on from the oldest kept, with a warning to the logger; a function is told of it,
   * and then the same. Results after the place that was reached that are no longer kept, by age, number or a delete, end
   * nothing: the logger is warned, the function is told how many they were, and the next result comes.
   */
  readonly onGap?: 'error' | 'oldest' | ((gap: ResultsGap) => void);
  /** Ends the results quietly. Default: none. */
  readonly signal?: AbortSignal;
}

/** Results that this observer has missed for good. */
export interface ResultsGap {
  /** How many results were missed; undefined: not known. */
  readonly count?: number;
  /**
   * There is a filter (`queues`, `states`, `parentId`, `filter`), and what was deleted is not known any more: some or all of them
   * may be results that it would have left out.
   */
  readonly mayBeOthers?: true;
  /** The last place that was reached, or the one that was asked for. */
  readonly after: string;
  /** What happened, as the server says it; for people. */
  readonly message: string;
}

/** Reads the results log. */
export interface Observer<R> extends AsyncDisposable {
  /**
   * Settled tasks in commit order, each exactly once, also over broken connections and restarts of the server. Read
   * at the pace of the loop: a slow one makes the server wait, and memory does not grow.
   * @throws ContactError INVALID_ARGUMENT naming the option that is wrong; OUT_OF_RANGE when the store was restored, or the
   *   beginning is no longer kept, unless `onGap` says otherwise
   * @example
   * for await (const { taskId, state, error } of observer.results({ queues: ['sums'], from: 'oldest', follow: false })) {
   *   if (state !== 'succeeded') console.log(taskId, error?.message);
   * }
   */
  results(options?: ResultsOptions): AsyncGenerator<TaskResult<R>, void, undefined>;
  /**
   * The same as an Observable of RxJS; each subscriber has a stream of its own.
   * @throws ContactError as `results()`: to the subscriber
   * @example
   * const subscription = observer.results$({ states: ['failed'] }).subscribe(({ taskId }) => console.log(taskId));
   * subscription.unsubscribe();
   */
  results$(options?: ResultsOptions): Observable<TaskResult<R>>;
  /** Ends every `results()` quietly. */
  close(): Promise<void>;
}

const OBSERVER_RULES: Readonly<Record<keyof ObserverOptions<never>, check.Check>> = Object.freeze({
  ...CONNECTION_RULES,
  codec: check.codec,
});
const RESULTS_RULES: Readonly<Record<keyof ResultsOptions, check.Check>> = Object.freeze({
  queues: check.listOf(check.name),
  states: check.listOf(check.oneOf(SETTLED_STATES)),
  parentId: check.text,
  filter: check.object,
  from: check.text,
  follow: check.flag,
  onCursor: check.method,
  onGap: check.either(check.oneOf(['error', 'oldest']), check.method),
  signal: check.signal,
});

const STARTS = Object.freeze({
  now: ResultStart.NOW,
  beginning: ResultStart.BEGINNING,
  oldest: ResultStart.OLDEST,
});

/**
 * An observer over a connection of its own, which is opened with the first `results()` and comes back by itself.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const observer = createObserver<number>({ server: '127.0.0.1:50051' });
 * for await (const result of observer.results({ queues: ['sums'], from: cursor ?? 'oldest' })) {
 *   console.log(result.taskId, result.state, result.value());
 *   cursor = result.cursor; // Store it with what you did: it is where to go on after a restart.
 * }
 */
export function createObserver<R = unknown>(options: ObserverOptions<R>): Observer<R> {
  checkObject(options, OBSERVER_RULES);
  const connection = createConnection(options);
  const closing = new AbortController();

  async function* results(given: ResultsOptions = {}): AsyncGenerator<TaskResult<R>, void, undefined> {
    check.checkFields(given, RESULTS_RULES);
    if (given.filter) buildFilter(given.filter);
    let wanted = given;
    const ended = wanted.signal ? AbortSignal.any([wanted.signal, closing.signal]) : closing.signal;
    let cursor = '';
    for (;;) {
      const link = await connection.open(ended);
      // It may have ended on the way from there to here, of which nobody is told any more.
      if (!link || ended.aborted) return;
      const call = link.client(TaskService).watchResults(requestOf(wanted, cursor), connection.metadata());
      const end = endOf(call);
      const onAbort = (): void => cancelCall(call);
      ended.addEventListener('abort', onAbort);
      try {
        for await (const message of call) {
          if (message.events.length > 0) link.worked();
          else link.answered();
          if (message.gap > 0) tellDeleted(wanted, cursor, message);
          for (const event of message.events) {
            if (ended.aborted) return;
            // Before the yield: a consumer that leaves there has had it.
            cursor = event.cursor;
            const result = new TaskResult(event, options.codec);
            if (meetsQuery(result, wanted.filter ?? {})) yield result;
          }
          cursor = message.cursor || cursor;
          if (cursor) wanted.onCursor?.(cursor);
        }
      } catch (failure) {
        if (!isCallFailure(failure) && !ended.aborted) throw failure;
      } finally {
        ended.removeEventListener('abort', onAbort);
        cancelCall(call);
      }
      if (ended.aborted) return;
      const said = await end;
      if (!said.error && !said.advice && wanted.follow === false) return;
      if (said.error?.code === 'OUT_OF_RANGE') {
        skipGap(wanted, cursor, said.error);
        wanted = { ...wanted, from: 'oldest' };
        cursor = '';
        continue;
      }
      if (connection.isFinal(said, link)) throw errorOf(said);
      const nextTryMs = link.failed(said);
      connection.logger.warn(`lost ${connection.server}: ${errorOf(said).message}; next try in ${nextTryMs} ms`);
    }
  }

  /** Throws unless the observer wants to go on without what it has missed. */
  function skipGap(wanted: ResultsOptions, cursor: string, error: ContactError): void {
    const { from = 'now', onGap = 'error' } = wanted;
    const after = cursor || from;
    const message = `gap: no way to go on after ${after}: ${error.problem}`;
    // Nothing is before the oldest: a server that says so is not asked for ever.
    if (onGap === 'error' || after === 'oldest') throw new ContactError('OUT_OF_RANGE', message);
    connection.logger.warn(`${message}; going on from the oldest kept`);
    if (typeof onGap === 'function')
      onGap({ after, message: error.message, ...(hasFilter(wanted) ? { mayBeOthers: true } : {}) });
  }

  function tellDeleted(wanted: ResultsOptions, place: string, told: WatchResultsResponse): void {
    const { from = 'now', onGap } = wanted;
    const before = told.events[0]?.cursor || told.cursor;
    const count = Number(told.gap);
    const message = `${count} ${count === 1 ? 'result was' : 'results were'} deleted before ${before}${
      hasFilter(wanted) ? ', which the filter may have left out' : ''
    }`;
    connection.logger.warn(message);
    if (typeof onGap === 'function')
      onGap({ after: place || from, message, count, ...(hasFilter(wanted) ? { mayBeOthers: true } : {}) });
  }

  async function close(): Promise<void> {
    closing.abort();
    connection.close();
  }

  return {
    results,
    results$: (wanted = {}) =>
      new Observable((subscriber) => {
        check.checkFields(wanted, RESULTS_RULES);
        const teardown = new AbortController();
        const signal = wanted.signal ? AbortSignal.any([wanted.signal, teardown.signal]) : teardown.signal;
        void (async () => {
          try {
            for await (const result of results({ ...wanted, signal })) subscriber.next(result);
            subscriber.complete();
          } catch (error) {
            subscriber.error(error);
          }
        })();
        return () => teardown.abort();
      }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function requestOf(wanted: ResultsOptions, cursor: string): MessageInitShape<typeof WatchResultsRequestSchema> {
  const { queues = [], states = [], from = 'now', follow = true, parentId = '' } = wanted;
  const start = Object.hasOwn(STARTS, from) ? STARTS[from as keyof typeof STARTS] : ResultStart.UNSPECIFIED;
  const place = cursor || (start === ResultStart.UNSPECIFIED ? from : '');
  return {
    start: place ? ResultStart.UNSPECIFIED : start,
    cursor: place,
    queues: [...queues],
    states: states.map(settledStateCode),
    follow,
    parentId,
    ...(wanted.filter ? { filter: buildFilter(wanted.filter) } : {}),
  };
}

function hasFilter({ queues = [], states = [], parentId = '', filter = {} }: ResultsOptions): boolean {
  return queues.length > 0 || states.length > 0 || parentId !== '' || Object.keys(filter).length > 0;
}

/** What a broken call throws into its reader; its status says the same. */
function isCallFailure(failure: unknown): boolean {
  return failure instanceof Error && 'details' in failure;
}
