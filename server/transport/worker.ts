import type { MessageInitShape } from '@bufbuild/protobuf';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import type {
  ContactService,
  GetTaskRequest,
  GetTaskResponseSchema,
  Outcome,
  SendStatusRequest,
} from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/grpc.ts';
import { type Agreement, writeEvent } from '../api/events.ts';
import { weighStatus } from '../api/status.ts';
import type { WorkerHandlers } from '../api/worker.ts';
import type { TaskOutlet } from '../session/outlet.ts';
import type { Session } from '../session/session.ts';
import { isOver, onPiece } from './answering.ts';
import type { CallEnds } from './call.ts';
import { CallContext } from './context.ts';
import { whenEnded } from './ending.ts';

/** Unanswered status messages of one stream, and bytes of them, before it is read no further. */
const MAX_UNANSWERED = 64;
const MAX_UNANSWERED_BYTES = 8 << 20;

/** Bytes of an outcome on the wire, about. */
const OUTCOME_BYTES = 48;

type TaskStream = ServerWritableStream<GetTaskRequest, MessageInitShape<typeof GetTaskResponseSchema>>;

/**
 * The two streams of a session. They keep their call objects: tasks are pushed into one by whoever has them, at the
 * pace of receipts and not of a reader who pulls, and several messages of the other are answered at a time.
 */
export function createWorkerStreams(
  worker: WorkerHandlers,
  agreement: Agreement,
  ends: CallEnds,
): Pick<Handlers<typeof ContactService>, 'getTask' | 'sendStatus'> {
  function createOutlet(call: TaskStream, peer: string): TaskOutlet {
    return {
      peer,
      send: (seq, event, onTaken) => call.write(writeEvent(seq, event, agreement), onTaken && whenTaken(onTaken)),
      onDrain: (listener) => call.on('drain', listener),
      end: (error) => (error ? ends.end(call, peer, error) : call.end()),
    };
  }

  return {
    getTask(call) {
      const context = new CallContext(call, ends);
      const { peer } = context;
      let session: Session | undefined;
      let reason: ContactError | undefined;

      function disconnect(error?: ContactError): void {
        reason ??= error;
        if (session) worker.disconnect(session, reason);
      }

      ends.open(call, peer);
      whenEnded(call, disconnect);
      call.on('cancelled', () => disconnect());
      worker.openSession(call.request, context, createOutlet(call, peer)).then(
        (opened) => {
          session = opened;
          if (reason || call.cancelled) disconnect();
        },
        (error: unknown) => ends.end(call, peer, error),
      );
    },

    sendStatus(call) {
      const context = new CallContext(call, ends);
      const { peer } = context;
      let session: Session | undefined;
      let unanswered = 0;
      let unansweredBytes = 0;
      let isHalfClosed = false;
      let isClosing = false;
      let reason: ContactError | undefined;

      const isFull = (): boolean => unanswered >= MAX_UNANSWERED || unansweredBytes >= MAX_UNANSWERED_BYTES;

      function end(error: unknown): void {
        isClosing = true;
        if (error === null) call.end();
        else ends.end(call, peer, error);
      }

      function keep(): void {
        if (!isClosing && unanswered === 0) out.write({ outcomes: [] }, OUTCOME_BYTES);
      }

      /** Ends the session, since one of its two streams is gone. */
      function disconnect(): void {
        isClosing = true;
        if (session) worker.disconnect(session, reason);
      }

      /** Ends the session with both its streams, since a message cannot be taken or outcomes are not read. */
      function fail(error: unknown): void {
        reason ??= ContactError.from(error);
        disconnect();
        end(reason);
      }

      /**
       * Ends a stream that its client has ended, once all is answered. The client keeps what it holds: a connection
       * that dies and a call that is cancelled begin with the same half-close.
       */
      function leave(): void {
        if (!isHalfClosed || unanswered > 0 || isClosing) return;
        isClosing = true;
        if (session) worker.leave(session);
        if (!isOver(call)) call.end();
      }

      async function answer(outcomes: Outcome[]): Promise<void> {
        if (outcomes.length === 0) return;
        if (out.write({ outcomes }, outcomes.length * OUTCOME_BYTES)) return;
        if (!(await out.hasRoom())) disconnect();
      }

      async function take(owner: Session, request: SendStatusRequest): Promise<void> {
        const bytes = weighStatus(request);
        unanswered += 1;
        unansweredBytes += bytes;
        if (isFull()) call.pause();
        try {
          await answer(await worker.takeStatus(owner, request));
        } catch (error) {
          fail(error);
        }
        unanswered -= 1;
        unansweredBytes -= bytes;
        if (!isFull() && !isClosing) call.resume();
        leave();
      }

      ends.open(call, peer, fail);
      const out = ends.outflow(call, peer, fail);
      // Nothing is read before the session is there.
      call.pause();
      // A message that is too large or cut, and a passed deadline, are seen by grpc-js and not here.
      whenEnded(call, (error) => {
        reason ??= error;
        disconnect();
      });
      call.on('cancelled', disconnect);
      call.on('end', () => {
        isHalfClosed = true;
        leave();
      });
      call.on('data', (request: SendStatusRequest) => {
        if (!session || isClosing) return;
        if (!worker.takeReceipt(session, request)) void take(session, request);
      });
      worker
        .attachStatus(context, { end, keep, isOver: () => isClosing || isOver(call) })
        .then((found) => {
          session = found;
          if (!isOver(call)) call.sendMetadata(new Metadata());
          // A large result over a slow line is life long before it is there as a whole.
          onPiece(call, found.touch);
          if (isClosing || isOver(call)) disconnect();
          else call.resume();
        })
        .catch(end);
    },
  };
}

/** Calls `onTaken` unless the write failed: what that had cost is freed by the end of its stream. */
function whenTaken(onTaken: () => void): (error?: Error | null) => void {
  return (error) => {
    if (!error) onTaken();
  };
}
