import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type Assignment,
  type Cancel,
  ContactService,
  type GetTaskRequestSchema,
  type GetTaskResponse,
  type Outcome,
  type Registered,
} from '../gen/contact/v1/contact_pb.ts';
import { ContactError } from '../shared/errors.ts';
import { newSessionId } from '../shared/ids.ts';
import { cancelCall } from './cancel.ts';
import { type CallEnd, endOf, errorOf } from './closing.ts';
import type { Connection, Link } from './connection.ts';
import type { Outbox } from './outbox.ts';
import { patienceMs, type SilenceWatch, watchSilence } from './silence.ts';
import { Uplink } from './uplink.ts';

/** What the server says over one session. */
export interface SessionListener {
  registered(message: Registered): void;
  assigned(tasks: readonly Assignment[]): void;
  cancelled(cancel: Cancel): void;
  draining(): void;
  moving(afterMs: number): void;
  renewing(): void;
  outcomes(outcomes: readonly Outcome[]): void;
}

export interface SessionOptions {
  readonly connection: Connection;
  readonly link: Link;
  readonly clientId: string;
  readonly request: MessageInitShape<typeof GetTaskRequestSchema>;
  readonly outbox: Outbox;
  /** Default 250. */
  readonly progressIntervalMs: number | undefined;
  readonly listener: SessionListener;
}

/** One registration: a GetTask and its SendStatus, until either ends. */
export interface Session {
  readonly id: string;
  readonly uplink: Uplink;
  /** Never rejects. */
  readonly ended: Promise<CallEnd>;
  /** Says that there is nothing more to come: the server may end the streams; if it does not, this side does. */
  leave(): void;
  /** Ends both streams now. */
  cut(reason: ContactError): void;
}

/** How long the other stream may take to say why, once one has ended. */
const LAST_STATUS_MS = 1_000;
const PROGRESS_INTERVAL_MS = 250;
/** How long the answer to a registration may take. */
const REGISTER_TIMEOUT_MS = 10_000;
/**
 * The most that one message up may have, where the server has no smaller limit: over a slow line receipts wait behind
 * it.
 */
const MESSAGE_BYTES = 1024 * 1024;

export function openSession(options: SessionOptions): Session {
  const { connection, link, listener, outbox } = options;
  const { clock } = connection;
  const id = newSessionId();
  const names = { 'contact-client': options.clientId, 'contact-session': id };
  const contact = link.client(ContactService);
  // SendStatus goes first, so that the session is full from its start.
  const up = contact.sendStatus(connection.metadata(names));
  const down = contact.getTask(options.request, connection.metadata(names));
  const { progressIntervalMs = PROGRESS_INTERVAL_MS } = options;
  const uplink = new Uplink({ call: up, outbox, clock, progressIntervalMs });
  let lastSeq = 0;
  let watch: SilenceWatch | undefined;
  let verdict: CallEnd | null = null;
  let isLeaving = false;
  const stopTimers: (() => void)[] = [
    clock.after(REGISTER_TIMEOUT_MS, () => {
      if (lastSeq === 0)
        cut(new ContactError('UNAVAILABLE', `no answer to the registration in ${REGISTER_TIMEOUT_MS} ms`));
    }),
  ];

  function cut(reason: ContactError): void {
    verdict ??= { error: reason, advice: reason.advice ?? null };
    cancelCall(down);
    cancelCall(up);
  }

  function readEvent({ seq, event }: GetTaskResponse): void {
    watch?.heard();
    if (seq !== lastSeq + 1) {
      cut(new ContactError('INTERNAL', `expected ${lastSeq + 1}, got ${seq}`, { field: 'seq' }));
      return;
    }
    lastSeq = seq;
    uplink.receipt(seq);
    switch (event.case) {
      case 'registered':
        register(event.value);
        break;
      case 'tasks':
        listener.assigned(event.value.tasks);
        break;
      case 'cancel':
        listener.cancelled(event.value);
        break;
      case 'drain':
        listener.draining();
        break;
      case 'renew':
        listener.renewing();
        break;
      case 'moving':
        listener.moving(event.value.afterMs);
        break;
      default: // a ping, or what a newer server says: the receipt is the answer
    }
  }

  function register(message: Registered): void {
    link.answered();
    const intervalMs = message.intervals?.pingIntervalMs ?? 0;
    if (intervalMs > 0) {
      const limitMs = patienceMs(intervalMs, message.limits?.maxPayloadBytes ?? 0);
      watch = watchSilence(clock, intervalMs, limitMs, () =>
        cut(new ContactError('UNAVAILABLE', `nothing heard from the server for ${limitMs} ms`)),
      );
    }
    listener.registered(message);
    uplink.open(Math.min(message.limits?.maxMessageBytes || MESSAGE_BYTES, MESSAGE_BYTES));
  }

  down.on('data', (message) => {
    if (!verdict) readEvent(message);
  });
  up.on('data', ({ outcomes }) => {
    watch?.heard();
    if (verdict) return;
    if (outcomes.length > 0) link.worked();
    listener.outcomes(outcomes);
  });

  async function end(): Promise<CallEnd> {
    const downEnd = endOf(down);
    const upEnd = endOf(up).then((said) => {
      stopTimers.push(clock.after(LAST_STATUS_MS, () => cancelCall(down)));
      return said;
    });
    const said = await Promise.race([downEnd, upEnd]);
    // After `leave` the other stream ends by itself too, so that both end with OK.
    if (isLeaving) await Promise.all([downEnd, upEnd]);
    const last = verdict ?? (said.advice ? said : await downEnd);
    uplink.close();
    watch?.stop();
    for (const stop of stopTimers) stop();
    cancelCall(down);
    cancelCall(up);
    // The second stream to end may have been cancelled here: then only the first knows why.
    const whole = verdict ?? (last.advice ? last : said);
    if (lastSeq > 0 && !isLeaving && !whole.advice) outbox.cut(errorOf(whole).message);
    return whole;
  }

  return {
    id,
    uplink,
    ended: end(),
    cut,
    leave() {
      if (!verdict) isLeaving = true;
      verdict ??= { error: null, advice: null };
      uplink.close();
      up.end();
      stopTimers.push(
        clock.after(LAST_STATUS_MS, () => {
          cancelCall(down);
          cancelCall(up);
        }),
      );
    },
  };
}
