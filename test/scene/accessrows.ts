import { randomBytes } from 'node:crypto';
import type { DescMethod, DescService, MessageInitShape } from '@bufbuild/protobuf';
import {
  AccessService,
  AdminService,
  ContactService,
  classic,
  EnrolmentService,
  FailureGrouping,
  health,
  ResultStart,
  ReverseService,
  Role,
  reflection,
  reflectionV1alpha,
  TaskService,
} from '../../gen/index.ts';
import { drawToken } from '../../server/access/token.ts';
import { newSessionId } from '../../shared/ids.ts';

/** What a call is about: something that its caller may have to do with, or not. */
export interface Target {
  readonly queue: string;
  readonly clientId: string;
  readonly taskId: string;
}

export type RoleName = 'worker' | 'producer' | 'observer' | 'operator';
export const ROLE_NAMES: readonly RoleName[] = ['worker', 'producer', 'observer', 'operator'];

/** What one who may call a method is told of a queue, a task or a client that is none of its own. */
export type Foreign = 'PERMISSION_DENIED' | 'NOT_FOUND' | 'unseen';

// biome-ignore lint/suspicious/noExplicitAny: answers of any method.
type Answers = readonly any[];

/** How a method is called, and by whom it may be. */
export interface AccessRow {
  readonly by: readonly RoleName[] | 'authenticated' | 'anybody' | 'join';
  ask(target: Target): readonly object[];
  headers?(target: Target): Readonly<Record<string, string>>;
  /** Answers after which it is left. */
  readonly answers?: number;
  /** What it comes to for whom it is; default: OK. */
  readonly comesTo?: string;
  /** Nothing of it belongs to a queue or a task; of `client`: to a client. */
  readonly queue?: Foreign;
  readonly client?: Foreign;
  /** Whether the answers have to do with the target. */
  sees?(answers: Answers, target: Target): boolean;
  /** The task of the target is in this state. */
  readonly state?: 'cancelled' | 'failed';
}

type Rows<S extends DescService> = { readonly [K in keyof S['method']]: AccessRow };
type Ask<M extends DescMethod> = MessageInitShape<M['input']>;

const WORKS = ['worker'] as const;
const PRODUCES = ['producer', 'operator'] as const;
const LOOKS = ['producer', 'observer', 'operator'] as const;
const OBSERVES = ['observer', 'operator'] as const;
const OPERATES = ['operator'] as const;

const asClient = ({ clientId }: Target) => ({ 'contact-client': clientId });
const nothing = () => [{}];
const ofQueue = ({ queue }: Target) => [{ queue }];
const ofClient = ({ clientId }: Target) => [{ clientId }];
const ofTask = ({ taskId }: Target) => [{ id: taskId }];
const ofTasks = ({ taskId }: Target) => [{ ids: [taskId] }];
const hasTask = ([{ ids }]: Answers, { taskId }: Target): boolean => ids.includes(taskId);
const drawn = () => {
  const { id, hash } = drawToken();
  return { id, secretHash: Buffer.from(hash, 'hex') };
};
const unknownId = (): string => drawToken().id;
const rightsOf = ({ queue, clientId }: Target) => ({ roles: [Role.WORKER], queues: [queue], clients: [clientId] });

const CONTACT: Rows<typeof ContactService> = {
  getTask: {
    by: WORKS,
    ask: ({ queue }): Ask<typeof ContactService.method.getTask>[] => [{ queues: [queue], ephemeral: true }],
    headers: asClient,
    answers: 1,
    queue: 'PERMISSION_DENIED',
    client: 'PERMISSION_DENIED',
  },
  sendStatus: {
    by: WORKS,
    ask: nothing,
    headers: (target) => ({ ...asClient(target), 'contact-session': newSessionId() }),
    // Its GetTask does not come.
    comesTo: 'FAILED_PRECONDITION',
    client: 'PERMISSION_DENIED',
  },
  tellResult: { by: WORKS, ask: nothing, headers: asClient, client: 'PERMISSION_DENIED' },
};

const CLASSIC: Rows<typeof classic.Contact> = {
  getTask: {
    by: WORKS,
    ask: nothing,
    headers: (target) => ({ ...asClient(target), 'contact-queue': target.queue }),
    answers: 1,
    queue: 'PERMISSION_DENIED',
    client: 'PERMISSION_DENIED',
  },
  sendStatus: { by: WORKS, ask: nothing, headers: asClient, client: 'PERMISSION_DENIED' },
  tellResult: {
    by: WORKS,
    ask: nothing,
    headers: ({ clientId, queue }) => ({
      'contact-client': clientId === 'robot-1' ? 'robot-8' : clientId,
      'contact-queue': queue,
    }),
    // It holds no task, as robot-1 does for as long as the window of its getTask is open.
    comesTo: 'FAILED_PRECONDITION',
    queue: 'PERMISSION_DENIED',
    client: 'PERMISSION_DENIED',
  },
};

const taskFor = ({ queue, clientId }: Target) => ({
  queue,
  target: { case: 'clientId' as const, value: clientId },
  expiry: { case: 'expiresAfterMs' as const, value: 20 },
});

const TASKS: Rows<typeof TaskService> = {
  enqueueTasks: {
    by: PRODUCES,
    ask: (target): Ask<typeof TaskService.method.enqueueTasks>[] => [{ tasks: [taskFor(target)] }],
    queue: 'PERMISSION_DENIED',
    client: 'PERMISSION_DENIED',
  },
  streamEnqueue: {
    by: PRODUCES,
    ask: (target): Ask<typeof TaskService.method.streamEnqueue>[] => [{ tasks: [taskFor(target)] }],
    queue: 'unseen',
    client: 'unseen',
    // A batch is refused in words of the stream, which goes on.
    sees: (answers) => answers[1].event.case === 'stored',
  },
  callTask: {
    by: PRODUCES,
    ask: (target): Ask<typeof TaskService.method.callTask>[] => [{ task: taskFor(target) }],
    queue: 'PERMISSION_DENIED',
    client: 'PERMISSION_DENIED',
  },
  describeTask: { by: LOOKS, ask: ofTask, queue: 'NOT_FOUND' },
  listTasks: {
    by: LOOKS,
    ask: nothing,
    queue: 'unseen',
    sees: ([{ tasks }], { taskId }) => tasks.some(({ id }: { id: string }) => id === taskId),
  },
  countTasks: {
    by: LOOKS,
    ask: ({ queue }): Ask<typeof TaskService.method.countTasks>[] => [{ filter: { queues: [queue] } }],
    queue: 'unseen',
    sees: ([{ ready }]) => ready > 0n,
  },
  watchTask: { by: LOOKS, ask: ofTask, answers: 1, queue: 'NOT_FOUND' },
  watchResults: {
    by: OBSERVES,
    ask: (): Ask<typeof TaskService.method.watchResults>[] => [{ start: ResultStart.OLDEST }],
    queue: 'unseen',
    state: 'cancelled',
    sees: (answers, target) =>
      answers.some(({ events }) => events.some(({ taskId }: { taskId: string }) => taskId === target.taskId)),
  },
  cancelTasks: { by: PRODUCES, ask: ofTasks, queue: 'unseen', sees: ([{ tasks }]) => tasks[0].refused !== 'NOT_FOUND' },
  retryTasks: { by: OPERATES, ask: ofTasks, queue: 'unseen', state: 'failed', sees: hasTask },
  deleteTasks: { by: OPERATES, ask: ofTasks, queue: 'unseen', state: 'cancelled', sees: hasTask },
};

const ADMIN: Rows<typeof AdminService> = {
  listQueues: {
    by: OBSERVES,
    ask: (): Ask<typeof AdminService.method.listQueues>[] => [{ pageSize: 500 }],
    queue: 'unseen',
    sees: ([{ queues }], { queue }) => queues.some(({ name }: { name: string }) => name === queue),
  },
  pauseQueue: { by: OPERATES, ask: ofQueue, queue: 'PERMISSION_DENIED' },
  resumeQueue: { by: OPERATES, ask: ofQueue, queue: 'PERMISSION_DENIED' },
  setQueueLimits: { by: OPERATES, ask: ofQueue, queue: 'PERMISSION_DENIED' },
  setQueueRetention: { by: OPERATES, ask: ofQueue, queue: 'PERMISSION_DENIED' },
  purgeQueue: { by: OPERATES, ask: ofQueue, queue: 'PERMISSION_DENIED' },
  deleteQueue: { by: OPERATES, ask: ({ queue }) => [{ queue, dryRun: true }], queue: 'PERMISSION_DENIED' },
  listFailures: {
    by: OBSERVES,
    ask: (): Ask<typeof AdminService.method.listFailures>[] => [{ by: FailureGrouping.QUEUE, maxGroups: 500 }],
    queue: 'unseen',
    state: 'failed',
    sees: ([{ groups }], { taskId }) => groups.some(({ taskIds }: { taskIds: string[] }) => taskIds.includes(taskId)),
  },
  getHistory: {
    by: OBSERVES,
    ask: nothing,
    queue: 'unseen',
    sees: ([{ queues }], { queue }) => queues.some((one: { queue: string }) => one.queue === queue),
  },
  listActs: {
    by: OPERATES,
    ask: (): Ask<typeof AdminService.method.listActs>[] => [{ pageSize: 500 }],
    queue: 'unseen',
    state: 'cancelled',
    sees: ([{ acts }], { queue }) => acts.some((act: { queue: string }) => act.queue === queue),
  },
  listClients: {
    by: OBSERVES,
    ask: nothing,
    client: 'unseen',
    sees: ([{ clients }], { clientId }) => clients.some(({ id }: { id: string }) => id === clientId),
  },
  describeClient: { by: OBSERVES, ask: ofClient, client: 'NOT_FOUND' },
  drainClient: { by: OPERATES, ask: ofClient, client: 'NOT_FOUND' },
  resumeClient: { by: OPERATES, ask: ofClient, client: 'NOT_FOUND' },
  disconnectClient: { by: OPERATES, ask: ofClient, client: 'NOT_FOUND' },
  // Of those of the caller one is away.
  forgetClient: {
    by: OPERATES,
    ask: ({ clientId }) => [{ clientId: clientId === 'robot-1' ? 'robot-2' : clientId }],
    client: 'NOT_FOUND',
  },
  getServerInfo: { by: 'authenticated', ask: nothing },
  // None of these callers has every queue and every client.
  backUp: { by: OPERATES, ask: nothing, comesTo: 'PERMISSION_DENIED' },
};

const ACCESS: Rows<typeof AccessService> = {
  createToken: {
    by: OPERATES,
    ask: (target) => [{ ...drawn(), name: `t-${unknownId()}`, rights: rightsOf(target) }],
    queue: 'PERMISSION_DENIED',
    client: 'PERMISSION_DENIED',
  },
  createJoin: {
    by: OPERATES,
    ask: (target) => [{ ...drawn(), name: `j-${unknownId()}`, rights: rightsOf(target) }],
    queue: 'PERMISSION_DENIED',
    client: 'PERMISSION_DENIED',
  },
  listCredentials: { by: OPERATES, ask: nothing },
  revokeCredential: { by: OPERATES, ask: () => [{ id: unknownId() }], comesTo: 'NOT_FOUND' },
  rotateCredential: {
    by: OPERATES,
    ask: () => {
      const { id: newId, secretHash } = drawn();
      return [{ id: unknownId(), newId, secretHash }];
    },
    comesTo: 'NOT_FOUND',
  },
  describeCaller: { by: 'authenticated', ask: nothing },
};

const ENROLMENT: Rows<typeof EnrolmentService> = {
  // The client id of the target is taken.
  enrol: { by: 'join', ask: ({ clientId }) => [{ ...drawn(), clientId: `${clientId}-${unknownId()}` }] },
  // None of these callers came by a join.
  renew: { by: 'authenticated', ask: () => [drawn()], comesTo: 'FAILED_PRECONDITION' },
};

const REVERSE: Rows<typeof ReverseService> = {
  serve: {
    by: WORKS,
    ask: (): Ask<typeof ReverseService.method.serve>[] => [{ announce: { methods: ['echo.Echo/Unary'] } }],
    headers: (target) => ({ ...asClient(target), 'contact-session': randomBytes(16).toString('hex') }),
    answers: 1,
    client: 'PERMISSION_DENIED',
  },
};

const HEALTH: Rows<typeof health.Health> = {
  check: { by: 'anybody', ask: nothing },
  watch: { by: 'anybody', ask: nothing, answers: 1 },
};

const REFLECTION = {
  serverReflectionInfo: {
    by: 'authenticated',
    ask: () => [{ messageRequest: { case: 'listServices', value: '' } }],
  },
} as const satisfies Rows<typeof reflection.ServerReflection>;

/** Every method of the server, with how it is called. */
export const ACCESS_ROWS: readonly (readonly [DescService, Readonly<Record<string, AccessRow>>])[] = [
  [ContactService, CONTACT],
  [classic.Contact, CLASSIC],
  [TaskService, TASKS],
  [AdminService, ADMIN],
  [AccessService, ACCESS],
  [EnrolmentService, ENROLMENT],
  [ReverseService, REVERSE],
  [health.Health, HEALTH],
  [reflection.ServerReflection, REFLECTION],
  [reflectionV1alpha.ServerReflection, REFLECTION],
];
