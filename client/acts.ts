import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ActKind, type ListActsRequestSchema } from '../gen/contact/v1/admin_service_pb.ts';
import * as check from './check.ts';
import { PAGE_RULES, type PageOptions } from './pages.ts';

const KINDS = Object.freeze({
  tasks_cancelled: ActKind.TASKS_CANCELLED,
  tasks_redriven: ActKind.TASKS_REDRIVEN,
  tasks_deleted: ActKind.TASKS_DELETED,
  queue_purged: ActKind.QUEUE_PURGED,
  queue_paused: ActKind.QUEUE_PAUSED,
  queue_resumed: ActKind.QUEUE_RESUMED,
  queue_limited: ActKind.QUEUE_LIMITED,
  queue_retained: ActKind.QUEUE_RETAINED,
  queue_deleted: ActKind.QUEUE_DELETED,
  client_drained: ActKind.CLIENT_DRAINED,
  client_resumed: ActKind.CLIENT_RESUMED,
  client_disconnected: ActKind.CLIENT_DISCONNECTED,
  credential_created: ActKind.CREDENTIAL_CREATED,
  credential_rotated: ActKind.CREDENTIAL_ROTATED,
  credential_revoked: ActKind.CREDENTIAL_REVOKED,
  backed_up: ActKind.BACKED_UP,
  client_forgotten: ActKind.CLIENT_FORGOTTEN,
});

/** What somebody has ordered. */
export type ActKindName = keyof typeof KINDS;

export const ACT_KIND_NAMES = Object.freeze(Object.keys(KINDS)) as readonly ActKindName[];

/** Which acts are told of: every condition that is set must hold. */
export interface ActsQuery {
  /** Only those at this instant or after it. Default: all that are kept. */
  readonly since?: Date;
  /** Only those about one of these queues, at most 1,000. */
  readonly queues?: readonly string[];
  /** Only those of these principals, at most 100: `token:ops`. */
  readonly by?: readonly string[];
  /** Only acts of these kinds. Default: of all. */
  readonly kinds?: readonly ActKindName[];
}

const QUERY_RULES: Readonly<Record<keyof ActsQuery, check.Check>> = Object.freeze({
  since: check.instant,
  queues: check.listOf(check.name),
  by: check.listOf(check.text),
  kinds: check.listOf(check.oneOf(ACT_KIND_NAMES)),
});

export function buildActsRequest(query: ActsQuery, page: PageOptions): MessageInitShape<typeof ListActsRequestSchema> {
  check.checkFields(query, QUERY_RULES);
  check.checkFields(page, PAGE_RULES);
  const { since, queues = [], by = [], kinds = [] } = query;
  return {
    ...page,
    queues: [...queues],
    by: [...by],
    kinds: kinds.map((kind) => KINDS[kind]),
    ...(since ? { since: timestampFromDate(since) } : {}),
  };
}

/** The kind as a word; undefined: one that this version does not know. */
export function nameActKind(kind: ActKind): ActKindName | undefined {
  return ACT_KIND_NAMES.find((name) => KINDS[name] === kind);
}
