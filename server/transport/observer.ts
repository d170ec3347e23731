import { firstValueFrom, merge, Observable } from 'rxjs';
import { ResultStart, type TaskService, type WatchResultsRequest } from '../../gen/index.ts';
import { invalid, invalidName } from '../../shared/errors.ts';
import type { Handler } from '../../shared/grpc.ts';
import { isName } from '../../shared/ids.ts';
import { readQueues, readSettledStates, writeResult } from '../api/views.ts';
import type { ResultsLog, ResultStart as Start } from '../dispatch/results.ts';
import type { ResultRecord } from '../model/task.ts';
import { isOver } from './answering.ts';
import type { CallEnds } from './call.ts';

/** Bytes of events in one message, about; a larger single event goes alone. */
const MESSAGE_BYTES = 256 << 10;

/** A message that has only a cursor, about. */
const CURSOR_BYTES = 32;

/** A reader that filters everything out is still told where it has got to, this often. */
const SILENT_ROWS = 2_000;

/** Results in commit order: replay from a cursor, then follow; the reader's pace is the pace. */
export function createResultsStream(
  log: ResultsLog,
  ends: CallEnds,
): Handler<(typeof TaskService.method)['watchResults']> {
  return (call) => {
    const peer = call.getPeer();
    ends.open(call, peer);
    const out = ends.outflow(call, peer);
    const gone$ = new Observable<void>((subscriber) => {
      const leave = (): void => subscriber.next();
      call.on('cancelled', leave);
      return () => call.off('cancelled', leave);
    });

    async function run(): Promise<void> {
      const { follow } = call.request;
      const matches = readMatch(call.request);
      let position = await log.locate(readStart(call.request));
      /** Deleted results that were passed and not yet told. */
      let gap = 0;
      // At once, so that an observer cut off before the first event knows where to go on.
      out.write({ cursor: log.cursorAt(position) }, CURSOR_BYTES);
      let toldAt = position;
      if (follow) out.keep(() => ({ cursor: log.cursorAt(toldAt) }));
      while (!isOver(call)) {
        const { newest } = log;
        const page = await log.read(position);
        const split = splitResults(page, { position, gap }, matches);
        ({ position, gap } = split.reached);
        // An empty page below the newest: what was there has been deleted.
        if (page.length === 0 && position < newest) {
          gap += newest - position;
          position = newest;
        }
        for (const { records, bytes, gap: missed } of split.chunks) {
          toldAt = records.at(-1)!.position;
          const message = {
            events: records.map((one) => writeResult(one, log.cursorAt(one.position))),
            cursor: log.cursorAt(toldAt),
            gap: BigInt(missed),
          };
          if (!out.write(message, bytes) && !(await out.hasRoom())) return;
        }
        const isCaughtUp = log.newest <= position;
        const isDue = position - toldAt >= SILENT_ROWS || (isCaughtUp && (gap > 0 || !follow));
        if (position > toldAt && isDue) {
          const message = { cursor: log.cursorAt(position), gap: BigInt(gap) };
          toldAt = position;
          gap = 0;
          if (!out.write(message, CURSOR_BYTES) && !(await out.hasRoom())) return;
        }
        if (!isCaughtUp) continue;
        if (!follow) return;
        await firstValueFrom(merge(log.advanced$, gone$), { defaultValue: undefined });
      }
    }

    run().then(
      () => {
        if (!isOver(call)) call.end();
      },
      (error: unknown) => ends.end(call, peer, error),
    );
  };
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

function readMatch({ queues, states, parentId: wantedParent }: WatchResultsRequest): (record: ResultRecord) => boolean {
  queues.forEach((name, index) => {
    if (!isName(name)) throw invalidName(`queues[${index}]`, name);
  });
  const wantedQueues = new Set(readQueues('queues', queues));
  const wantedStates = new Set(readSettledStates('states', states));
  return ({ taskId, queue, state, parentId }) =>
    (wantedParent === '' || parentId === wantedParent || taskId === wantedParent) &&
    (wantedQueues.size === 0 || wantedQueues.has(queue)) &&
    (wantedStates.size === 0 || wantedStates.has(state));
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

/** What matches, in messages; positions are dense, so one that is missing was deleted, and a message begins after it. */
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
