import type { DescService } from '@bufbuild/protobuf';
import type { Server } from '@grpc/grpc-js';
import {
  AdminService,
  ContactService,
  classic,
  health,
  reflection,
  reflectionV1alpha,
  TaskService,
} from '../gen/index.ts';
import type { Clock } from '../shared/clock.ts';
import type { HandCodecs, Handlers } from '../shared/grpc.ts';
import { HAND_CODECS } from '../wire/index.ts';
import type { Agreement } from './api/events.ts';
import type { TaskQueue } from './dispatch/queue.ts';
import type { Registry } from './session/registry.ts';
import { createAdminHandlers } from './transport/admin.ts';
import { checkRequest } from './transport/bounds.ts';
import type { CallEnds } from './transport/call.ts';
import { createClassicHandlers } from './transport/classic.ts';
import { createHealth } from './transport/health.ts';
import { createReflectionHandlers } from './transport/reflection.ts';
import { addService } from './transport/service.ts';
import { createTaskHandlers } from './transport/task_service.ts';
import { createWorkerHandlers } from './transport/worker.ts';

/** What the handlers of all services are made of. */
export interface ServiceParts {
  readonly queue: TaskQueue;
  readonly registry: Registry;
  readonly ends: CallEnds;
  readonly clock: Clock;
  readonly agreement: Agreement;
  readonly version: string;
  readonly node: string;
  readonly maxPayloadBytes: number;
  readonly maxResultBytes: number;
  readonly classicSettleOnWrite: boolean;
}

/** One row of the table: a service, who answers it, and the codecs of its hot messages. */
interface ServiceRow {
  readonly descriptor: DescService;
  register(server: Server): void;
}

export interface Services {
  /** Every method of the table, and no other, is served from now on. */
  register(server: Server): void;
  /** Health says from now on that the server is going. */
  leave(): void;
}

/** The one table of what is served: registration, health and reflection all read it. */
export function createServices(parts: ServiceParts): Services {
  const { queue, registry, ends, clock, agreement, version, node, classicSettleOnWrite: settleOnWrite } = parts;
  const { maxPayloadBytes, maxResultBytes } = parts;
  const windowMs = agreement.resumeWindowMs;

  const ours: readonly ServiceRow[] = [
    row(ContactService, createWorkerHandlers({ registry, ends, agreement }), HAND_CODECS),
    row(TaskService, createTaskHandlers({ queue, registry, ends, clock, agreement, maxPayloadBytes }), HAND_CODECS),
    row(AdminService, createAdminHandlers({ queue, registry, ends, agreement, version, node, startedAt: clock.now() })),
    row(classic.Contact, createClassicHandlers({ registry, ends, clock, windowMs, maxResultBytes, settleOnWrite })),
  ];
  const alive = createHealth(
    ours.map(({ descriptor }) => descriptor.typeName),
    ends,
  );
  const standard = [health.Health, reflection.ServerReflection, reflectionV1alpha.ServerReflection] as const;
  const files = [...ours.map(({ descriptor }) => descriptor), ...standard].map(({ file }) => file);
  const [healthService, ...reflections] = standard;
  const table = [
    ...ours,
    row(healthService, alive.handlers),
    ...reflections.map((service) => row(service, createReflectionHandlers(service, files, ends))),
  ];

  return {
    register(server) {
      for (const each of table) each.register(server);
    },
    leave: alive.leave,
  };
}

function row<S extends DescService>(descriptor: S, handlers: Handlers<S>, codecs?: HandCodecs): ServiceRow {
  return { descriptor, register: (server) => addService(server, descriptor, handlers, codecs, checkRequest) };
}
