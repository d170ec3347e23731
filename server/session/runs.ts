import type { Delivery } from '../model/task.ts';
import type { Run } from '../model/waiting.ts';
import type { Holders } from './holders.ts';
import { startOf } from './ledger.ts';
import type { Lost } from './lost.ts';

/** What is known of the run of a delivery; undefined: nobody on this node has it. */
export type DescribeRun = (delivery: Delivery) => Run | undefined;

export function createDescribeRun(
  holders: Pick<Holders, 'find'>,
  lost: Pick<Lost, 'ownerOf' | 'windowOf'>,
): DescribeRun {
  return (delivery) => {
    const holder = holders.find(delivery);
    if (holder) {
      const { clientId, session } = holder.session;
      const { isStarted, progress } = holder.held;
      const startedAt = startOf(holder.held);
      return {
        clientId,
        // Of a plain session nobody says it: then it has begun when it was pushed, if that was in this process.
        hasBegun: isStarted ?? (startedAt === null ? null : true),
        startedAt,
        progress,
        lostUntil: lost.windowOf(session.key) ?? null,
      };
    }
    // Left by an earlier process: nobody here knows how far it came.
    const owner = lost.ownerOf(delivery);
    const lostUntil = owner && lost.windowOf(owner.session.key);
    return (
      owner && {
        ...{ clientId: owner.clientId, hasBegun: null, startedAt: null, progress: null },
        lostUntil: lostUntil ?? null,
      }
    );
  };
}
