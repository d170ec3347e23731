import { health } from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/grpc.ts';
import type { CallEnds } from './call.ts';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;
const STATUS_BYTES = 7;

/** grpc.health.v1 (the gRPC health checking protocol): one state for the whole server. */
export interface Health {
  readonly handlers: Handlers<typeof health.Health>;
  /** The server is going. */
  leave(): void;
}

/** @param names full names of the services that are asked for; '' is always one of them and means the whole server */
export function createHealth(names: readonly string[], ends: CallEnds): Health {
  const services = new Set(['', ...names]);
  // Bounded by open Watch calls.
  const watchers = new Set<() => void>();
  let status: health.HealthCheckResponse_ServingStatus = SERVING;

  return {
    handlers: {
      check: ends.unary(async ({ service }) => {
        if (!services.has(service)) throw new ContactError('NOT_FOUND', `no service ${service}`, { field: 'service' });
        return { status };
      }),
      watch(call) {
        const peer = call.getPeer();
        ends.open(call, peer);
        const out = ends.outflow(call, peer);
        const { service } = call.request;
        const tell = (): void =>
          void out.write({ status: services.has(service) ? status : SERVICE_UNKNOWN }, STATUS_BYTES);
        watchers.add(tell);
        const forget = (): void => void watchers.delete(tell);
        call.on('finish', forget);
        call.on('cancelled', forget);
        tell();
      },
    },
    leave() {
      status = NOT_SERVING;
      for (const tell of watchers) tell();
    },
  };
}
