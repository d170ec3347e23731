import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Metadata } from '@grpc/grpc-js';
import type { Credential as CredentialMessage } from '../../gen/contact/v1/access_service_pb.ts';
import { EnrolmentService } from '../../gen/contact/v1/access_service_pb.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { type CallEnd, isFinal } from '../closing.ts';
import type { Link } from '../link.ts';
import type { Logger } from '../options.ts';
import { callUnary } from '../unary.ts';
import type { Credential, Lifetime } from './credential.ts';
import { hashSecret } from './secret.ts';

/** What a connection does for its credential: comes in with it once, and has it renewed in time. */
export interface Upkeep {
  /** Rejects with what the server, or the file, has said against it. Whoever comes meanwhile waits for the same try. */
  enrol(link: Link): Promise<void>;
  /** The same, with its failure as a value; null: it is enrolled. */
  tryToEnrol(link: Link): Promise<CallEnd | null>;
  /** A connection stands: what is due is seen to. */
  connected(): void;
  /** Renews it now; one renewal at a time. */
  renew(): void;
  close(): void;
}

/** The connection that the calls for its credential go over. */
interface Upkept {
  readonly server: string;
  readonly clock: Clock;
  readonly logger: Logger;
  link(): Promise<Link>;
  metadata(entries?: Readonly<Record<string, string>>): Metadata;
}

/** Between two looks at the wall clock at least: it may be set, and timers stand still while a machine sleeps. */
const LOOK_MS = 60_000;

export function createUpkeep(credential: Credential, connection: Upkept): Upkeep {
  const { clock, logger } = connection;
  let enrolling: Promise<void> | undefined;
  let isRenewing = false;
  let isClosed = false;
  let cancelTimer = (): void => {};

  function enrol(link: Link): Promise<void> {
    enrolling ??= credential
      .enrol(async ({ token, clientId, secret }) => {
        const request = { clientId, id: secret.id, secretHash: hashSecret(secret) };
        const answer = await callUnary(connection, link, EnrolmentService.method.enrol, request, { token }).catch(
          blame,
        );
        logger.info(`enrolled at ${connection.server} as ${clientId}`);
        return lifetimeOf(answer.credential);
      })
      .finally(() => {
        enrolling = undefined;
        schedule();
      });
    return enrolling;
  }

  function schedule(): void {
    cancelTimer();
    if (isClosed || credential.renewAt === Number.POSITIVE_INFINITY || !credential.isReady) return;
    cancelTimer = clock.after(Math.min(LOOK_MS, Math.max(0, credential.renewAt - clock.now())), look);
  }

  function look(): void {
    if (credential.renewAt <= clock.now()) renew();
    else schedule();
  }

  function renew(): void {
    if (isRenewing || isClosed || !credential.isReady) return;
    isRenewing = true;
    void renewOnce()
      .catch((error) => logger.warn(`the credential was not renewed: ${ContactError.from(error).message}`))
      .finally(() => {
        isRenewing = false;
        schedule();
      });
  }

  function renewOnce(): Promise<void> {
    return credential.renew(async ({ secret }) => {
      const request = { id: secret.id, secretHash: hashSecret(secret) };
      const link = await connection.link();
      const answer = await callUnary(connection, link, EnrolmentService.method.renew, request);
      logger.info('the credential was renewed');
      return lifetimeOf(answer.credential);
    });
  }

  return {
    enrol,
    async tryToEnrol(link) {
      try {
        await enrol(link);
        return null;
      } catch (failure) {
        const error = ContactError.from(failure);
        return { error, advice: error.advice ?? null };
      }
    },
    connected: schedule,
    renew,
    close() {
      isClosed = true;
      cancelTimer();
    },
  };
}

/** What is said of a join that lets nobody in any more. */
const ASK_FOR_ANOTHER = 'an operator has to make another one: contact join create';

/** What a server has said against an enrolment, as whoever has the join text is told it. */
function describeRefusal({ code, problem, advice }: ContactError): string {
  if (code === 'UNAUTHENTICATED' && advice?.reason === 'EXPIRED')
    return `this join text has expired; ${ASK_FOR_ANOTHER}`;
  if (code === 'UNAUTHENTICATED') {
    return `the server does not know this join text: it is of another one, or the store was restored since; ${ASK_FOR_ANOTHER}`;
  }
  const isOver = advice?.retry === 'never' && (code === 'RESOURCE_EXHAUSTED' || advice.reason === 'REVOKED');
  return isOver ? `${problem}; ${ASK_FOR_ANOTHER}` : problem;
}

/** Names the option that a server's refusal is about. */
function blame(failure: unknown): never {
  const error = ContactError.from(failure);
  const { code, advice, retryAfterMs } = error;
  if (!error.isMarked || code === 'UNAVAILABLE') throw error;
  throw new ContactError(code, describeRefusal(error), {
    field: 'join',
    isMarked: true,
    cause: error,
    ...(advice ? { advice } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** What a server says of an enrolment that it will say again. */
const REFUSALS: ReadonlySet<string> = new Set(['ALREADY_EXISTS', 'FAILED_PRECONDITION', 'NOT_FOUND']);

/** Whether it is useless to ask again to be enrolled. @param wasConnected the server has answered over this connection */
export function isRefused(end: CallEnd, wasConnected: boolean): boolean {
  const { error } = end;
  return isFinal(end, wasConnected) || (error?.isMarked === true && REFUSALS.has(error.code));
}

function lifetimeOf(credential: CredentialMessage | undefined): Lifetime {
  const { createdAt, expiresAt } = credential ?? {};
  if (!createdAt || !expiresAt) return { lifetimeMs: undefined };
  return { lifetimeMs: Math.max(0, timestampMs(expiresAt) - timestampMs(createdAt)) };
}
