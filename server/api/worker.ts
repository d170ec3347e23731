import type {
  ContactService,
  GetTaskRequest,
  Outcome as OutcomeMessage,
  SendStatusRequest,
  TellResultRequest,
} from '../../gen/index.ts';
import { type ContactError, invalid, tooLarge } from '../../shared/errors.ts';
import { cutText } from '../../shared/text.ts';
import type { Renewals } from '../access/renewals.ts';
import type { Outcome, StatusOutlet, TaskOutlet } from '../session/outlet.ts';
import type { Registration } from '../session/registration.ts';
import type { Registry } from '../session/registry.ts';
import type { ResultReport } from '../session/report.ts';
import type { Session } from '../session/session.ts';
import { type Context, whenAborted } from './context.ts';
import type { Handlers } from './handler.ts';
import { CLIENT_KEY, readClient, readSessionId, SESSION_KEY } from './identity.ts';
import type { AdmitNames } from './names.ts';
import type { Places } from './places.ts';
import { readRegistration } from './registration.ts';
import { isReceipt, readResults, readStatus, writeOutcomes } from './status.ts';

/** Results of one TellResult: all outcomes are in one answer, of which stock clients take 4 MB. */
const MAX_TOLD = 50_000;

/** Of an id that a client names, which may be no name. */
const MAX_SHOWN = 128;

/** ContactService, but for what belongs to its two streams. */
export interface WorkerHandlers extends Handlers<typeof ContactService, 'getTask' | 'sendStatus'> {
  /** GetTask: registers. The outlet is written to from now on, until its stream or this session ends. */
  openSession(request: GetTaskRequest, context: Context, outlet: TaskOutlet): Promise<Session>;
  /** SendStatus: finds the session that it belongs to. */
  attachStatus(context: Context, outlet: StatusOutlet): Promise<Session>;
  /** Takes a message that only says what was seen. False: it says more. */
  takeReceipt(session: Session, request: SendStatusRequest): boolean;
  /** Takes a message of SendStatus; answers its outcomes after the commit. */
  takeStatus(session: Session, request: SendStatusRequest): Promise<OutcomeMessage[]>;
  /** A stream of the session has gone, or ends with this error: so does the session. */
  disconnect(session: Session, error?: ContactError): void;
  /** The client has said all that it has to say. */
  leave(session: Session): void;
}

export function createWorkerHandlers(
  registry: Registry,
  renewals: Renewals,
  places: Places,
  admitNames: AdmitNames,
): WorkerHandlers {
  /** Reads a registration and takes its places; who is refused is told to people, as by the registry. */
  function admit(request: GetTaskRequest, context: Context, outlet: TaskOutlet): Registration {
    try {
      const registration = readRegistration(request, context, outlet);
      forgetRequest(request);
      // A signal is made only for sessions that give something back: the stream is open for as long as the worker lives.
      const leave = places.take(context.caller, registry.isReturning(registration));
      if (leave) whenAborted(context.signal, leave);
      const giveBack = admitNames(registration.queues.length, context.caller);
      if (giveBack) whenAborted(context.signal, giveBack);
      return registration;
    } catch (error) {
      const { principal, clientId: own = '' } = context.caller;
      registry.refused({ clientId: cutText(context.header(CLIENT_KEY) ?? own, MAX_SHOWN), subject: principal }, error);
      throw error;
    }
  }

  return {
    async openSession(request, context, outlet) {
      const registration = admit(request, context, outlet);
      const session = await registry.open(registration);
      const { kind, credentialId } = context.caller;
      if (kind === 'client' && credentialId !== undefined) {
        const tell = (expiresAt: number): void => session.send({ kind: 'renew', expiresAt });
        whenAborted(context.signal, renewals.watch(credentialId, tell));
      }
      return session;
    },

    async attachStatus(context, outlet) {
      const sessionId = readSessionId(context);
      if (sessionId === undefined) throw invalid(SESSION_KEY, 'SendStatus needs the id of its session');
      const { clientId, isDrawn } = readClient(context);
      const subject = context.caller.principal;
      return registry.attachStatus({ sessionId, clientId: isDrawn ? undefined : clientId, subject }, outlet);
    },

    takeReceipt(session, request) {
      const isOne = isReceipt(request);
      if (isOne) registry.receipt(session, request.receipt);
      return isOne;
    },

    async takeStatus(session, request) {
      return writeOutcomes(await registry.report(session, readStatus(request)));
    },

    disconnect: registry.disconnect,
    leave: registry.leaveSession,

    async tellResult(requests: AsyncIterable<TellResultRequest>, context) {
      const outcomes: Outcome[] = [];
      const { clientId, isDrawn } = readClient(context);
      const by = { clientId: isDrawn ? undefined : clientId, subject: context.caller.principal };
      for await (const request of requests) {
        const report = readResults(request);
        checkTold(outcomes.length, report);
        outcomes.push(...(await registry.tell(report, by)));
      }
      return { outcomes: writeOutcomes(outcomes) };
    },
  };
}

/** Empties a request that has been read: whoever carries the call holds on to it for as long as the worker lives. */
function forgetRequest(request: GetTaskRequest): void {
  request.queues = [];
  request.labels = {};
  request.queueTimeoutsMs = {};
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
  throw tooLarge(problem, { field: 'request' });
}
