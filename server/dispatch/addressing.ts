import { ContactError } from '../../shared/errors.ts';
import { newTaskId } from '../../shared/ids.ts';
import { parseSelector, type Selector } from '../model/selector.ts';
import type { LaneRef, TaskInput } from '../model/task.ts';
import type { OperatorStore } from '../store/operators.ts';
import type { LaneTable } from './lanes.ts';
import type { Receiver } from './receiver.ts';
import { createSelectorTable, MAX_SELECTORS } from './selectors.ts';

/** Children of one broadcast, in one transaction. */
const MAX_CHILDREN = 10_000;

const PAGE = 500;

/** Who gets a child of a broadcast, and how long it waits. */
export interface Audience {
  /** Null: every client that serves the queue. */
  readonly selector: Selector | null;
  /** Also named clients that are remembered but away. */
  readonly isKnown: boolean;
  readonly childExpiresAt: number;
}

/** Which lanes a client draws from, and which clients a broadcast means. */
export interface Addressing {
  lanesFor(receiver: Receiver): LaneRef[];
  /** Selectors that are new: who is connected and matches draws from their lanes from now on. */
  admit(tasks: readonly TaskInput[]): Promise<void>;
  /** One child for each client that matches now. FAILED_PRECONDITION: none does. */
  address(parent: TaskInput, audience: Audience): Promise<TaskInput[]>;
}

export async function createAddressing(store: OperatorStore, lanes: LaneTable): Promise<Addressing> {
  const selectors = createSelectorTable();
  selectors.retain(await store.listSelectorLanes(MAX_SELECTORS));

  function draw(lane: LaneRef, selector: Selector): void {
    for (const receiver of lanes.receivers) {
      if (receiver.queues.includes(lane.queue) && selector.matches(receiver.labels)) lanes.attach(receiver, [lane]);
    }
  }

  async function* matching(queue: string, { selector, isKnown }: Audience): AsyncIterable<string> {
    const isMeant = (client: { queues: readonly string[]; labels: Readonly<Record<string, string>> }): boolean =>
      client.queues.includes(queue) && (selector?.matches(client.labels) ?? true);
    for (const receiver of [...lanes.receivers]) if (isMeant(receiver)) yield receiver.clientId;
    if (!isKnown) return;
    let after = '';
    for (;;) {
      const page = await store.listClients(after, PAGE);
      for (const client of page) if (isMeant(client)) yield client.clientId;
      if (page.length < PAGE) return;
      after = page.at(-1)!.clientId;
    }
  }

  return {
    lanesFor: ({ queues, labels, clientId }) => [
      ...queues.flatMap((queue) => [
        { queue, lane: '' },
        { queue, lane: `c:${clientId}` },
      ]),
      ...selectors.lanesFor(queues, labels),
    ],

    async admit(tasks) {
      for (const { queue, lane } of tasks) {
        if (!lane.startsWith('s:') || selectors.has({ queue, lane })) continue;
        if (selectors.size >= MAX_SELECTORS) selectors.retain(await store.listSelectorLanes(MAX_SELECTORS));
        const selector = selectors.add({ queue, lane });
        if (selector) draw({ queue, lane }, selector);
      }
    },

    async address(parent, audience) {
      const clientIds = new Set<string>();
      for await (const clientId of matching(parent.queue, audience)) {
        clientIds.add(clientId);
        if (clientIds.size > MAX_CHILDREN) {
          throw new ContactError('RESOURCE_EXHAUSTED', `broadcast: more than ${MAX_CHILDREN} clients match`);
        }
      }
      if (clientIds.size === 0) {
        throw new ContactError('FAILED_PRECONDITION', `broadcast: no client of the queue ${parent.queue} matches`);
      }
      return Array.from(clientIds, (clientId) => ({
        ...parent,
        id: newTaskId(),
        lane: `c:${clientId}`,
        key: null,
        parentId: parent.id,
        expiresAt: audience.childExpiresAt,
      }));
    },
  };
}

export function parseAudience(selector: string, isKnown: boolean, childExpiresAt: number, field: string): Audience {
  return { selector: selector === '' ? null : parseSelector(selector, field), isKnown, childExpiresAt };
}
