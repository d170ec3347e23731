import type { DescService } from '@bufbuild/protobuf';
import {
  AccessService,
  AdminService,
  ContactService,
  classic,
  EnrolmentService,
  health,
  ReverseService,
  reflection,
  reflectionV1alpha,
  TaskService,
} from '../../gen/index.ts';
import type { Role } from '../model/access.ts';
import { asFarAs, type Caller } from '../model/caller.ts';

/**
 * Who may call a method: those with one of these roles, whoever is known, whoever reaches the server, or who has a join
 * and nothing else.
 */
export type Admission = readonly Role[] | 'authenticated' | 'anybody' | 'join';

/** One row for each method: the compiler asks for those that are missing. */
type Rows<S extends DescService> = { readonly [K in keyof S['method']]: Admission };

const WORKS: Admission = ['worker'];
const PRODUCES: Admission = ['producer', 'operator'];
const LOOKS: Admission = ['producer', 'observer', 'operator'];
const OBSERVES: Admission = ['observer', 'operator'];
const OPERATES: Admission = ['operator'];

const CONTACT: Rows<typeof ContactService> = { getTask: WORKS, sendStatus: WORKS, tellResult: WORKS };

const CLASSIC: Rows<typeof classic.Contact> = { getTask: WORKS, sendStatus: WORKS, tellResult: WORKS };

const TASKS: Rows<typeof TaskService> = {
  enqueueTasks: PRODUCES,
  streamEnqueue: PRODUCES,
  callTask: PRODUCES,
  cancelTasks: PRODUCES,
  describeTask: LOOKS,
  listTasks: LOOKS,
  countTasks: LOOKS,
  watchTask: LOOKS,
  watchResults: OBSERVES,
  retryTasks: OPERATES,
  deleteTasks: OPERATES,
};

const ADMIN: Rows<typeof AdminService> = {
  listQueues: OBSERVES,
  listFailures: OBSERVES,
  getHistory: OBSERVES,
  listActs: OPERATES,
  listClients: OBSERVES,
  describeClient: OBSERVES,
  // What every program may ask that wants to know whom it talks to.
  getServerInfo: 'authenticated',
  pauseQueue: OPERATES,
  resumeQueue: OPERATES,
  setQueueLimits: OPERATES,
  setQueueRetention: OPERATES,
  purgeQueue: OPERATES,
  deleteQueue: OPERATES,
  drainClient: OPERATES,
  resumeClient: OPERATES,
  disconnectClient: OPERATES,
  forgetClient: OPERATES,
  backUp: OPERATES,
};

const ACCESS: Rows<typeof AccessService> = {
  createToken: OPERATES,
  createJoin: OPERATES,
  listCredentials: OPERATES,
  revokeCredential: OPERATES,
  rotateCredential: OPERATES,
  describeCaller: 'authenticated',
};

const ENROLMENT: Rows<typeof EnrolmentService> = { enrol: 'join', renew: 'authenticated' };

const REVERSE: Rows<typeof ReverseService> = { serve: WORKS };

/** Probes have no credentials. */
const HEALTH: Rows<typeof health.Health> = { check: 'anybody', watch: 'anybody' };

const REFLECTION = { serverReflectionInfo: 'authenticated' } as const;

const TABLE: readonly (readonly [DescService, Readonly<Record<string, Admission>>])[] = [
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

const admissionByPath: ReadonlyMap<string, Admission> = new Map(
  TABLE.flatMap(([service, rows]) =>
    service.methods.map((method) => [`/${service.typeName}/${method.name}`, rows[method.localName]!] as const),
  ),
);

/**
 * Who may call what is at this path. A method that is none of the server's own is a client's, or nobody's: which of them
 * only callers that are known are told.
 */
export function admissionOf(path: string): Admission {
  return admissionByPath.get(path) ?? 'authenticated';
}

/** Whether a caller has one of the roles that the method at `path` asks for. */
export function isAdmitted({ roles, kind }: Caller, admission: Admission): boolean {
  if (admission === 'anybody') return true;
  if (admission === 'join' || kind === 'join') return admission === 'join' && kind === 'join';
  if (kind === 'anonymous') return false;
  return admission === 'authenticated' || admission.some((role) => roles.has(role));
}

/** What the caller may of a method: by its rights that have one of the roles for it, and by no other. */
export function asAdmitted(caller: Caller, admission: Admission): Caller {
  if (!caller.parts || typeof admission === 'string') return caller;
  const byAdmission = admittedByCaller.get(caller) ?? new Map<Admission, Caller>();
  admittedByCaller.set(caller, byAdmission);
  const admitted = byAdmission.get(admission) ?? asFarAs(caller, (part) => isAdmitted(part, admission));
  byAdmission.set(admission, admitted);
  return admitted;
}

/** Made once for each caller, of whom some are remembered; a table has few admissions. */
const admittedByCaller = new WeakMap<Caller, Map<Admission, Caller>>();

/** Paths whose caller is the client that it names: `{client}` in its patterns stands for that. */
export function isOfClient(path: string): boolean {
  return admissionByPath.get(path) === WORKS;
}
