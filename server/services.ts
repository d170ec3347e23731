import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { Server } from '@grpc/grpc-js';
import {
  AccessService,
  AdminService,
  ContactService,
  classic,
  EnrolmentService,
  health,
  reflection,
  reflectionV1alpha,
  TaskService,
} from '../gen/index.ts';
import type { HandCodecs } from '../shared/grpc.ts';
import { HAND_CODECS } from '../wire/index.ts';
import type { Api } from './api/api.ts';
import type { Audit } from './api/audit.ts';
import type { Agreement } from './api/events.ts';
import { createPace } from './api/pace.ts';
import type { Subsystem } from './subsystem.ts';
import { type Adapting, adaptHandlers } from './transport/adapt.ts';
import { checkRequest } from './transport/bounds.ts';
import type { CallEnds } from './transport/call.ts';
import { createTextStream } from './transport/classic.ts';
import { BACK_UP, CLASSIC_STATUS, HEALTH_WATCH, REFLECTION, WATCH_RESULTS, WATCH_TASK } from './transport/flows.ts';
import { createHealth, type Health, type Standing } from './transport/health.ts';
import { createEnqueueStream } from './transport/producer.ts';
import { createReflectionHandlers } from './transport/reflection.ts';
import { addService } from './transport/service.ts';
import { createWorkerStreams } from './transport/worker.ts';
import type { ServedServices } from './tunnel/served.ts';

/** One row of the table: a service, who answers it, and the codecs of its hot messages. */
export interface ServiceRow {
  readonly descriptor: DescService;
  register(server: Server, ends: CallEnds): void;
}

/** What answers a method of producers, observers and operators, whatever carries its requests. */
// biome-ignore lint/suspicious/noExplicitAny: each handler knows the messages of its own method.
export type FindHandler = (method: DescMethod) => any;

export interface Services {
  /** Every method of the table, and no other, is served from now on. */
  register(server: Server): void;
  readonly find: FindHandler;
  readonly health: Subsystem & Pick<Health, 'trouble'>;
}

/**
 * The one table of what is served: registration, health and reflection all read it.
 * @param reverse what carries calls to clients, whose messages are no requests of `api`
 * @param served the services of those clients
 * @param standing what the health of the server goes by
 */
export function createServices(
  api: Api,
  agreement: Agreement,
  ends: CallEnds,
  reverse: ServiceRow,
  served: ServedServices,
  standing: Standing,
  audit: Audit,
): Services {
  const tasks = audit<typeof TaskService, 'streamEnqueue'>(TaskService, api.tasks);
  const admin = audit(AdminService, api.admin);
  const access = audit(AccessService, api.access);
  const ours: readonly ServiceRow[] = [
    row(
      ContactService,
      { handlers: api.worker, flows: {}, own: createWorkerStreams(api.worker, agreement, ends) },
      HAND_CODECS,
    ),
    row(
      TaskService,
      {
        handlers: tasks,
        flows: { watchTask: WATCH_TASK, watchResults: WATCH_RESULTS },
        own: createEnqueueStream(api.openProducing, ends),
      },
      HAND_CODECS,
    ),
    row(AdminService, { handlers: admin, flows: { backUp: BACK_UP }, own: {} }),
    row(AccessService, { handlers: access, flows: {}, own: {} }),
    row(EnrolmentService, { handlers: audit(EnrolmentService, api.enrolment), flows: {}, own: {} }),
    reverse,
    row(classic.Contact, {
      handlers: api.classic,
      flows: { sendStatus: CLASSIC_STATUS },
      own: createTextStream(api.classic, ends),
    }),
  ];
  const alive = createHealth(
    ours.map(({ descriptor }) => descriptor.typeName),
    served,
    standing,
  );
  const standard = [health.Health, reflection.ServerReflection, reflectionV1alpha.ServerReflection] as const;
  const files = [...ours.map(({ descriptor }) => descriptor), ...standard].map(({ file }) => file);
  const [healthService, ...reflections] = standard;
  const pace = createPace();
  const table = [
    ...ours,
    row(healthService, { handlers: alive.handlers, flows: { watch: HEALTH_WATCH }, own: {} }),
    ...reflections.map((service) =>
      row(service, {
        handlers: createReflectionHandlers(service, files, served, pace),
        flows: { serverReflectionInfo: REFLECTION },
        own: {},
      }),
    ),
  ];

  return {
    register(server) {
      for (const each of table) each.register(server, ends);
    },
    find: findAmong([
      [TaskService, tasks],
      [AdminService, admin],
      [AccessService, access],
    ]),
    health: alive,
  };
}

function findAmong(table: readonly (readonly [DescService, object])[]): FindHandler {
  return ({ parent, localName }) => {
    const handlers = table.find(([{ typeName }]) => typeName === parent.typeName)?.[1];
    return (handlers as Readonly<Record<string, unknown>>)[localName];
  };
}

function row<S extends DescService, Own extends keyof S['method'] = never>(
  descriptor: S,
  adapting: Adapting<S, Own>,
  codecs?: HandCodecs,
): ServiceRow {
  return {
    descriptor,
    register: (server, ends) =>
      addService(server, descriptor, adaptHandlers(descriptor, adapting, ends), codecs, checkRequest),
  };
}
