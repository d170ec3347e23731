import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  type CallOptions,
  Channel,
  type ChannelOptions,
  credentials,
  InterceptingCall,
  type Interceptor,
  status,
} from '@grpc/grpc-js';
import {
  AdminService,
  ContactService,
  classic,
  health,
  type NewTaskSchema,
  reflection,
  reflectionV1alpha,
  type Task,
  TaskService,
} from '../../gen/index.ts';
import { createClient, type GrpcClient, methodPath } from '../../shared/grpc.ts';
import { atEnd } from './end.ts';

/** All that a server serves. */
export const SERVICES: readonly DescService[] = [
  ContactService,
  TaskService,
  AdminService,
  classic.Contact,
  health.Health,
  reflection.ServerReflection,
  reflectionV1alpha.ServerReflection,
];

/** Clients of every service over one connection of their own. */
export interface Clients {
  readonly channel: Channel;
  readonly contact: GrpcClient<typeof ContactService>;
  readonly tasks: GrpcClient<typeof TaskService>;
  readonly admin: GrpcClient<typeof AdminService>;
  readonly classic: GrpcClient<typeof classic.Contact>;
  readonly health: GrpcClient<typeof health.Health>;
  readonly reflection: GrpcClient<typeof reflection.ServerReflection>;
  readonly reflectionV1alpha: GrpcClient<typeof reflectionV1alpha.ServerReflection>;
}

/** @param token sent with every call */
export function connect(
  { address }: { readonly address: string },
  options: ChannelOptions = {},
  token?: string,
): Clients {
  // Else every channel of the process to one address shares one connection.
  const channel = new Channel(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 200,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    ...options,
  });
  atEnd(() => channel.close());
  const open = <S extends Parameters<typeof createClient>[0]>(service: S): GrpcClient<S> =>
    createClient(service, address, credentials.createInsecure(), {
      channelOverride: channel,
      ...(token === undefined ? {} : { interceptors: [sendToken(token)] }),
    });
  return {
    channel,
    contact: open(ContactService),
    tasks: open(TaskService),
    admin: open(AdminService),
    classic: open(classic.Contact),
    health: open(health.Health),
    reflection: open(reflection.ServerReflection),
    reflectionV1alpha: open(reflectionV1alpha.ServerReflection),
  };
}

function sendToken(token: string): Interceptor {
  return (options, next) =>
    new InterceptingCall(next(options), {
      start(metadata, listener, start) {
        metadata.set('authorization', `Bearer ${token}`);
        start(metadata, listener);
      },
    });
}

/** The answer of a unary call: `ask(clients, TaskService.method.describeTask, { id })`. */
export function ask<I extends DescMessage, O extends DescMessage>(
  { tasks }: Clients,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions = {},
): Promise<MessageShape<O>> {
  const serialize = (message: MessageInitShape<I>): Buffer =>
    Buffer.from(toBinary(method.input, create(method.input, message)));
  const deserialize = (bytes: Buffer): MessageShape<O> => fromBinary(method.output, bytes);
  return new Promise((resolve, reject) => {
    // Any client of the channel can call any method.
    tasks.makeUnaryRequest(methodPath(method), serialize, deserialize, request, options, (error, value) => {
      if (error) reject(error);
      else resolve(value!);
    });
  });
}

/** The code and words that a promise is refused with: `NOT_FOUND id: no task …`. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const { code, details } = error as { code: status; details: string };
    return `${status[code]} ${details}`;
  }
  return 'OK';
}

export type TaskInit = MessageInitShape<typeof NewTaskSchema>;

/** Enqueues as one batch and answers the ids. */
export async function enqueue(clients: Clients, ...batch: TaskInit[]): Promise<string[]> {
  const tasks = batch.map((task) => ({ queue: 'q', ...task }));
  const stored = await ask(clients, TaskService.method.enqueueTasks, { tasks });
  return stored.tasks.map(({ id }) => id);
}

/** Many small tasks; the payload of each is its number. */
export function enqueueMany(clients: Clients, count: number, task: TaskInit = {}): Promise<string[]> {
  return enqueue(clients, ...Array.from({ length: count }, (_, n) => ({ payload: Buffer.from(String(n)), ...task })));
}

export async function describeTask(clients: Clients, id: string): Promise<Task> {
  return (await ask(clients, TaskService.method.describeTask, { id })).task!;
}
