import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type AdminService, FailureGrouping, type FailureGroupSchema } from '../../gen/index.ts';
import { invalid } from '../../shared/errors.ts';
import { cutText } from '../../shared/text.ts';
import type { FailureGrouping as Grouping } from '../model/failure.ts';
import type { AttemptStore, FailureGroup } from '../store/attempts.ts';
import { readQueues } from './filter.ts';
import type { Handlers } from './handler.ts';
import { readInstant } from './instant.ts';
import { createPace } from './pace.ts';

const MAX_PAGE = 500;
const DEFAULT_PAGE = 100;

/** Characters of a message that are told. */
const MAX_MESSAGE_LENGTH = 1_000;

const GROUPINGS: ReadonlyMap<FailureGrouping, Grouping> = new Map([
  [FailureGrouping.UNSPECIFIED, 'error'],
  [FailureGrouping.ERROR, 'error'],
  [FailureGrouping.CLIENT, 'client'],
  [FailureGrouping.QUEUE, 'queue'],
]);

/** `ListFailures`. */
export function createListFailures(store: AttemptStore): Handlers<typeof AdminService>['listFailures'] {
  const pace = createPace();
  return async ({ since, by: number, queues, maxGroups }, { caller }) => {
    const by = GROUPINGS.get(number);
    if (by === undefined) throw invalid('by', `no such grouping: ${number}`);
    if (maxGroups > MAX_PAGE) throw invalid('max_groups', `at most ${MAX_PAGE}`);
    const query = {
      by,
      ...(since ? { since: readInstant('since', since) } : {}),
      ...(queues.length > 0 ? { queues: readQueues('queues', queues) } : {}),
    };
    await pace();
    const { groups, others } = await store.listFailures(query, maxGroups || DEFAULT_PAGE, caller.scope);
    return {
      groups: groups.map((group) => writeGroup(group, by)),
      otherGroups: others.groups,
      otherFailures: BigInt(others.failures),
    };
  };
}

function writeGroup(group: FailureGroup, by: Grouping): MessageInitShape<typeof FailureGroupSchema> {
  const { common, count, finalCount, newest, taskIds } = group;
  const { endedAt, message, ...told } = newest;
  const named = 'name' in common ? (by === 'client' ? { clientId: common.name } : { queue: common.name }) : common;
  return {
    ...named,
    count: BigInt(count),
    finalCount: BigInt(finalCount),
    newest: { ...told, failedAt: timestampFromMs(endedAt), message: cutText(message, MAX_MESSAGE_LENGTH) },
    taskIds: [...taskIds],
  };
}
