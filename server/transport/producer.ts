import type { NewTask, StreamEnqueueRequest, TaskService } from '../../gen/index.ts';
import type { Handlers } from '../../shared/grpc.ts';
import { MAX_BATCHES, MAX_BYTES, type OpenProducing, type Stored, type StreamAnswer } from '../api/producer.ts';
import { isOver } from './answering.ts';
import type { CallEnds } from './call.ts';
import { CallContext } from './context.ts';

/** Bytes of an answer on the wire, about, and of each id in it. */
const ANSWER_BYTES = 64;
const ID_BYTES = 38;

/** Bytes of a queue that nobody serves, and of the names like its, at most. */
const UNSERVED_BYTES = 800;

/** Bytes of a task, and of each pair of its metadata, beside what the producer wrote. */
const TASK_BYTES = 64;
const PAIR_BYTES = 32;

type EnqueueCall = Parameters<Handlers<typeof TaskService>['streamEnqueue']>[0];

/** A batch until its answer has been written. */
interface Entry {
  /** What became of the batch; null until that is known. */
  stored: Stored | null;
  readonly bytes: number;
}

/**
 * Pipelined batches: each is stored as it comes, and all are acknowledged in the order they came. Results that are
 * wanted follow as they come. It keeps its call object: several answers are on their way at a time, and what may wait
 * is counted in batches and bytes, of which requests that are pulled one by one know nothing.
 */
export function createEnqueueStream(
  openProducing: OpenProducing,
  ends: CallEnds,
): Pick<Handlers<typeof TaskService>, 'streamEnqueue'> {
  return { streamEnqueue };

  function streamEnqueue(call: EnqueueCall): void {
    const { caller, peer } = new CallContext(call, ends);
    /** Batches in the order in which they came. Bounded by the window, beyond which nothing is read. */
    const entries: Entry[] = [];
    let bytes = 0;
    let isEnded = false;
    let isFlushing = false;
    let isKept = false;

    ends.open(call, peer);
    const out = ends.outflow(call, peer);
    const fail = (error: unknown): void => ends.end(call, peer, error);
    const producing = openProducing({
      caller,
      tell: (answer, size) => out.write(answer, size) || out.hasRoom(),
      onIdle: () => void flush(),
      onError: fail,
    });
    call.on('finish', producing.close);
    call.on('cancelled', producing.close);
    const isFull = (): boolean => entries.length >= MAX_BATCHES || bytes >= MAX_BYTES || producing.isHeld;

    async function flush(): Promise<void> {
      if (isFlushing) return;
      isFlushing = true;
      for (let entry = entries[0]; entry?.stored; entry = entries[0]) {
        entries.shift();
        bytes -= entry.bytes;
        if (isOver(call)) break;
        const { answer, open } = entry.stored;
        const hasRoom = out.write(answer, weigh(answer));
        open();
        if (!hasRoom && !(await out.hasRoom())) break;
      }
      isFlushing = false;
      if (isOver(call)) return;
      if (!isFull() && call.isPaused()) call.resume();
      if (isEnded && entries.length === 0 && producing.awaitedCount === 0) call.end();
    }

    function take(request: StreamEnqueueRequest): void {
      const { tasks, abandoned, awaitResults } = request;
      producing.abandon(abandoned);
      if (tasks.length === 0 && abandoned.length > 0) return;
      const size = tasks.reduce((sum, task) => sum + weighTask(task), 0);
      const entry: Entry = { stored: null, bytes: size };
      entries.push(entry);
      bytes += size;
      const storing = producing.store(request);
      if (isFull()) call.pause();
      if (awaitResults && !isKept) {
        isKept = true;
        out.keep(() => ({}));
      }
      storing.then((stored) => {
        entry.stored = stored;
        void flush();
      }, fail);
    }

    out.write(producing.window, ANSWER_BYTES);
    call.on('data', (request: StreamEnqueueRequest) => {
      try {
        take(request);
      } catch (error) {
        fail(error);
      }
    });
    call.on('end', () => {
      isEnded = true;
      void flush();
    });
  }
}

/** About what a task of a batch keeps in memory until it is stored. */
function weighTask({ payload, metadata, target, contentType, idempotencyKey }: NewTask): number {
  let bytes = TASK_BYTES + payload.byteLength + contentType.length + idempotencyKey.length;
  if (typeof target.value === 'string') bytes += target.value.length;
  for (const key in metadata) bytes += PAIR_BYTES + key.length + metadata[key]!.length;
  return bytes;
}

function weigh({ event }: StreamAnswer): number {
  if (event?.case !== 'stored') return ANSWER_BYTES;
  const { ids = [], unserved = [] } = event.value;
  return ANSWER_BYTES + ID_BYTES * ids.length + UNSERVED_BYTES * unserved.length;
}
