import { firstValueFrom, merge, type Observable, Subject } from 'rxjs';
import { health } from '../../gen/index.ts';
import type { Clock } from '../../shared/clock.ts';
import { ContactError } from '../../shared/errors.ts';
import { aborted$ } from '../api/context.ts';
import type { Handlers } from '../api/handler.ts';
import { type Caller, mayCallSome } from '../model/caller.ts';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;

/** Between two looks at what may have changed without a word. */
const LOOK_MS = 1_000;

/**
 * grpc.health.v1 (the gRPC health checking protocol), a subsystem: one state for the whole server, which serves from its
 * start on, unless new tasks are refused, until it goes. Watchers are bounded by open calls.
 */
export interface Health {
  readonly handlers: Handlers<typeof health.Health>;
  /** Why the server does not serve; undefined: it does. */
  readonly trouble: string | undefined;
  /** The server serves, as far as it is up to itself. */
  start(): Promise<void>;
  /** The server is going: those who watch are told, and whoever asks. */
  close(): Promise<void>;
}

/** Services that come and go. */
export interface OtherServices {
  /** Undefined: nobody knows it. */
  isServed(service: string): boolean | undefined;
  /** Emits when that may have changed. */
  readonly changed$: Observable<void>;
}

/** What the state of a server is made of. */
export interface Standing {
  readonly clock: Pick<Clock, 'after'>;
  /** Why new tasks are refused for now; undefined: they are taken. */
  refusal(): ContactError | undefined;
}

/** @param names full names of the services that are asked for; '' is always one of them and means the whole server */
export function createHealth(names: readonly string[], others: OtherServices, standing: Standing): Health {
  const services = new Set(['', ...names]);
  const changed$ = new Subject<void>();
  let trouble: string | undefined = 'the server is starting';
  let stopLooking = (): void => undefined;

  function become(next: string | undefined): void {
    if (next === trouble) return;
    trouble = next;
    changed$.next();
  }

  /** Nobody tells of a disk that is full, or has room again: it is looked at again and again. */
  function look(): void {
    become(standing.refusal()?.message);
    stopLooking = standing.clock.after(LOOK_MS, look);
  }

  /** Undefined: there is no such service, or it is one of clients that the caller may not call. */
  function statusOf(service: string, caller: Caller): health.HealthCheckResponse_ServingStatus | undefined {
    const status = trouble === undefined ? SERVING : NOT_SERVING;
    if (services.has(service)) return status;
    const isServed = mayCallSome(caller, service) ? others.isServed(service) : undefined;
    return isServed === undefined ? undefined : isServed ? status : NOT_SERVING;
  }

  return {
    handlers: {
      async check({ service }, { caller }) {
        const now = statusOf(service, caller);
        if (now === undefined) throw new ContactError('NOT_FOUND', `no service ${service}`, { field: 'service' });
        return { status: now };
      },

      async *watch({ service }, { caller, signal }) {
        let told: health.HealthCheckResponse_ServingStatus | undefined;
        while (!signal.aborted) {
          const now = statusOf(service, caller) ?? SERVICE_UNKNOWN;
          if (now === told) await firstValueFrom(merge(changed$, others.changed$, aborted$(signal)));
          else {
            told = now;
            yield { status: now };
          }
        }
      },
    },
    get trouble() {
      return trouble;
    },
    async start() {
      look();
    },
    async close() {
      stopLooking();
      become('the server is going');
      // Streams are ended next; one turn of the event loop lets those who watch pull the new status before.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
