import { AccessService, type ActKind, ActKindSchema, AdminService, FailureGrouping } from '../../../gen/index.ts';
import { callerToJson, credentialToJson } from '../../../json/access.ts';
import { actToJson } from '../../../json/act.ts';
import { historyToJson } from '../../../json/history.ts';
import { failureGroupToJson, serverToJson } from '../../../json/server.ts';
import { invalid } from '../../../shared/errors.ts';
import { anything, flag, instant, many, text, whole, word } from '../fields.ts';
import { NEXT, PAGE } from '../filter.ts';
import { one, type Route } from '../route.ts';

const SECOND_MS = 1_000;
const GROUPINGS = {
  error: FailureGrouping.ERROR,
  client: FailureGrouping.CLIENT,
  queue: FailureGrouping.QUEUE,
} as const;

const KINDS: ReadonlyMap<string, ActKind> = new Map<string, ActKind>(
  ActKindSchema.values
    .filter(({ number }) => number > 0)
    .map(({ localName, number }) => [localName.toLowerCase(), number as ActKind]),
);

/** What failed, who did what, whom the server takes the caller for, and what it is like. */
export const SERVER_ROUTES: readonly Route[] = [
  one({
    verb: 'GET',
    path: '/v1/failures',
    method: AdminService.method.listFailures,
    summary: 'What failed of the tasks that are kept, in groups, those with the most failures first.',
    query: {
      since: instant('Only what failed after this instant.'),
      by: word('What is alike in a group; default: the error.', ['error', 'client', 'queue']),
      queue: many(text('Only of these queues.')),
      limit: whole('At most so many groups, up to 500; default 100.'),
    },
    answers: {
      list: 'groups',
      of: 'FailureGroup',
      beside: {
        otherGroups: whole('Groups beyond these.'),
        otherFailures: whole('What is in those.'),
      },
    },
    ask: ({ since, by = 'error', queue = [], limit = 0 }) => ({
      since,
      by: GROUPINGS[by],
      queues: queue,
      maxGroups: limit,
    }),
    tell: ({ groups, otherGroups, otherFailures }) => ({
      body: { groups: groups.map(failureGroupToJson), otherGroups, otherFailures: Number(otherFailures) },
    }),
  }),
  one({
    verb: 'GET',
    path: '/v1/history',
    method: AdminService.method.getHistory,
    summary: 'What queues did within the last hour, in steps, by name; and `total`, what all did together.',
    query: {
      queue: many(text('Only of these queues, at most 100.')),
      since: instant('From the step of this instant on; default: all that is kept.'),
      stepMs: whole('Milliseconds of one step, a multiple of 10,000; default: 10,000.'),
      totalOnly: flag('Of no queue, but of all of them together.'),
    },
    answers: {
      list: 'queues',
      of: 'QueueHistory',
      beside: { total: anything('The same of all queues together; absent for a caller who may not see all.') },
    },
    ask({ queue = [], since, stepMs = 0, totalOnly = false }) {
      if (stepMs % SECOND_MS !== 0) throw invalid('stepMs', 'expected a multiple of 10,000');
      return { queues: queue, since, stepSeconds: stepMs / SECOND_MS, totalOnly };
    },
    tell: (answer) => ({
      body: {
        queues: answer.queues.map((history) => historyToJson(history, answer)),
        total: answer.total && historyToJson(answer.total, answer),
      },
    }),
  }),
  one({
    verb: 'GET',
    path: '/v1/acts',
    method: AdminService.method.listActs,
    summary: 'Who did what, the newest first.',
    query: {
      since: instant('Only since this instant.'),
      queue: many(text('Only of these queues.')),
      by: many(text('Only by these principals.')),
      kind: many(word('Only of these kinds.', [...KINDS.keys()])),
      ...PAGE,
    },
    answers: { list: 'acts', of: 'Act', beside: NEXT },
    ask: ({ since, queue = [], by = [], kind = [], limit = 0, page = '' }) => ({
      since,
      queues: queue,
      by,
      kinds: kind.map((one) => KINDS.get(one)!),
      pageSize: limit,
      pageToken: page,
    }),
    tell: ({ acts, nextPageToken: next }) => ({ body: { acts: acts.map(actToJson), ...(next !== '' && { next }) } }),
  }),
  one({
    verb: 'GET',
    path: '/v1/server',
    method: AdminService.method.getServerInfo,
    summary: 'What the server is like: its version, limits, and to operators how full it is.',
    answers: 'Server',
    ask: () => ({}),
    tell: (info) => ({ body: serverToJson(info) }),
  }),
  one({
    verb: 'GET',
    path: '/v1/whoami',
    method: AccessService.method.describeCaller,
    summary: 'Whom the server takes the caller for, and what that may do.',
    answers: 'Caller',
    ask: () => ({}),
    tell: (caller) => ({ body: callerToJson(caller) }),
  }),
  one({
    verb: 'GET',
    path: '/v1/credentials',
    method: AccessService.method.listCredentials,
    summary: 'Tokens, joins and clients that came by one; never their secrets.',
    query: PAGE,
    answers: { list: 'credentials', of: 'Credential', beside: NEXT },
    ask: ({ limit = 0, page = '' }) => ({ pageSize: limit, pageToken: page }),
    tell: ({ credentials, nextPageToken: next }) => ({
      body: { credentials: credentials.map(credentialToJson), ...(next !== '' && { next }) },
    }),
  }),
  one({
    verb: 'DELETE',
    path: '/v1/credentials/{credential}',
    method: AccessService.method.revokeCredential,
    summary: 'Revokes a credential, for good: what runs by it ends.',
    answers: 'Revocation',
    ask: ({ credential }) => ({ id: credential }),
    tell: ({ revokedCount, livingCount }, { credential }) => ({
      body: { id: credential, revoked: true, revokedCount, livingCount },
    }),
  }),
];
