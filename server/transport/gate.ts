import type { IncomingHttpHeaders } from 'node:http2';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Authenticate, PeerIdentity } from '../access/authenticate.ts';
import { NOBODY } from '../access/callers.ts';
import { type Admission, admissionOf, asAdmitted, isAdmitted, isOfClient } from '../access/methods.ts';
import { CLIENT_KEY } from '../api/identity.ts';
import type { Caller } from '../model/caller.ts';
import { ANONYMOUS } from '../model/caller.ts';
import type { Carrier, CarrierSession } from './carrier.ts';
import { createPublicCalls } from './public_calls.ts';
import type { CountRefusal } from './refused.ts';

/** Refusals of one connection in a row, after which it is closed unless it carries a call that was let in. */
const MAX_REFUSALS = 5;
/** Refusals that wait for their time, of all connections; one more closes its connection instead. */
const MAX_WAITING = 1_000;
/** How long a client may take its last refusal before it is told to go. */
const LAST_WORD_MS = 250;

/** Decides by the headers of a call whether it is let in, before anything else of it is read. */
export interface Gate {
  /**
   * Calls one of the two, now or later, or neither if the call is over first. What is refused for want of a credential
   * is refused late; `caller` is who is known and refused nevertheless.
   */
  decide(
    stream: Carrier,
    headers: IncomingHttpHeaders,
    admit: (caller: Caller) => void,
    refuse: (error: ContactError, caller?: Caller) => void,
  ): void;
}

/** A server that asks nobody who they are. */
export const OPEN_GATE: Gate = {
  decide: (_stream, _headers, admit) => admit(ANONYMOUS),
};

export interface GateOptions {
  readonly authenticate: Authenticate;
  readonly peerOf: (stream: Carrier) => PeerIdentity;
  /** A caller was let in. */
  readonly onAdmitted: (caller: Caller) => void;
  readonly countRefusal: CountRefusal;
  readonly clock: Clock;
  /** By which a refusal for want of a credential is late. */
  readonly refusalDelayMs: number;
  /** Has the client of a connection go that does nothing but guess. */
  readonly sendAway: (session: CarrierSession) => void;
  /** Of all callers together, of which those that are not known have a part. */
  readonly maxOpenCalls: number;
}

/** What is known of a connection. */
interface Connection {
  /** In a row. */
  refusals: number;
  /** Calls that were let in and are open. */
  openCalls: number;
  /** Open calls of who has no credential, or a join that is spent. */
  publicCalls: number;
}

export function createGate(options: GateOptions): Gate {
  const { authenticate, peerOf, onAdmitted, countRefusal, clock, refusalDelayMs, sendAway } = options;
  const publicCalls = createPublicCalls(options);
  // Goes with its session; sessions are bounded by connections.
  const connections = new WeakMap<CarrierSession, Connection>();
  let waiting = 0;

  function enter(session: CarrierSession): Connection {
    const connection: Connection = { refusals: 0, openCalls: 0, publicCalls: 0 };
    connections.set(session, connection);
    return connection;
  }

  /** Lets a call in that needs no credential, of who has none, or one that is told of the end of its join. */
  function letInNobody(stream: Carrier, connection: Connection, path: string): ContactError | undefined {
    const error = publicCalls.take(stream, path, connection.publicCalls);
    if (error) return error;
    connection.publicCalls += 1;
    stream.once('close', () => {
      connection.publicCalls -= 1;
    });
    return undefined;
  }

  function letIn(
    stream: Carrier,
    connection: Connection,
    caller: Caller,
    admission: Admission,
    path: string,
  ): ContactError | undefined {
    if (!isAdmitted(caller, admission)) return refuseRole(caller, admission, path);
    if (caller.isSpent) return letInNobody(stream, connection, path);
    connection.refusals = 0;
    connection.openCalls += 1;
    stream.once('close', () => {
      connection.openCalls -= 1;
    });
    onAdmitted(caller);
    return undefined;
  }

  /** Says it late, so that guessing is slow whatever was guessed; and to who goes on guessing not for ever. */
  function refuseLate(
    stream: Carrier,
    connection: Connection,
    error: ContactError,
    refuse: (error: ContactError) => void,
  ): void {
    const { session } = stream;
    // Its client may go meanwhile, and an error that nobody listens for ends the process.
    stream.on('error', () => undefined);
    connection.refusals += 1;
    const isLast = connection.refusals >= MAX_REFUSALS;
    if (waiting >= MAX_WAITING && connection.openCalls === 0) {
      session?.destroy();
      return;
    }
    waiting += 1;
    clock.after(refusalDelayMs, () => {
      waiting -= 1;
      if (stream.destroyed || stream.closed) return;
      refuse(error);
      if (!isLast || !session) return;
      clock.after(LAST_WORD_MS, () => {
        // Behind a proxy others may share the connection, whose calls are worth more than its end: those let in meanwhile, too.
        const isGuessing = connection.refusals >= MAX_REFUSALS && connection.openCalls === 0;
        if (isGuessing) sendAway(session);
      });
    });
  }

  /** Who is at the other end of a connection, if that is all that is known. */
  function knownBy(peer: PeerIdentity): Caller {
    if (peer.kind === 'none') return NOBODY;
    try {
      const caller = authenticate({ authorization: undefined, clientId: undefined, peer: () => peer });
      return caller instanceof Promise ? NOBODY : caller;
    } catch {
      return NOBODY;
    }
  }

  return {
    decide(stream, headers, admit, refuse) {
      const { session } = stream;
      if (!session) return;
      const connection = connections.get(session) ?? enter(session);
      const path = String(headers[':path']);
      const admission = admissionOf(path);
      // Who says who they are is asked for it, and told more.
      if (admission === 'anybody' && headers.authorization === undefined) {
        const caller = knownBy(peerOf(stream));
        const error = caller === NOBODY ? letInNobody(stream, connection, path) : undefined;
        if (error) {
          countRefusal(headers, error);
          refuse(error);
        } else admit(caller);
        return;
      }

      const pass = (caller: Caller): void => {
        if (stream.destroyed) return;
        const error = letIn(stream, connection, caller, admission, path);
        if (error === undefined) admit(asAdmitted(caller, admission));
        else {
          countRefusal(headers, error);
          refuse(error, caller);
        }
      };
      const fail = (reason: unknown): void => {
        const error = ContactError.from(reason);
        countRefusal(headers, error);
        // A fault of the server's own is nobody's guess.
        if (error.code !== 'INTERNAL') refuseLate(stream, connection, error, refuse);
        else if (!stream.destroyed && !stream.closed) refuse(error);
      };

      let caller: Caller | Promise<Caller>;
      try {
        const { authorization } = headers;
        const named = isOfClient(path) ? headers[CLIENT_KEY] : undefined;
        const clientId = typeof named === 'string' && named !== '' ? named : undefined;
        caller = authenticate({ authorization, clientId, peer: () => peerOf(stream) });
      } catch (error) {
        fail(error);
        return;
      }
      if (caller instanceof Promise) {
        // Its client may go while it is asked who that is.
        stream.on('error', () => undefined);
        caller.then(pass, fail);
      } else pass(caller);
    },
  };
}

function refuseRole(caller: Caller, admission: Admission, path: string): ContactError {
  const method = path.slice(1);
  const problem =
    admission === 'join'
      ? `${method} is for who has a join, and this caller has another credential`
      : caller.kind === 'join'
        ? `${method} is not for who has a join, which lets clients in and does nothing else`
        : `${method} is for the role ${(admission as readonly string[]).join(' or ')}, which this caller has not`;
  return new ContactError('PERMISSION_DENIED', problem);
}
