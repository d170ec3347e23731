import { cutText } from '../../shared/text.ts';
import type { TaskQueue } from '../dispatch/queue.ts';
import type { Receiver } from '../dispatch/receiver.ts';
import { asFarAs, type Caller, isInScope, mayAddress } from '../model/caller.ts';
import { type Drawer, eitherOf } from '../model/drawer.ts';
import { SHARED_LANE } from '../model/lane.ts';
import type { LaneRef } from '../model/task.ts';
import { MAX_NAMED, type Party } from '../model/waiting.ts';
import { asSeerOf } from './clients.ts';

/** Receivers of one lane that are looked at. */
const MAX_LOOKED = 1_000;
/** Of all lanes of one answer; beyond it only a few of each. */
const MAX_LOOKS = 20_000;
const FEW = 10;

/** Characters of the labels of one client. */
const MAX_LABELS = 200;

/** Who is connected, as one caller may see it: no client and no queue of others is named. */
export interface Crowd {
  drawersOf(ref: LaneRef): readonly Drawer[];
  servingOf(queue: string): Party;
  connected(): Party;
  /** Whether the caller may be told of this client. */
  isVisible(clientId: string): boolean;
  /** Of the queues that a client serves a few that the caller may see. */
  visibleQueues(client: Pick<Receiver, 'clientId' | 'queues'>): readonly string[];
}

export function createCrowd(queue: Pick<TaskQueue, 'drawersOf' | 'receivers'>, caller: Caller): Crowd {
  // Clients are listed for those who observe and operate; who only enqueues is told of none but by number.
  const maySee = ({ roles }: Caller): boolean => roles.has('observer') || roles.has('operator');
  const seer = asFarAs(caller, maySee);
  const isVisible = (clientId: string): boolean => maySee(seer) && mayAddress(seer, clientId);
  const servingByQueue = new Map<string, Party>();
  let everybody: Party | undefined;
  let looks = 0;

  const nameSome = (queues: readonly string[]): readonly string[] =>
    queues.filter((name) => isInScope(seer.scope, name)).slice(0, MAX_NAMED);

  /** Without those of other rights than the ones by which the caller sees the client; the scope of a single right is looked at later. */
  function queuesOf({ clientId, queues }: Pick<Receiver, 'clientId' | 'queues'>): readonly string[] {
    const { scope } = asSeerOf(clientId, seer);
    return seer.parts ? queues.filter((name) => isInScope(scope, name)) : queues;
  }

  function look(receivers: Iterable<Receiver>): readonly Receiver[] {
    const found: Receiver[] = [];
    const most = looks < MAX_LOOKS ? MAX_LOOKED : FEW;
    for (const receiver of receivers) {
      if (found.length >= most) break;
      found.push(receiver);
    }
    looks += found.length;
    return found;
  }

  function partyOf(receivers: Iterable<Receiver>): Party {
    const found = look(receivers);
    const visible = found.filter(({ clientId }) => isVisible(clientId));
    return {
      count: new Set(found.map(({ clientId }) => clientId)).size,
      clientIds: [...new Set(visible.map(({ clientId }) => clientId))].slice(0, MAX_NAMED),
      queues: nameSome([...new Set(visible.flatMap(queuesOf))].sort()),
      labels: [...new Set(visible.slice(0, 100).map(({ labels }) => writeLabels(labels)))].slice(0, MAX_NAMED),
    };
  }

  return {
    isVisible,
    visibleQueues: (client) => nameSome(queuesOf(client)),

    drawersOf(ref) {
      const byClient = new Map<string, Drawer>();
      for (const receiver of look(queue.drawersOf(ref))) {
        const { clientId } = receiver;
        const standing = receiver.standing();
        const before = byClient.get(clientId);
        // A plain client may have several sessions.
        const together = before ? eitherOf(before, standing) : standing;
        byClient.set(clientId, { ...together, clientId: isVisible(clientId) ? clientId : null });
      }
      return [...byClient.values()];
    },

    servingOf(name) {
      const known = servingByQueue.get(name) ?? partyOf(queue.drawersOf({ queue: name, lane: SHARED_LANE }));
      servingByQueue.set(name, known);
      return known;
    },

    connected() {
      everybody ??= partyOf(queue.receivers());
      return everybody;
    },
  };
}

function writeLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return cutText(pairs.map(([key, value]) => (value === '' ? key : `${key}=${value}`)).join(','), MAX_LABELS);
}
