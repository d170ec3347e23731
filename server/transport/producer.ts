import type { MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import type {
  EnqueuedTaskSchema,
  EnqueueRefusalSchema,
  NewTask,
  StreamEnqueueRequest,
  StreamEnqueueResponseSchema,
  TaskService,
} from '../../gen/index.ts';
import { ContactError, invalid, statusText } from '../../shared/errors.ts';
import type { Handler } from '../../shared/grpc.ts';
import { MAX_AWAITED, type OpenAwaited, type Waits } from '../api/awaited.ts';
import type { Enqueue } from '../api/enqueue.ts';
import type { Agreement } from '../api/events.ts';
import { writeResult } from '../api/views.ts';
import type { ResultRecord } from '../model/task.ts';
import type { InsertOutcome } from '../store/tasks.ts';
import { isOver } from './answering.ts';
import type { CallEnds } from './call.ts';

/** Batches, and bytes of them, that a producer may have unacknowledged; beyond it is read no further. */
const MAX_BATCHES = 64;
const MAX_BYTES = 8 << 20;

/** Of an answer on the wire, about, and of each id in it. */
const ANSWER_BYTES = 64;
const ID_BYTES = 38;

/** Ids of one `abandoned`. */
const MAX_ABANDONED = 1_000;

/** Of a task, and of each pair of its metadata, beside what the producer wrote. */
const TASK_BYTES = 64;
const PAIR_BYTES = 32;

export interface EnqueueStreamOptions {
  readonly ends: CallEnds;
  readonly agreement: Agreement;
  readonly enqueue: Enqueue;
  readonly openAwaited: OpenAwaited;
  readonly cursorAt: (position: number) => string;
}

type Answer = MessageInitShape<typeof StreamEnqueueResponseSchema>;

/** A batch until its answer has been written. */
interface Entry {
  /** null until it is known. */
  answer: Answer | null;
  readonly bytes: number;
  /** For the results of its tasks, if they are wanted. */
  waits: Waits | null;
}

/**
 * Pipelined batches: each is stored as it comes, and all are acknowledged in the order they came. Results that are wanted
 * follow as they come.
 */
export function createEnqueueStream(
  options: EnqueueStreamOptions,
): Handler<(typeof TaskService.method)['streamEnqueue']> {
  const { ends, agreement, enqueue, openAwaited, cursorAt } = options;

  return (call) => {
    const peer = call.getPeer();
    /** In the order of the batches. Bounded by the window: beyond it nothing is read. */
    const entries: Entry[] = [];
    let bytes = 0;
    let isEnded = false;
    let isFlushing = false;
    let isKept = false;

    ends.open(call, peer);
    const out = ends.outflow(call, peer);
    const fail = (error: unknown): void => ends.end(call, peer, error);
    const awaited = openAwaited({ tell, onIdle: () => void flush(), onError: fail });
    call.on('finish', awaited.close);
    call.on('cancelled', awaited.close);
    const isFull = (): boolean => entries.length >= MAX_BATCHES || bytes >= MAX_BYTES;

    function tell(records: readonly ResultRecord[], size: number): true | Promise<boolean> {
      const results = records.map((record) => writeResult(record, cursorAt(record.position)));
      return out.write({ event: { case: 'settled', value: { results } } }, size) || out.hasRoom();
    }

    async function flush(): Promise<void> {
      if (isFlushing) return;
      isFlushing = true;
      for (let entry = entries[0]; entry?.answer; entry = entries[0]) {
        entries.shift();
        bytes -= entry.bytes;
        if (isOver(call)) break;
        const hasRoom = out.write(entry.answer, weigh(entry.answer));
        entry.waits?.open();
        if (!hasRoom && !(await out.hasRoom())) break;
      }
      isFlushing = false;
      if (isOver(call)) return;
      if (!isFull() && call.isPaused()) call.resume();
      if (isEnded && entries.length === 0 && awaited.count === 0) call.end();
    }

    async function store(request: StreamEnqueueRequest, entry: Entry): Promise<Answer> {
      try {
        if (request.awaitResults) entry.waits = awaited.admit(request.tasks);
        const outcomes = await enqueue(request.tasks);
        entry.waits?.stored(outcomes);
        return { event: { case: 'stored', value: acknowledge(request, outcomes) } };
      } catch (error) {
        entry.waits?.drop();
        entry.waits = null;
        const known = ContactError.from(error);
        if (known.code === 'INTERNAL') throw error;
        return { event: { case: 'refused', value: writeRefusal(known) } };
      }
    }

    const { limits } = agreement;
    const window = { maxBatches: MAX_BATCHES, maxBytes: MAX_BYTES, limits, maxAwaited: MAX_AWAITED };
    out.write({ event: { case: 'window', value: window } }, ANSWER_BYTES);
    call.on('data', (request: StreamEnqueueRequest) => {
      const { tasks, abandoned, awaitResults } = request;
      if (abandoned.length > MAX_ABANDONED) return fail(invalid('abandoned', `at most ${MAX_ABANDONED}`));
      awaited.abandon(abandoned);
      if (tasks.length === 0 && abandoned.length > 0) return;
      const size = tasks.reduce((sum, task) => sum + weighTask(task), 0);
      const entry: Entry = { answer: null, bytes: size, waits: null };
      entries.push(entry);
      bytes += size;
      if (isFull()) call.pause();
      if (awaitResults && !isKept) {
        isKept = true;
        out.keep(() => ({}));
      }
      store(request, entry).then((answer) => {
        entry.answer = answer;
        void flush();
      }, fail);
    });
    call.on('end', () => {
      isEnded = true;
      void flush();
    });
  };
}

/** About what a task of a batch keeps in memory until it is stored. */
function weighTask({ payload, metadata, target, contentType, idempotencyKey }: NewTask): number {
  let bytes = TASK_BYTES + payload.byteLength + contentType.length + idempotencyKey.length;
  if (typeof target.value === 'string') bytes += target.value.length;
  for (const key in metadata) bytes += PAIR_BYTES + key.length + metadata[key]!.length;
  return bytes;
}

function writeRefusal(error: ContactError): MessageInitShape<typeof EnqueueRefusalSchema> {
  const { code, retryAfterMs = 0, field = '', index } = error;
  const refusal = { code: status[code], message: statusText(error.message), retryAfterMs, field: statusText(field) };
  return index === undefined ? refusal : { ...refusal, index };
}

function weigh({ event }: Answer): number {
  return ANSWER_BYTES + (event?.case === 'stored' ? ID_BYTES * (event.value.ids?.length ?? 0) : 0);
}

/** Ids are left out when the producer knows them all. */
function acknowledge(
  { tasks }: StreamEnqueueRequest,
  outcomes: readonly InsertOutcome[],
): { ids: string[]; deduplicated: number[] } {
  const deduplicated: number[] = [];
  let isKnown = true;
  outcomes.forEach((outcome, index) => {
    if (outcome.deduplicated) deduplicated.push(index);
    if (outcome.id !== tasks[index]!.id) isKnown = false;
  });
  return { ids: isKnown ? [] : outcomes.map(({ id }) => id), deduplicated };
}

export function writeEnqueued(outcomes: readonly InsertOutcome[]): MessageInitShape<typeof EnqueuedTaskSchema>[] {
  return outcomes.map(({ id, deduplicated }) => ({ id, deduplicated }));
}
