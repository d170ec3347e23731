import { setImmediate as nextTurn } from 'node:timers/promises';
import { ContactError, refuseTask } from '../../shared/errors.ts';
import { type ClientScope, isClientInScope } from '../model/caller.ts';
import { isSelectorLane, laneKey, laneOfClient, SHARED_LANE } from '../model/lane.ts';
import { parseSelector, type Selector } from '../model/selector.ts';
import type { LaneRef, TaskInput } from '../model/task.ts';
import type { ClientStore } from '../store/clients.ts';
import type { QueueStore } from '../store/queues.ts';
import type { LaneTable } from './lanes.ts';
import type { Receiver } from './receiver.ts';
import { createSelectorTable, MOST_SELECTORS, type SelectorBounds } from './selectors.ts';

/** Clients of one broadcast. */
const MAX_CLIENTS = 1_000_000;

const PAGE = 500;

/** Who gets a child of a broadcast, and how long it waits. */
export interface Audience {
  /** The clients that match; null: every client that serves the queue. */
  readonly selector: Selector | null;
  /** Whether named clients are meant too that are remembered but away. */
  readonly isKnown: boolean;
  /** Of those, the clients that whoever sends it may address. */
  readonly scope: ClientScope;
  readonly childExpiresAt: number;
}

/** Which lanes a client draws from, and which clients a broadcast means. */
export interface Addressing {
  lanesFor(receiver: Receiver): LaneRef[];
  /** Learns the selectors of these tasks that are new: receivers that match draw from their lanes from now on. */
  admit(tasks: readonly TaskInput[]): Promise<void>;
  /** The ids of the clients that match now. RESOURCE_EXHAUSTED: more than 1,000,000. */
  address(queue: string, audience: Audience): Promise<readonly string[]>;
}

export async function createAddressing(
  store: ClientStore & Pick<QueueStore, 'listSelectorLanes'>,
  lanes: LaneTable,
  bounds?: SelectorBounds,
): Promise<Addressing> {
  const selectors = createSelectorTable(bounds);
  selectors.retain(await store.listSelectorLanes(MOST_SELECTORS));

  function draw(lane: LaneRef, selector: Selector): void {
    for (const receiver of lanes.receivers) {
      if (receiver.queues.includes(lane.queue) && selector.matches(receiver.labels)) lanes.attach(receiver, [lane]);
    }
  }

  function add(lane: LaneRef, principal: string, index: number): Selector | undefined {
    try {
      return selectors.add(lane, principal);
    } catch (error) {
      if (!(error instanceof ContactError)) throw error;
      const { code, problem, retryAfterMs } = error;
      throw refuseTask(code, index, 'selector', problem, retryAfterMs === undefined ? {} : { retryAfterMs });
    }
  }

  let wanted: Map<string, LaneRef> | undefined;
  let forgetting: Promise<void> | undefined;

  /** Forgets selectors that no waiting task uses any more. */
  function forgetUnused(): Promise<void> {
    wanted ??= new Map();
    forgetting ??= store.listSelectorLanes(MOST_SELECTORS).then((used) => {
      for (const { queue, lane } of used) wanted!.delete(laneKey({ queue, lane }));
      selectors.retain([...used, ...[...wanted!.values()].filter((one) => selectors.has(one))]);
    });
    return forgetting.finally(() => {
      wanted = undefined;
      forgetting = undefined;
    });
  }

  return {
    lanesFor: ({ queues, labels, clientId }) => [
      ...queues.flatMap((queue) => [
        { queue, lane: SHARED_LANE },
        { queue, lane: laneOfClient(clientId) },
      ]),
      ...selectors.lanesFor(queues, labels),
    ],

    async admit(tasks) {
      for (const [index, { queue, lane, createdBy }] of tasks.entries()) {
        if (!isSelectorLane(lane)) continue;
        // The selector of a task that is on its way into the store is not among those that are listed meanwhile.
        wanted?.set(laneKey({ queue, lane }), { queue, lane });
        if (selectors.has({ queue, lane })) continue;
        if (selectors.isFull(queue, createdBy)) await forgetUnused();
        const selector = add({ queue, lane }, createdBy, index);
        if (selector) draw({ queue, lane }, selector);
      }
    },

    async address(queue, { selector, isKnown, scope }) {
      const clientIds = new Set<string>();
      const addMeant = (clients: Iterable<Pick<Receiver, 'clientId' | 'queues' | 'labels'>>): void => {
        for (const { clientId, queues, labels } of clients) {
          if (!queues.includes(queue) || !(selector?.matches(labels) ?? true)) continue;
          if (isClientInScope(scope, clientId)) clientIds.add(clientId);
        }
        if (clientIds.size <= MAX_CLIENTS) return;
        throw new ContactError('RESOURCE_EXHAUSTED', `more than ${MAX_CLIENTS} clients match`, { field: 'broadcast' });
      };
      addMeant(lanes.receivers);
      for (let after: string | undefined = isKnown ? '' : undefined; after !== undefined; ) {
        const page = await store.listClients(after, PAGE);
        addMeant(page);
        after = page.length < PAGE ? undefined : page.at(-1)!.clientId;
        await nextTurn();
      }
      return [...clientIds];
    },
  };
}

export interface AudienceInput {
  readonly selector: string;
  readonly isKnown: boolean;
  readonly scope: ClientScope;
  readonly childExpiresAt: number;
}

export function parseAudience({ selector, ...others }: AudienceInput, field: string): Audience {
  return { ...others, selector: selector === '' ? null : parseSelector(selector, field) };
}
