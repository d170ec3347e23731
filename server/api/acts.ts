import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { ActKind, ActSchema, AdminService } from '../../gen/index.ts';
import { invalid } from '../../shared/errors.ts';
import { ACT_KINDS, type ActRecord, isActFor, type ActKind as Kind } from '../model/act.ts';
import type { ActStore } from '../store/acts.ts';
import { readQueues } from './filter.ts';
import type { Handlers } from './handler.ts';
import { readInstant } from './instant.ts';
import { createPace } from './pace.ts';
import { cutPage } from './page.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;
const MAX_PRINCIPALS = 100;

/** `ListActs`. */
export function createListActs(store: Pick<ActStore, 'listActs'>): Handlers<typeof AdminService>['listActs'] {
  const pace = createPace();
  return async ({ since, queues, by, kinds, pageSize, pageToken }, { caller }) => {
    if (pageSize > MAX_PAGE) throw invalid('page_size', `at most ${MAX_PAGE}`);
    if (by.length > MAX_PRINCIPALS) throw invalid('by', `at most ${MAX_PRINCIPALS}`);
    const limit = pageSize || DEFAULT_PAGE;
    const sinceAt = since ? readInstant('since', since) : 0;
    const [queueNames, principals, wanted] = [readQueues('queues', queues), by, readKinds(kinds)];
    const isWanted = (act: ActRecord): boolean =>
      (queueNames.length === 0 || (act.queue !== null && queueNames.includes(act.queue))) &&
      (principals.length === 0 || principals.includes(act.by)) &&
      (wanted.size === 0 || wanted.has(act.kind)) &&
      isActFor(act, caller);

    const found: ActRecord[] = [];
    let before = readToken(pageToken);
    for (let isEnd = false; !isEnd && found.length < limit; ) {
      await pace();
      const page: readonly ActRecord[] = await store.listActs(before, sinceAt, MAX_PAGE);
      found.push(...page.filter(isWanted));
      before = page.at(-1)?.number ?? null;
      isEnd = page.length < MAX_PAGE;
    }
    const { items, last, isCut } = cutPage(found.slice(0, limit), writeAct);
    const isLast = !isCut && found.length < limit;
    return { acts: items, nextPageToken: isLast ? '' : String(last!.number) };
  };
}

function readToken(token: string): number | null {
  if (token === '') return null;
  if (!/^[0-9]{1,15}$/.test(token)) throw invalid('page_token', 'expected one of an answer');
  return Number(token);
}

function readKinds(kinds: readonly ActKind[]): ReadonlySet<Kind> {
  return new Set(
    kinds.map((number, index) => {
      const kind = ACT_KINDS[number - 1];
      if (kind === undefined) throw invalid(`kinds[${index}]`, `no such kind: ${number}`);
      return kind;
    }),
  );
}

function writeAct(act: ActRecord): MessageInitShape<typeof ActSchema> {
  const { kind, firstAt, at, by, queue, clientId, credential, count, taskIds, reason, limits, retention } = act;
  return {
    kind: (ACT_KINDS.indexOf(kind) + 1) as ActKind,
    firstAt: timestampFromMs(firstAt),
    at: timestampFromMs(at),
    by,
    queue: queue ?? '',
    clientId: clientId ?? '',
    credentialId: credential?.id ?? '',
    principal: credential?.principal ?? '',
    count: BigInt(count),
    taskIds: [...taskIds],
    reason,
    ...(limits ? { limits: { ...limits } } : {}),
    ...(retention ? { retention: { seconds: Math.ceil(retention.maxAgeMs / 1_000), max: retention.maxCount } } : {}),
  };
}
