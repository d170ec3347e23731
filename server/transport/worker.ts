import type { MessageInitShape } from '@bufbuild/protobuf';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import type { ContactService, GetTaskRequest, GetTaskResponseSchema, SendStatusRequest } from '../../gen/index.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/grpc.ts';
import { type Agreement, writeEvent } from '../api/events.ts';
import { type Headers, readClient, readSessionId, SESSION_KEY } from '../api/identity.ts';
import { readRegistration } from '../api/registration.ts';
import { isReceipt, readResults, readStatus, weighStatus, writeOutcomes } from '../api/status.ts';
import type { Outcome, TaskOutlet } from '../session/outlet.ts';
import type { Registry } from '../session/registry.ts';
import type { ResultReport } from '../session/report.ts';
import type { Session } from '../session/session.ts';
import { isOver, onPiece } from './answering.ts';
import { type CallEnds, metadataText, readMessages } from './call.ts';

/** Unanswered status messages of one stream, and bytes of them, before it is read no further. */
const MAX_UNANSWERED = 64;
const MAX_UNANSWERED_BYTES = 8 << 20;

/** Queue names of a session that do not count, and of all sessions together those that do. */
const FREE_NAMES = 16;
const COME_AGAIN_MS = 10_000;
const MAX_NAMES = 100_000;

/** Results of one TellResult: all outcomes are in one answer, of which stock clients take 4 MB. */
const MAX_TOLD = 50_000;

/** Bytes of an outcome on the wire, about. */
const OUTCOME_BYTES = 48;

export interface WorkerHandlersOptions {
  readonly registry: Registry;
  readonly ends: CallEnds;
  readonly agreement: Agreement;
}

type TaskStream = ServerWritableStream<GetTaskRequest, MessageInitShape<typeof GetTaskResponseSchema>>;

/** ContactService: decode, call, encode. */
export function createWorkerHandlers(options: WorkerHandlersOptions): Handlers<typeof ContactService> {
  const { registry, ends, agreement } = options;

  /** Queue names beyond the FREE_NAMES of each GetTask stream that is open. */
  let nameCount = 0;

  /** Every name that a session draws from costs some 500 bytes here, for some 20 sent. */
  function admitNames(call: TaskStream, count: number): void {
    const extra = Math.max(0, count - FREE_NAMES);
    if (extra === 0 || isOver(call)) return;
    if (nameCount + extra > MAX_NAMES) {
      const problem = `all sessions together draw from too many; up to ${FREE_NAMES} are always taken`;
      throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'queues', retryAfterMs: COME_AGAIN_MS });
    }
    nameCount += extra;
    let isGivenBack = false;
    const giveBack = (): void => {
      if (!isGivenBack) nameCount -= extra;
      isGivenBack = true;
    };
    call.on('finish', giveBack);
    call.on('cancelled', giveBack);
  }

  function createOutlet(call: TaskStream, peer: string): TaskOutlet {
    return {
      peer,
      send: (seq, event, onTaken) => call.write(writeEvent(seq, event, agreement), onTaken && whenTaken(onTaken)),
      onRoom: (listener) => call.on('drain', listener),
      end: (error) => (error ? ends.end(call, peer, error) : call.end()),
    };
  }

  return {
    getTask(call) {
      const peer = call.getPeer();
      let session: Session | undefined;
      ends.open(call, peer);
      call.on('cancelled', () => session && registry.disconnect(session));
      Promise.resolve()
        .then(() => {
          const registration = readRegistration(call.request, headersOf(call.metadata), createOutlet(call, peer));
          forgetRequest(call.request);
          admitNames(call, registration.queues.length);
          return registry.open(registration);
        })
        .then(
          (opened) => {
            session = opened;
            if (call.cancelled) registry.disconnect(opened);
          },
          (error: unknown) => ends.end(call, peer, error),
        );
    },

    sendStatus(call) {
      const peer = call.getPeer();
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

      /** One of the two streams is gone, so the session is. */
      function disconnect(): void {
        isClosing = true;
        if (session) registry.disconnect(session, reason);
      }

      /** What came up cannot be taken, or what goes down is not: the session ends, and both its streams are told why. */
      function fail(error: unknown): void {
        reason = ContactError.from(error);
        disconnect();
        end(reason);
      }

      /**
       * The client has said all; it goes when it has been answered. What it still holds stays its own: a connection
       * that dies and a call that is cancelled begin with the very same words.
       */
      function leave(): void {
        if (!isHalfClosed || unanswered > 0 || isClosing) return;
        isClosing = true;
        if (session) registry.leaveSession(session);
        if (!isOver(call)) call.end();
      }

      async function answer(outcomes: readonly Outcome[]): Promise<void> {
        if (outcomes.length === 0) return;
        if (out.write({ outcomes: writeOutcomes(outcomes) }, outcomes.length * OUTCOME_BYTES)) return;
        if (!(await out.hasRoom())) disconnect();
      }

      async function take(owner: Session, request: SendStatusRequest): Promise<void> {
        const bytes = weighStatus(request);
        unanswered += 1;
        unansweredBytes += bytes;
        if (isFull()) call.pause();
        try {
          await answer(await registry.report(owner, readStatus(request)));
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
      call.on('cancelled', disconnect);
      call.on('end', () => {
        isHalfClosed = true;
        leave();
      });
      call.on('data', (request: SendStatusRequest) => {
        if (!session || isClosing) return;
        if (isReceipt(request)) registry.receipt(session, request.receipt);
        else void take(session, request);
      });
      Promise.resolve()
        .then(() => {
          const sessionId = readSessionId(headersOf(call.metadata));
          if (sessionId === undefined) throw invalid(SESSION_KEY, 'SendStatus needs the id of its session');
          const { clientId, isDrawn } = readClient(headersOf(call.metadata));
          const name = { sessionId, clientId: isDrawn ? undefined : clientId };
          return registry.attachStatus(name, { end, keep, isOver: () => isClosing || isOver(call) });
        })
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

    tellResult(call, callback) {
      const outcomes: Outcome[] = [];
      ends.answer(callback, async () => {
        const { clientId, isDrawn } = readClient(headersOf(call.metadata));
        for await (const request of readMessages(call)) {
          const report = readResults(request);
          checkTold(outcomes.length, report);
          outcomes.push(...(await registry.tell(report, clientId, isDrawn)));
        }
        return { outcomes: writeOutcomes(outcomes) };
      });
    },
  };
}

const headersOf = (metadata: Metadata): Headers => ({ header: (name) => metadataText(metadata, name) });

/** It has been read. The call is open for as long as the worker lives, and holds on to its request. */
function forgetRequest(request: GetTaskRequest): void {
  request.queues = [];
  request.labels = {};
  request.agent = '';
  request.resume = undefined;
  delete request.$unknown;
}

function checkTold(toldCount: number, report: ResultReport): void {
  const { succeeded, failed, released, stopped, untouched } = report;
  const toldNow = succeeded.length + failed.length + released.length + stopped.length + untouched.length;
  const count = toldCount + toldNow;
  if (count <= MAX_TOLD) return;
  const problem = `at most ${MAX_TOLD} in one call, whose answer names each; those before were taken`;
  throw new ContactError('RESOURCE_EXHAUSTED', problem, { field: 'results' });
}

/** A write that failed was not taken: the end of its stream frees what it cost. */
function whenTaken(onTaken: () => void): (error?: Error | null) => void {
  return (error) => {
    if (!error) onTaken();
  };
}
