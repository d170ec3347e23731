import { type DescMessage, type DescService, type MessageShape, toJson } from '@bufbuild/protobuf';
import { type Rights, RightsSchema, type TaskFilter, TaskFilterSchema } from '../../gen/index.ts';
import { ContactError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { cutText } from '../../shared/text.ts';
import { nameCaller } from '../model/caller.ts';
import type { Context } from './context.ts';
import type { Handlers } from './handler.ts';

/** What a line tells of a request; no request is told that has nothing to tell. */
type Described = Readonly<Record<string, unknown>> | undefined;

/** Any request or answer, its fields by their names. */
// biome-ignore lint/suspicious/noExplicitAny: each row of the table knows the message of its own method.
type AnyMessage = any;

interface Audited {
  describe(request: AnyMessage): Described;
  /** What came of it; null: nothing did, and nothing is told. */
  tell?(answer: AnyMessage): Described | null;
}

/** Texts are those of the caller, and were perhaps refused for their length. */
const MAX_TEXT = 256;
const MAX_FILTER = 1_024;

/** Each of them takes six bytes of a line of JSON. */
const CONTROLS = /[\p{Cc}\p{Cs}]/gu;

const cut = (text: string): string => cutText(text, MAX_TEXT).replace(CONTROLS, '?');
/** Also of one that is refused, and perhaps because no JSON is of it: an instant that no calendar has, say. */
function show<D extends DescMessage>(schema: D, message: MessageShape<D>): string {
  try {
    return cutText(JSON.stringify(toJson(schema, message)), MAX_FILTER);
  } catch {
    return 'not valid';
  }
}
const showFilter = (filter: TaskFilter | undefined): Described => filter && { filter: show(TaskFilterSchema, filter) };
const showRights = (rights: Rights | undefined): string | undefined => rights && show(RightsSchema, rights);
const ofQueue = ({ queue }: AnyMessage): Described => ({ queue: cut(queue) });
const ofClient = ({ clientId }: AnyMessage): Described => ({ client: cut(clientId) });
const ofCredential = ({ id }: AnyMessage): Described => ({ credential: cut(id) });
const tellTotal = ({ total }: AnyMessage): Described => ({ total });

/**
 * What operators do, by the path of its method. By ids tasks are cancelled, run again and deleted by programs, for each task:
 * that is not told.
 */
const AUDITED: ReadonlyMap<string, Audited> = new Map<string, Audited>([
  ['contact.v1.AdminService/PauseQueue', { describe: ofQueue }],
  ['contact.v1.AdminService/ResumeQueue', { describe: ofQueue }],
  [
    'contact.v1.AdminService/SetQueueLimits',
    {
      describe: ({ queue, limits }) => ({
        queue: cut(queue),
        maxWaiting: limits?.maxWaiting ?? 0,
        maxRunning: limits?.maxRunning ?? 0,
      }),
    },
  ],
  [
    'contact.v1.AdminService/SetQueueRetention',
    {
      describe: ({ queue, retention }) => ({
        queue: cut(queue),
        retention: retention ? { seconds: retention.seconds, max: retention.max } : 'default',
      }),
    },
  ],
  ['contact.v1.AdminService/PurgeQueue', { describe: ofQueue, tell: ({ cancelled }) => ({ total: cancelled }) }],
  [
    'contact.v1.AdminService/DeleteQueue',
    {
      // Who asks what would be done does nothing.
      describe: ({ queue, withTasks, dryRun }) => (dryRun ? undefined : { queue: cut(queue), withTasks }),
      // One who waits for what runs asks again and again.
      tell: ({ cancelled, askedToStop, forgotten, deleted }) =>
        deleted || cancelled + askedToStop + forgotten > 0 ? { cancelled, askedToStop, forgotten, deleted } : null,
    },
  ],
  ['contact.v1.AdminService/DrainClient', { describe: ofClient }],
  ['contact.v1.AdminService/ResumeClient', { describe: ofClient }],
  ['contact.v1.AdminService/DisconnectClient', { describe: ofClient, tell: ({ sessions }) => ({ sessions }) }],
  ['contact.v1.AdminService/ForgetClient', { describe: ofClient }],
  ['contact.v1.AdminService/BackUp', { describe: () => ({}) }],
  ['contact.v1.TaskService/CancelTasks', { describe: ({ filter }) => showFilter(filter), tell: tellTotal }],
  ['contact.v1.TaskService/RetryTasks', { describe: ({ filter }) => showFilter(filter), tell: tellTotal }],
  ['contact.v1.TaskService/DeleteTasks', { describe: ({ filter }) => showFilter(filter), tell: tellTotal }],
  [
    'contact.v1.AccessService/CreateToken',
    { describe: ({ id, name, rights }) => ({ credential: cut(id), name: cut(name), rights: showRights(rights) }) },
  ],
  [
    'contact.v1.AccessService/CreateJoin',
    {
      describe: ({ id, name, rights, uses }) => ({
        credential: cut(id),
        name: cut(name),
        rights: showRights(rights),
        uses,
      }),
    },
  ],
  [
    'contact.v1.AccessService/RevokeCredential',
    {
      describe: ({ id, withWhatItMade }) => ({ credential: cut(id), ...(withWhatItMade ? { withWhatItMade } : {}) }),
      tell: ({ revokedCount }) => ({ total: revokedCount }),
    },
  ],
  [
    'contact.v1.AccessService/RotateCredential',
    { describe: ({ id, newId }) => ({ credential: cut(id), newCredential: cut(newId) }) },
  ],
  [
    'contact.v1.EnrolmentService/Enrol',
    { describe: ({ id, clientId }) => ({ credential: cut(id), client: cut(clientId) }) },
  ],
  ['contact.v1.EnrolmentService/Renew', { describe: ofCredential }],
]);

/** The same handlers, which tell the log what operators did: who, from where, what, and what came of it. */
export type Audit = <S extends DescService, Own extends keyof S['method']>(
  service: S,
  handlers: Handlers<S, Own>,
) => Handlers<S, Own>;

/** Where lines go, by who causes them: what anybody may cause has a pace. */
export interface AuditLogs {
  /** What operators did: each line is written. */
  readonly done: Logger;
  /** What others did, clients that come by a join say, and what operators asked for in vain. */
  readonly others: Logger;
  /** What others did not do: they were refused, or there was nothing that they meant. */
  readonly vain: Logger;
}

export function createAudit(logs: AuditLogs): Audit {
  return (service, handlers) => {
    const told = Object.entries<AnyMessage>(handlers).map(([name, handle]) => {
      const method = service.method[name];
      const audited = method && AUDITED.get(`${service.typeName}/${method.name}`);
      if (!audited) return [name, handle];
      const note = createNote(logs, method.name, audited);
      return [name, method.methodKind === 'unary' ? auditOne(handle, note) : auditMany(handle, note)];
    });
    return Object.fromEntries(told);
  };
}

type Note = (request: MessageShape<never>, context: Context, outcome: unknown, answer?: unknown) => void;

function createNote(logs: AuditLogs, action: string, { describe, tell }: Audited): Note {
  return (request, { caller, peer }, outcome, answer) => {
    const what = describe(request);
    if (!what) return;
    const told = outcome === undefined ? tell?.(answer) : undefined;
    if (told === null) return;
    const came = outcome === undefined ? { outcome: 'ok', ...told } : { outcome: codeOf(outcome) };
    const isDone = outcome === undefined && (answer as AnyMessage)?.total !== 0;
    const isOperators = caller.roles.has('operator');
    const log = isOperators && isDone ? logs.done : isOperators || isDone ? logs.others : logs.vain;
    log.info({ audit: true, principal: nameCaller(caller), peer, action, ...what, ...came }, 'operator');
  };
}

function codeOf(error: unknown): string {
  return error instanceof ContactError ? error.code : 'INTERNAL';
}

function auditOne(handle: AnyMessage, note: Note) {
  return async (request: never, context: Context): Promise<unknown> => {
    try {
      const answer = await handle(request, context);
      note(request, context, undefined, answer);
      return answer;
    } catch (error) {
      note(request, context, error);
      throw error;
    }
  };
}

/** A stream of answers is told at its end; one that nobody reads to its end was abandoned. */
function auditMany(handle: AnyMessage, note: Note) {
  return async function* told(request: never, context: Context): AsyncGenerator<unknown> {
    let outcome: unknown = new ContactError('CANCELLED', 'abandoned');
    try {
      yield* handle(request, context);
      outcome = undefined;
    } catch (error) {
      outcome = error;
      throw error;
    } finally {
      note(request, context, outcome, {});
    }
  };
}
