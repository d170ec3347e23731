import { constants } from 'node:http2';
import { EnrolmentService, health } from '../../gen/index.ts';
import { ChurnSet } from '../../shared/churn.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import type { Carrier } from './carrier.ts';

/** Streams of who is not known: a tenth of all open calls, and no more than these. */
const MAX_WATCHES = 500;
const WATCH_SHARE = 1 / 10;
/** Short calls of who is not known. One more takes the place of the oldest, since who means it is answered soon. */
const MAX_CHECKS = 100;
/** Calls of who is not known on one connection. */
const MAX_PER_CONNECTION = 20;
/** How long a short call may take, its request included. */
const CHECK_MS = 5_000;
const COME_AGAIN_MS = 10_000;

/** Calls that have one answer: health checks, and joins that are told that they let in nobody any more. */
const SHORT: ReadonlySet<string> = new Set([health.Health.method.check, EnrolmentService.method.enrol].map(methodPath));

/**
 * Calls of who has no credential, or a join that is spent, which anybody may have found: they have places of their own, and
 * take nobody else's.
 */
export interface PublicCalls {
  /**
   * Takes a place until the stream is over.
   * @param onConnection how many its connection has
   * @returns why it gets none
   */
  take(stream: Carrier, path: string, onConnection: number): ContactError | undefined;
}

export interface PublicCallsOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** Of all callers together. */
  readonly maxOpenCalls: number;
}

export function createPublicCalls({ clock, maxOpenCalls }: PublicCallsOptions): PublicCalls {
  const maxWatches = Math.max(1, Math.min(MAX_WATCHES, Math.floor(maxOpenCalls * WATCH_SHARE)));
  let watches = 0;
  // In the order in which they came; bounded by MAX_CHECKS.
  const checks = new ChurnSet<Carrier>();

  function takeCheck(stream: Carrier): void {
    if (checks.size >= MAX_CHECKS) {
      const [oldest] = checks;
      if (oldest) drop(oldest);
    }
    checks.add(stream);
    const stop = clock.after(CHECK_MS, () => drop(stream));
    stream.once('close', () => {
      stop();
      checks.delete(stream);
    });
  }

  /** Its client hears RESOURCE_EXHAUSTED, which is what gRPC makes of this reset. */
  function drop(stream: Carrier): void {
    checks.delete(stream);
    // An error that nobody listens for ends the process.
    stream.on('error', () => undefined);
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  return {
    take(stream, path, onConnection) {
      if (onConnection >= MAX_PER_CONNECTION) return refuse(`this connection has ${onConnection}`);
      if (SHORT.has(path)) {
        takeCheck(stream);
        return undefined;
      }
      if (watches >= maxWatches) return refuse(`there are ${watches}`);
      watches += 1;
      stream.once('close', () => {
        watches -= 1;
      });
      return undefined;
    },
  };
}

function refuse(problem: string): ContactError {
  const detail = { field: 'calls', retryAfterMs: COME_AGAIN_MS };
  return new ContactError(
    'RESOURCE_EXHAUSTED',
    `${problem} of callers without a credential, more are not taken`,
    detail,
  );
}
