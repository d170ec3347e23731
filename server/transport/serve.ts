import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { Server, ServerDuplexStream } from '@grpc/grpc-js';
import { AcceptedSchema, type Announce, AnnounceSchema, ReverseService, ServeResponseSchema } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError, invalid, tooLarge } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import { decodeServe, type ServeMessage } from '../../tunnel/decode.ts';
import { MAX_BATCH_BYTES, MAX_WINDOW_BYTES, MIN_WINDOW_BYTES, WINDOW_BYTES } from '../../tunnel/frame.ts';
import { refuseMetadata } from '../../tunnel/metadata.ts';
import { DEFAULT_CALLS, MAX_CALLS } from '../../tunnel/terms.ts';
import { createTunnel, type Tunnel } from '../../tunnel/tunnel.ts';
import { CLIENT_KEY, type Identity, readClient, readSessionId } from '../api/identity.ts';
import { checkLabels, REVISION } from '../api/registration.ts';
import { mayServe } from '../model/caller.ts';
import { takenByAnother } from '../model/owner.ts';
import { DISCONNECTED, replacedBy, SILENT } from '../session/closing.ts';
import { nextStep, type Patience } from '../session/liveness.ts';
import type { ServingClient } from '../store/clients.ts';
import type { Announcement, Callee } from '../tunnel/callee.ts';
import type { Callees } from '../tunnel/callees.ts';
import type { Claimant } from '../tunnel/claimant.ts';
import { isOver } from './answering.ts';
import type { CallEnds } from './call.ts';
import { CallContext } from './context.ts';

/** The most that a message which announces may have. */
const MAX_ANNOUNCE_BYTES = 512 << 10;
const MAX_ENCODINGS = 16;
/** What may be on its way to a callee, and buys it time: a batch, and a window of HTTP/2. */
const ON_THE_WAY_BYTES = 131_072;
/** What an empty message, which is a ping, costs on its way, about. */
const EMPTY_BYTES = 32;
const EMPTY = Buffer.alloc(0);

type ServeStream = ServerDuplexStream<Buffer, Buffer>;

export interface ServeOptions {
  readonly callees: Callees;
  readonly ends: CallEnds;
  readonly clock: Clock;
  readonly patience: Patience;
  readonly maxMessageBytes: number;
  /** Whether this is the session of a client whose task stream is open. */
  readonly isOpenSession: (clientId: string, sessionId: string, subject: string) => boolean;
  /** Whether this principal may come by the client id, as the store knows it: it is no other's. */
  readonly isFree: (clientId: string, subject: string) => Promise<boolean>;
  /** Remembers a named client by what it serves, for when it is away. `onTaken`: another principal was the first. */
  readonly remember: (client: ServingClient, onTaken: (error: ContactError) => void) => void;
  /** A client that was remembered is away. */
  readonly left: (client: Pick<ServingClient, 'clientId' | 'subject'>) => void;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/** ReverseService; its messages are read and written by hand. */
export function registerServe(server: Server, options: ServeOptions): void {
  const { serve } = ReverseService.method;
  server.register(methodPath(serve), createServeHandler(options), asItIs, asItIs, 'bidi');
}

function createServeHandler({
  callees,
  ends,
  clock,
  patience,
  maxMessageBytes,
  isOpenSession,
  isFree,
  remember,
  left,
}: ServeOptions) {
  return (call: ServeStream): void => {
    const peer = call.getPeer();
    ends.open(call, peer);
    const out = ends.outflow(call, peer);
    const context = new CallContext(call, ends);
    let identity: Identity = { clientId: '', isDrawn: true };
    let sessionId: string | undefined;
    let tunnel: Tunnel | undefined;
    let callee: Callee | undefined;
    let heardAt = clock.monotonic();
    let isPinged = false;
    let stopLooking = (): void => undefined;

    /** The store takes this client for one that serves, because of this stream. */
    let isRemembered = false;

    const fail = (error: unknown): void => ends.end(call, peer, error);

    /** A named client is known by what it last served: it says that it serves nothing when it drains. */
    function rememberCallee({ announced: { methods, labels, isEphemeral } }: Callee): void {
      const isKnown = !identity.isDrawn && !isEphemeral && methods.length > 0;
      const { clientId } = identity;
      if (isKnown) remember({ clientId, labels, methods, subject: context.caller.principal }, fail);
      isRemembered ||= isKnown;
    }

    /**
     * Every end comes by here: whoever calls is told, and nobody finds this callee any more. Who is replaced leaves before the
     * one that comes is remembered.
     */
    function leave(): void {
      stopLooking();
      if (callee?.isThere) rememberCallee(callee);
      if (isRemembered) left({ clientId: identity.clientId, subject: context.caller.principal });
      isRemembered = false;
      callee?.leave();
      tunnel?.close();
    }

    function look(): void {
      if (isOver(call)) return;
      const step = nextStep(clock.monotonic() - heardAt, isPinged, patience, ON_THE_WAY_BYTES);
      if (step.kind === 'dead') {
        fail(SILENT);
        return;
      }
      if (step.kind === 'ping') {
        isPinged = true;
        out.write(EMPTY, EMPTY_BYTES);
      }
      stopLooking = clock.after(step.ms, look);
    }

    function claim(): Claimant {
      const { clientId, isDrawn } = identity;
      const { caller } = context;
      const { principal: subject, countedFor } = caller;
      const isProven = isDrawn || (sessionId !== undefined && isOpenSession(clientId, sessionId, subject));
      const mayServeIt = (method: string): boolean => mayServe(caller, method);
      const who = { clientId, subject, countedFor, sessionId, isProven, isDrawn };
      return { ...who, mayServe: mayServeIt, peer, connectedAt: clock.now() };
    }

    function open(announce: Announce): Tunnel {
      const opened = createTunnel({
        role: 'server',
        sendWindowBytes: readWindow(announce),
        receiveWindowBytes: WINDOW_BYTES,
        maxMessageBytes,
        write: (batch, onTaken) => void out.write(batch, batch.byteLength, onTaken),
        schedule: setImmediate,
        onOpen: () => undefined,
        onBroken: () => fail(invalid('frames', 'three calls were against the protocol')),
        refuseMetadata,
      });
      callee = callees.join(
        claim(),
        opened,
        (why) => fail(why === 'replaced' ? replacedBy(identity.clientId) : DISCONNECTED),
        (taken) => {
          say({ taken: [...taken] });
          rememberCallee(callee!);
        },
      );
      return opened;
    }

    function say(accepted: MessageInitShape<typeof AcceptedSchema>): void {
      const message = writeAccepted(accepted);
      out.write(message, message.byteLength);
    }

    const mayBeAnothers = (): boolean => !identity.isDrawn && context.caller.principal !== '';

    /**
     * Nothing more is read of the stream before it is known that its client id is no other principal's: when it begins, and
     * again when it announces itself, as the id may have come to be another's since.
     */
    async function admit(first?: Buffer): Promise<void> {
      if (!mayBeAnothers()) return;
      const { clientId } = identity;
      call.pause();
      if (!(await isFree(clientId, context.caller.principal))) throw takenByAnother(clientId, CLIENT_KEY);
      if (isOver(call)) return;
      if (first) hear(first);
      call.resume();
    }

    /** Between that look and the join somebody may have come by the id whom the look could not see, nor they this stream. */
    async function lookAgain(): Promise<void> {
      const { clientId } = identity;
      if (!(await isFree(clientId, context.caller.principal))) fail(takenByAnother(clientId, CLIENT_KEY));
    }

    function failUnread(error: unknown): void {
      fail(error instanceof ContactError ? error : invalid('request', 'it is malformed'));
    }

    function hear(bytes: Buffer): void {
      heardAt = clock.monotonic();
      isPinged = false;
      const { head, frames } = read(bytes);
      if (head) {
        const announce = fromBinary(AnnounceSchema, head, { readUnknownFields: false });
        const announcement = readAnnouncement(announce);
        if (!tunnel) {
          tunnel = open(announce);
          if (mayBeAnothers()) lookAgain().catch(fail);
        }
        const refused = callee!.announce(announcement);
        rememberCallee(callee!);
        const { clientId } = identity;
        const accepted = {
          window: WINDOW_BYTES,
          maxMessageBytes,
          refused: [...refused.methods],
          descriptorsRefused: refused.descriptors,
          clientId,
        };
        say({ ...accepted, pingIntervalMs: patience.pingIntervalMs });
      }
      if (!tunnel) throw invalid('announce', 'expected in the first message');
      tunnel.receive(frames);
    }

    call.on('data', (bytes: Buffer) => {
      if (isOver(call)) return;
      if (!tunnel && mayBeAnothers()) {
        admit(bytes).catch(failUnread);
        return;
      }
      try {
        hear(bytes);
      } catch (error) {
        failUnread(error);
      }
    });
    call.on('end', () => {
      leave();
      if (!isOver(call)) call.end();
    });
    for (const event of ['finish', 'cancelled', 'error']) call.on(event, leave);
    try {
      identity = readClient(context);
      sessionId = readSessionId(context);
    } catch (error) {
      fail(error);
      return;
    }
    admit().catch(fail);
    out.keep(() => EMPTY);
    stopLooking = clock.after(patience.pingIntervalMs, look);
  };
}

function read(bytes: Buffer): ServeMessage {
  if (bytes.byteLength > MAX_ANNOUNCE_BYTES) throw tooLong(bytes.byteLength, MAX_ANNOUNCE_BYTES);
  const message = decodeServe(bytes);
  // What stands beside an announcement is no longer than without it.
  const besideBytes = bytes.byteLength - (message.head?.byteLength ?? 0);
  if (besideBytes > MAX_BATCH_BYTES) throw tooLong(besideBytes, MAX_BATCH_BYTES);
  return message;
}

function tooLong(byteLength: number, limit: number): ContactError {
  return tooLarge(`${byteLength} bytes, at most ${limit} are taken`, { field: 'request' });
}

function readWindow({ window }: Announce): number {
  if (window === 0) return WINDOW_BYTES;
  if (window >= MIN_WINDOW_BYTES && window <= MAX_WINDOW_BYTES) return window;
  throw invalid('announce.window', `expected ${MIN_WINDOW_BYTES} to ${MAX_WINDOW_BYTES}, got ${window}`);
}

function readAnnouncement(announce: Announce): Announcement {
  const { methods, maxCalls, acceptEncodings, labels, revision, fileDescriptorSet: descriptors } = announce;
  const { ephemeral: isEphemeral } = announce;
  if (revision > REVISION) throw invalid('announce.revision', `this server speaks ${REVISION}`);
  if (maxCalls > MAX_CALLS) throw invalid('announce.max_calls', `expected at most ${MAX_CALLS}, got ${maxCalls}`);
  if (acceptEncodings.length > MAX_ENCODINGS || acceptEncodings.some((one) => !/^[a-z0-9_-]{1,32}$/.test(one))) {
    throw invalid('announce.accept_encodings', `expected at most ${MAX_ENCODINGS} names such as gzip`);
  }
  checkLabels(labels);
  return { methods, maxCalls: maxCalls || DEFAULT_CALLS, acceptEncodings, labels, isEphemeral, descriptors };
}

function writeAccepted(accepted: MessageInitShape<typeof AcceptedSchema>): Buffer {
  return Buffer.from(
    toBinary(ServeResponseSchema, create(ServeResponseSchema, { accepted: create(AcceptedSchema, accepted) })),
  );
}
