import type { MessageInitShape } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import type {
  EnqueuedTaskSchema,
  NewTask,
  StreamEnqueueRequest,
  StreamEnqueueResponseSchema,
  TaskService,
} from '../../gen/index.ts';
import { ContactError, statusText } from '../../shared/errors.ts';
import type { Handler } from '../../shared/grpc.ts';
import type { InsertOutcome } from '../store/store.ts';
import { isOver } from './answering.ts';
import type { CallEnds } from './call.ts';
import type { Enqueue } from './enqueue.ts';
import type { Agreement } from './events.ts';

/** Batches, and bytes of them, that a producer may have unacknowledged; beyond it is read no further. */
const MAX_BATCHES = 64;
const MAX_BYTES = 8 << 20;

/** Of an answer on the wire, about, and of each id in it. */
const ANSWER_BYTES = 64;
const ID_BYTES = 38;

/** Of a task, and of each pair of its metadata, beside what the producer wrote. */
const TASK_BYTES = 64;
const PAIR_BYTES = 32;

export interface EnqueueStreamOptions {
  readonly ends: CallEnds;
  readonly agreement: Agreement;
  readonly enqueue: Enqueue;
}

type Answer = MessageInitShape<typeof StreamEnqueueResponseSchema>;

/** Pipelined batches: each is stored as it comes, and all are acknowledged in the order they came. */
export function createEnqueueStream(
  options: EnqueueStreamOptions,
): Handler<(typeof TaskService.method)['streamEnqueue']> {
  const { ends, agreement, enqueue } = options;

  return (call) => {
    const peer = call.getPeer();
    /** Answers in the order of the batches, null until known. Bounded by the window: beyond it nothing is read. */
    const answers: { answer: Answer | null; bytes: number }[] = [];
    let bytes = 0;
    let isEnded = false;
    let isFlushing = false;

    ends.open(call, peer);
    const out = ends.outflow(call, peer);
    const isFull = (): boolean => answers.length >= MAX_BATCHES || bytes >= MAX_BYTES;

    async function flush(): Promise<void> {
      if (isFlushing) return;
      isFlushing = true;
      for (let answer = answers[0]?.answer; answer; answer = answers[0]?.answer) {
        bytes -= answers.shift()!.bytes;
        if (isOver(call)) break;
        if (!out.write(answer, weigh(answer)) && !(await out.hasRoom())) break;
      }
      isFlushing = false;
      if (isOver(call)) return;
      if (!isFull() && call.isPaused()) call.resume();
      if (isEnded && answers.length === 0) call.end();
    }

    async function store(request: StreamEnqueueRequest): Promise<Answer> {
      try {
        return { event: { case: 'stored', value: acknowledge(request, await enqueue(request.tasks)) } };
      } catch (error) {
        const known = ContactError.from(error);
        if (known.code === 'INTERNAL') throw error;
        const { code, retryAfterMs = 0 } = known;
        const message = statusText(known.message);
        return { event: { case: 'refused', value: { code: status[code], message, retryAfterMs } } };
      }
    }

    const window = { maxBatches: MAX_BATCHES, maxBytes: MAX_BYTES, limits: agreement.limits };
    out.write({ event: { case: 'window', value: window } }, ANSWER_BYTES);
    call.on('data', (request: StreamEnqueueRequest) => {
      const size = request.tasks.reduce((sum, task) => sum + weighTask(task), 0);
      const entry: (typeof answers)[number] = { answer: null, bytes: size };
      answers.push(entry);
      bytes += size;
      if (isFull()) call.pause();
      store(request).then(
        (answer) => {
          entry.answer = answer;
          void flush();
        },
        (error: unknown) => ends.end(call, peer, error),
      );
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
