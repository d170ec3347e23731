import { Buffer } from 'node:buffer';
import { create, type DescService, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { AcceptedSchema, ReverseService, ServeRequestSchema } from '../../gen/contact/v1/reverse_pb.ts';
import { ContactError, codeNumber } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import { decodeServe } from '../../tunnel/decode.ts';
import { MAX_BATCH_BYTES, type Open, plainEnd, WINDOW_BYTES } from '../../tunnel/frame.ts';
import { DEFAULT_CALLS, MAX_CALLS } from '../../tunnel/terms.ts';
import { createTunnel, type Tunnel } from '../../tunnel/tunnel.ts';
import { cancelCall } from '../cancel.ts';
import * as check from '../check.ts';
import { type CallEnd, endOf, errorOf } from '../closing.ts';
import type { Connection, Link } from '../connection.ts';
import { patienceMs, watchSilence } from '../silence.ts';
import { describeServices } from './descriptors.ts';
import type { KeptMethod } from './durable.ts';
import type { RunningCall } from './run.ts';
import type { Offer } from './served.ts';
import type { ServeOptions } from './service.ts';

const REVISION = 1;
const SERVE_RULES: check.Rules = Object.freeze({ maxCalls: check.integer(1, MAX_CALLS) });
/** For the server to end the stream that we have ended. */
const LAST_WORDS_MS = 1_000;
const EMPTY = Buffer.alloc(0);

export interface ServingOptions {
  readonly connection: Connection;
  readonly clientId: string;
  /** The id was drawn, and means nothing once this process has ended. */
  readonly isEphemeral: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** The session by which the server knows this client, at the moment. */
  readonly sessionId: () => string;
  /** The last call that ran is over. */
  readonly onIdle: () => void;
  /** The server has taken what is announced; or it is out of reach. */
  readonly onServing: (isServing: boolean) => void;
}

/** What one client serves, and the Serve stream over which it is called. */
export interface Serving {
  readonly callCount: number;
  /** By the queue that calls of a method wait in which are kept until somebody is there. */
  readonly kept: ReadonlyMap<string, KeptMethod>;
  /** By their names, what offers each. */
  readonly methods: ReadonlyMap<string, Offer>;
  add(offer: Offer, options?: ServeOptions): void;
  /** Methods that the server refuses, others serving them as another kind. */
  readonly refused: ReadonlySet<string>;
  /** Tells the server anew what is served: methods have gone away, or come back. */
  refresh(): void;
  /** Resolves once the server knows of all that was added and is not away. */
  untilAccepted(): Promise<void>;
  /** Serves until it is closed or the signal ends it; comes back by itself. Rejects when the server refuses for good. */
  run(signal: AbortSignal): Promise<void>;
  /** No new calls; those that run go on. */
  drain(): void;
  /** Ends the calls that run. */
  abort(reason: string): void;
  /** Nothing more to say; resolves when the server has heard all that was said, or not in time. */
  close(): Promise<void>;
}

const asItIs = (bytes: Buffer): Buffer => bytes;

export function createServing({
  connection,
  clientId,
  isEphemeral,
  labels,
  sessionId,
  onIdle,
  onServing,
}: ServingOptions): Serving {
  const { clock, logger } = connection;
  const offers = new Map<string, Offer>();
  // All bounded by the services of the program.
  const kept = new Map<string, KeptMethod>();
  const services = new Set<DescService>();
  const encodings = new Set<string>();
  let fileDescriptorSet: Uint8Array = new Uint8Array();
  // Bounded by `maxCalls`, and by handlers that go on after their call.
  const running = new Set<RunningCall>();
  let stream: ClientDuplexStream<Buffer, Buffer> | undefined;
  let maxCalls = DEFAULT_CALLS;
  /** Announcements of the stream that were not answered; null: there is no stream. */
  let unanswered: number | null = null;
  // Bounded by how often the program asks.
  const awaited: (() => void)[] = [];
  // Bounded by the methods that are served.
  let refusedMethods = new Set<string>();
  let isDraining = false;
  let isClosed = false;

  function announce(): void {
    if (!stream) return;
    unanswered = (unanswered ?? 0) + 1;
    const names = [...offers].filter(([, { isAway }]) => !isDraining && !isAway()).map(([name]) => name);
    const limits = { ephemeral: isEphemeral, maxCalls, window: WINDOW_BYTES, acceptEncodings: [...encodings] };
    const message = { announce: { methods: names, fileDescriptorSet, labels, revision: REVISION, ...limits } };
    stream.write(Buffer.from(toBinary(ServeRequestSchema, create(ServeRequestSchema, message))));
  }

  function take(call: TunnelCall, open: Open, maxMessageBytes: number): void {
    const served = offers.get(open.method)?.methods.get(open.method);
    if (!served || running.size >= maxCalls) {
      refuse(
        call,
        codeNumber(served ? 'RESOURCE_EXHAUSTED' : 'UNIMPLEMENTED'),
        served ? 'as many calls run as may' : `no such method: /${open.method}`,
      );
      return;
    }
    const one = served.run(call, open, maxMessageBytes, () => {
      running.delete(one);
      if (running.size === 0) onIdle();
    });
    running.add(one);
  }

  async function serve(link: Link): Promise<CallEnd> {
    const call = link
      .client(ReverseService)
      .makeBidiStreamRequest(
        methodPath(ReverseService.method.serve),
        asItIs,
        asItIs,
        connection.metadata({ 'contact-client': clientId, 'contact-session': sessionId() }),
      );
    stream = call;
    let tunnel: Tunnel | undefined;
    let verdict: ContactError | undefined;
    let watch = { heard: (): void => undefined, stop: (): void => undefined };

    function cut(reason: ContactError): void {
      verdict ??= reason;
      cancelCall(call);
    }

    function accept(head: Uint8Array): Tunnel {
      const accepted = fromBinary(AcceptedSchema, head);
      const { window, maxMessageBytes, refused, descriptorsRefused, pingIntervalMs, taken } = accepted;
      for (const method of taken) {
        logger.info(`${method} is served from now on`);
        refusedMethods.delete(method);
      }
      if (taken.length > 0 && tunnel) return tunnel;
      if (descriptorsRefused !== '')
        logger.warn(`the descriptors of what is served are not taken: ${descriptorsRefused}`);
      for (const { method, message } of refused) logger.warn(`${method} is not served: ${message}`);
      refusedMethods = new Set(refused.map(({ method }) => method));
      unanswered = (unanswered ?? 1) - 1;
      if (unanswered === 0) for (const tell of awaited.splice(0)) tell();
      if (tunnel) return tunnel;
      link.answered();
      onServing(true);
      if (pingIntervalMs > 0) {
        const limitMs = patienceMs(pingIntervalMs, MAX_BATCH_BYTES);
        watch = watchSilence(clock, pingIntervalMs, limitMs, () =>
          cut(new ContactError('UNAVAILABLE', `nothing heard from the server for ${limitMs} ms`)),
        );
      }
      return createTunnel({
        role: 'callee',
        sendWindowBytes: window,
        receiveWindowBytes: WINDOW_BYTES,
        maxMessageBytes,
        write: (batch, onTaken) => void call.write(batch, undefined, (error?: Error | null) => error ?? onTaken()),
        schedule: setImmediate,
        onOpen: (call, open) => take(call, open, maxMessageBytes),
        onBroken: () => cut(new ContactError('INTERNAL', 'the server broke the protocol of its tunnel')),
        refuseMetadata: () => undefined,
      });
    }

    call.on('data', (bytes: Buffer) => {
      watch.heard();
      if (verdict) return;
      try {
        const { head, frames } = decodeServe(bytes);
        if (head) tunnel = accept(head);
        else if (frames.length === 0) call.write(EMPTY);
        tunnel?.receive(frames);
      } catch (error) {
        cut(new ContactError('INTERNAL', 'the server has said what cannot be decoded', { cause: error }));
      }
    });
    announce();
    const said = await endOf(call);
    watch.stop();
    stream = undefined;
    unanswered = null;
    onServing(false);
    tunnel?.close();
    return verdict ? { error: verdict, advice: null } : said;
  }

  return {
    kept,
    methods: offers,
    get callCount() {
      return running.size;
    },
    add(offer, options = {}) {
      check.checkFields(options, SERVE_RULES);
      // Before anything is kept: what cannot be described is refused whole.
      fileDescriptorSet = describeServices([...services, ...offer.services]);
      for (const [name, method] of offer.methods) {
        offers.set(name, offer);
        if (method.kept) kept.set(name, method.kept);
      }
      for (const service of offer.services) services.add(service);
      if (services.size > 0 && fileDescriptorSet.byteLength === 0)
        logger.warn('the descriptors of what is served are too large: it is served, but reflection does not know it');
      for (const encoding of offer.acceptEncodings) encodings.add(encoding);
      maxCalls = options.maxCalls ?? maxCalls;
      announce();
    },
    get refused() {
      return refusedMethods;
    },
    refresh: announce,
    untilAccepted: () => (unanswered === 0 ? Promise.resolve() : new Promise((resolve) => void awaited.push(resolve))),
    async run(signal) {
      for (;;) {
        const link = await connection.open(signal);
        if (!link || isClosed) return;
        const end = await serve(link);
        if (isClosed) return;
        if (connection.isFinal(end, link)) throw errorOf(end);
        logger.warn(
          `serves nothing at ${connection.server}: ${errorOf(end).message}; next try in ${link.failed(end)} ms`,
        );
      }
    },
    drain() {
      isDraining = true;
      announce();
    },
    abort(reason) {
      for (const one of running) one.abort(new ContactError('UNAVAILABLE', reason));
    },
    close() {
      isClosed = true;
      const last = stream;
      if (!last) return Promise.resolve();
      last.end();
      return new Promise((resolve) => {
        const stopTimer = clock.after(LAST_WORDS_MS, () => {
          cancelCall(last);
          resolve();
        });
        last.once('status', () => {
          stopTimer();
          resolve();
        });
      });
    },
  };
}

function refuse(call: TunnelCall, code: number, message: string): void {
  call.listen({
    headers: () => undefined,
    chunk: () => undefined,
    halfClosed: () => undefined,
    ended: () => undefined,
    failed: () => undefined,
    cancelled: () => undefined,
    lost: () => undefined,
  });
  call.end(plainEnd(code, message));
}
