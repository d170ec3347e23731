import { firstValueFrom, merge } from 'rxjs';
import { ResultStart, type TaskService, type WatchResultsRequest } from '../../gen/index.ts';
import { invalid, invalidName } from '../../shared/errors.ts';
import { isName } from '../../shared/ids.ts';
import type { ResultsLog, ResultStart as Start } from '../dispatch/results.ts';
import { type Caller, isInScope } from '../model/caller.ts';
import type { ResultRecord } from '../model/task.ts';
import { aborted$, type Context } from './context.ts';
import { meetsFilter, readFilter, readQueues, readSettledStates } from './filter.ts';
import type { Handler } from './handler.ts';
import { writeResult } from './views.ts';

/** Bytes of events in one message, about; a larger single event goes alone. */
const MESSAGE_BYTES = 256 << 10;

/** A reader that filters everything out is still told where it has got to, this often. */
const SILENT_ROWS = 2_000;

/** Results in commit order: replay from a cursor, then follow; the reader's pace is the pace. */
export function createWatchResults(log: ResultsLog): Handler<(typeof TaskService.method)['watchResults']> {
  return async function* watchResults(request, context) {
    const reader = { position: log.newest };
    const leave = log.enter(reader);
    try {
      yield* readResults(request, context, reader);
    } finally {
      leave();
    }
  };

  async function* readResults(
    request: WatchResultsRequest,
    { caller, signal }: Context,
    reader: { position: number },
  ): ReturnType<Handler<(typeof TaskService.method)['watchResults']>> {
    const { follow } = request;
    const matches = readMatch(request, caller);
    let position = await log.locate(readStart(request));
    // Of these positions, whatever becomes of the store meanwhile.
    const { epoch } = log;
    const cursorAt = (at: number): string => log.cursorAt(at, epoch);
    /** Deleted results that were passed and not yet told. */
    let gap = 0;
    // The cursor is told at once, so that an observer cut off before the first event knows where to go on.
    yield { cursor: cursorAt(position) };
    let toldAt = position;
    while (!signal.aborted) {
      reader.position = position;
      const { newest } = log;
      const page = await log.read(position, epoch);
      const split = splitResults(page, { position, gap }, matches);
      ({ position, gap } = split.reached);
      // An empty page below the newest: what was there has been deleted.
      if (page.length === 0 && position < newest) {
        gap += newest - position;
        position = newest;
      }
      for (const { records, gap: missed } of split.chunks) {
        toldAt = records.at(-1)!.position;
        yield {
          events: records.map((one) => writeResult(one, cursorAt(one.position))),
          cursor: cursorAt(toldAt),
          gap: BigInt(missed),
        };
      }
      const isCaughtUp = log.newest <= position;
      const isDue = position - toldAt >= SILENT_ROWS || (isCaughtUp && (gap > 0 || !follow));
      if (position > toldAt && isDue) {
        const missed = BigInt(gap);
        toldAt = position;
        gap = 0;
        yield { cursor: cursorAt(position), gap: missed };
      }
      if (isCaughtUp && !follow) return;
      // The log is asked again: it may have advanced while the reader took what was yielded, and says so only once.
      if (log.newest > position) continue;
      reader.position = position;
      await firstValueFrom(merge(log.advanced$, aborted$(signal)), { defaultValue: undefined });
    }
  }
}

function readStart({ start, cursor }: WatchResultsRequest): Start {
  if (cursor !== '' && start !== ResultStart.UNSPECIFIED) throw invalid('cursor', 'not together with start');
  switch (start) {
    case ResultStart.UNSPECIFIED:
      return cursor === '' ? { kind: 'now' } : { kind: 'cursor', cursor };
    case ResultStart.BEGINNING:
      return { kind: 'beginning' };
    case ResultStart.NOW:
      return { kind: 'now' };
    case ResultStart.OLDEST:
      return { kind: 'oldest' };
    default:
      throw invalid('start', `no such start: ${Number(start)}`);
  }
}

function readMatch(request: WatchResultsRequest, { scope }: Caller): (record: ResultRecord) => boolean {
  const { queues, states, parentId: wantedParent } = request;
  queues.forEach((name, index) => {
    if (!isName(name)) throw invalidName(`queues[${index}]`, name);
  });
  const wantedQueues = new Set(readQueues('queues', queues));
  const wantedStates = new Set(readSettledStates('states', states));
  const filter = readFilter(request.filter, 0);
  return (record) => meetsAsked(record) && meetsFilter(record, filter) && isInScope(scope, record.queue);

  function meetsAsked({ taskId, queue, state, parentId }: ResultRecord): boolean {
    return (
      (wantedParent === '' || parentId === wantedParent || taskId === wantedParent) &&
      (wantedQueues.size === 0 || wantedQueues.has(queue)) &&
      (wantedStates.size === 0 || wantedStates.has(state))
    );
  }
}

/** How far a reader has got, and how many deleted results it has passed that it was not told of. */
interface Place {
  readonly position: number;
  readonly gap: number;
}

interface Chunk {
  readonly records: ResultRecord[];
  bytes: number;
  /** Deleted results before the first record. */
  readonly gap: number;
}

/**
 * What matches, in messages; positions are dense, so one that is missing was deleted, and a message begins after it.
 */
function splitResults(
  page: readonly ResultRecord[],
  from: Place,
  matches: (record: ResultRecord) => boolean,
): { readonly chunks: readonly Chunk[]; readonly reached: Place } {
  const chunks: Chunk[] = [];
  let { position, gap } = from;
  for (const record of page) {
    gap += record.position - position - 1;
    position = record.position;
    if (!matches(record)) continue;
    const size = record.result.byteLength + 256;
    const chunk = chunks.at(-1);
    if (!chunk || gap > 0 || chunk.bytes + size > MESSAGE_BYTES) {
      chunks.push({ records: [record], bytes: size, gap });
      gap = 0;
    } else {
      chunk.records.push(record);
      chunk.bytes += size;
    }
  }
  return { chunks, reached: { position, gap } };
}
