import { firstValueFrom, merge, type Observable, Subject } from 'rxjs';
import { health } from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import { aborted$ } from '../api/context.ts';
import type { Handlers } from '../api/handler.ts';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;

/**
 * grpc.health.v1 (the gRPC health checking protocol), a subsystem: one state for the whole server. Watchers are bounded
 * by open calls.
 */
export interface Health {
  readonly handlers: Handlers<typeof health.Health>;
  /** The server serves. */
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

/** @param names full names of the services that are asked for; '' is always one of them and means the whole server */
export function createHealth(names: readonly string[], others: OtherServices): Health {
  const services = new Set(['', ...names]);
  const changed$ = new Subject<void>();
  let status: health.HealthCheckResponse_ServingStatus = NOT_SERVING;

  function become(next: typeof status): void {
    status = next;
    changed$.next();
  }

  /** Undefined: there is no such service. */
  function statusOf(service: string): typeof status | undefined {
    if (services.has(service)) return status;
    const isServed = others.isServed(service);
    return isServed === undefined ? undefined : isServed ? status : NOT_SERVING;
  }

  return {
    handlers: {
      async check({ service }) {
        const now = statusOf(service);
        if (now === undefined) throw new ContactError('NOT_FOUND', `no service ${service}`, { field: 'service' });
        return { status: now };
      },

      async *watch({ service }, { signal }) {
        let told: typeof status | undefined;
        while (!signal.aborted) {
          const now = statusOf(service) ?? SERVICE_UNKNOWN;
          if (now === told) await firstValueFrom(merge(changed$, others.changed$, aborted$(signal)));
          else {
            told = now;
            yield { status: now };
          }
        }
      },
    },
    async start() {
      become(SERVING);
    },
    async close() {
      become(NOT_SERVING);
      // Streams are ended next; one turn of the event loop lets those who watch pull the new status before.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
