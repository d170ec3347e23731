import type { Delivery } from '../model/task.ts';
import type { Run } from '../model/waiting.ts';
import type { Holders } from './holders.ts';
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
      const { startedAt, progress } = holder.held;
      return {
        clientId,
        // An earlier process may have heard of it: then nobody knows when.
        startedAt: startedAt !== null && startedAt > 0 ? startedAt : null,
        progress,
        lostUntil: lost.windowOf(session.key) ?? null,
      };
    }
    // Left by an earlier process: nobody here knows how far it came.
    const owner = lost.ownerOf(delivery);
    const lostUntil = owner && lost.windowOf(owner.session.key);
    return owner && { clientId: owner.clientId, startedAt: null, progress: null, lostUntil: lostUntil ?? null };
  };
}
