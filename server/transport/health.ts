import { AdminService, ContactService, classic, health, TaskService } from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/grpc.ts';
import type { CallEnds } from './call.ts';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;

/** grpc.health.v1 (the gRPC health checking protocol): one state for the whole server. */
export interface Health {
  readonly handlers: Handlers<typeof health.Health>;
  /** The server is going. */
  leave(): void;
}

export function createHealth(ends: CallEnds): Health {
  const services = new Set([
    '',
    ...[ContactService, TaskService, AdminService, classic.Contact].map(({ typeName }) => typeName),
  ]);
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
        ends.open(call, call.getPeer());
        const { service } = call.request;
        const tell = (): void => void call.write({ status: services.has(service) ? status : SERVICE_UNKNOWN });
        watchers.add(tell);
        call.on('cancelled', () => watchers.delete(tell));
        tell();
      },
    },
    leave() {
      status = NOT_SERVING;
      for (const tell of watchers) tell();
    },
  };
}
