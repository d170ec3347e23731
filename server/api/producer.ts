import type { MessageInitShape } from '@bufbuild/protobuf';
import type {
  EnqueueAcknowledgementSchema,
  EnqueuedTaskSchema,
  EnqueueRefusalSchema,
  StreamEnqueueRequest,
  StreamEnqueueResponseSchema,
} from '../../gen/index.ts';
import { ContactError, codeNumber, invalid, statusText } from '../../shared/errors.ts';
import { type Caller, holdersOf } from '../model/caller.ts';
import type { InsertOutcome } from '../store/tasks.ts';
import { MAX_AWAITED, type OpenAwaited, type Waits } from './awaited.ts';
import type { Enqueue } from './enqueue.ts';
import type { Agreement } from './events.ts';
import type { Held, Rates } from './rates.ts';
import type { FindUnserved, UnservedQueue } from './unserved.ts';
import { writeResult } from './views.ts';

/** Batches, and bytes of them, that a producer may have unacknowledged; beyond that its stream is read no further. */
export const MAX_BATCHES = 64;
export const MAX_BYTES = 8 << 20;

/** Ids that one message may name as abandoned. */
const MAX_ABANDONED = 1_000;

export type StreamAnswer = MessageInitShape<typeof StreamEnqueueResponseSchema>;

/** What became of a batch. */
export interface Stored {
  readonly answer: StreamAnswer;
  /** The answer has been written: from now on results of the batch are told, if they are wanted. */
  open(): void;
}

/** A producer's stream of batches: what they come to, in whatever order its transport writes the answers. */
export interface Producing {
  /** The first answer. */
  readonly window: StreamAnswer;
  /** A batch waits since its principal enqueues too much: the stream is to be read no further until it is stored. */
  readonly isHeld: boolean;
  /** How many results the stream awaits. */
  readonly awaitedCount: number;
  /** The results of these tasks are not wanted any more. INVALID_ARGUMENT: too many ids at once. */
  abandon(ids: readonly string[]): void;
  /** Stores a batch, late if it is held; a refusal is an answer too. Rejects if the server is at fault. */
  store(request: StreamEnqueueRequest): Promise<Stored>;
  /** The stream is over: nothing is awaited any more. */
  close(): void;
}

export interface ProducingOptions {
  readonly caller: Caller;
  /**
   * Writes results to the reader. True: more may be written; else resolves when it may, to false when the reader has
   * gone.
   */
  readonly tell: (answer: StreamAnswer, bytes: number) => true | Promise<boolean>;
  /** Nothing is awaited any more. */
  readonly onIdle: () => void;
  readonly onError: (error: unknown) => void;
}

export type OpenProducing = (options: ProducingOptions) => Producing;

export interface ProducerOptions {
  readonly agreement: Agreement;
  /** Without a limit of its rate. */
  readonly enqueue: Enqueue;
  readonly rates: Pick<Rates, 'hold'>;
  readonly openAwaited: OpenAwaited;
  readonly findUnserved: FindUnserved;
  readonly cursorAt: (position: number) => string;
}

/** What StreamEnqueue does, whatever carries the stream. */
export function createProducing(options: ProducerOptions): OpenProducing {
  const { agreement, enqueue, rates, openAwaited, findUnserved, cursorAt } = options;
  const { limits } = agreement;
  const window = { maxBatches: MAX_BATCHES, maxBytes: MAX_BYTES, limits, maxAwaited: MAX_AWAITED };

  return ({ caller, tell, onIdle, onError }) => {
    const awaited = openAwaited({
      holders: holdersOf(caller),
      tell(records, bytes) {
        const results = records.map((record) => writeResult(record, cursorAt(record.position)));
        return tell({ event: { case: 'settled', value: { results } } }, bytes);
      },
      onIdle,
      onError,
    });

    // Bounded by the batches that may be unacknowledged.
    const held = new Set<Held>();
    // Bounded by `findUnserved`.
    const told = new Set<string>();

    async function waitFor(one: Held): Promise<void> {
      held.add(one);
      const goesOn = await one.turn;
      held.delete(one);
      if (!goesOn) throw new ContactError('CANCELLED', 'the producer has gone');
    }

    return {
      window: { event: { case: 'window', value: window } },

      get isHeld() {
        return held.size > 0;
      },

      get awaitedCount() {
        return awaited.count;
      },

      abandon(ids) {
        if (ids.length > MAX_ABANDONED) throw invalid('abandoned', `at most ${MAX_ABANDONED}`);
        awaited.abandon(ids);
      },

      async store(request) {
        let waits: Waits | undefined;
        try {
          const turn = rates.hold(holdersOf(caller), request.tasks.length);
          if (turn) await waitFor(turn);
          if (request.awaitResults) waits = awaited.admit(request.tasks);
          const outcomes = await enqueue(request.tasks, caller);
          waits?.stored(outcomes);
          const finding = findUnserved(request.tasks, caller, told);
          const unserved = finding ? await finding : [];
          return {
            answer: { event: { case: 'stored', value: acknowledge(request, outcomes, unserved) } },
            open: () => waits?.open(),
          };
        } catch (error) {
          waits?.drop();
          const known = ContactError.from(error);
          if (known.code === 'INTERNAL') throw error;
          return { answer: { event: { case: 'refused', value: writeRefusal(known) } }, open: () => undefined };
        }
      },

      close() {
        for (const one of held) one.giveUp();
        awaited.close();
      },
    };
  };
}

function writeRefusal(error: ContactError): MessageInitShape<typeof EnqueueRefusalSchema> {
  const { code, retryAfterMs = 0, field = '', index } = error;
  const message = statusText(error.message);
  const refusal = { code: codeNumber(code), message, retryAfterMs, field: statusText(field) };
  return index === undefined ? refusal : { ...refusal, index };
}

/** The acknowledgement of a batch; its ids are left out when the producer knows them all. */
function acknowledge(
  { tasks }: StreamEnqueueRequest,
  outcomes: readonly InsertOutcome[],
  unserved: UnservedQueue[],
): MessageInitShape<typeof EnqueueAcknowledgementSchema> {
  const deduplicated: number[] = [];
  let isKnown = true;
  outcomes.forEach((outcome, index) => {
    if (outcome.deduplicated) deduplicated.push(index);
    if (outcome.id !== tasks[index]!.id) isKnown = false;
  });
  return { ids: isKnown ? [] : outcomes.map(({ id }) => id), deduplicated, unserved };
}

export function writeEnqueued(outcomes: readonly InsertOutcome[]): MessageInitShape<typeof EnqueuedTaskSchema>[] {
  return outcomes.map(({ id, deduplicated }) => ({ id, deduplicated }));
}
