import type { Callee } from '../system.ts';
import { findSystem } from '../systems/index.ts';
import type { CalleeAsks } from './messages.ts';

/** A client that answers calls. */
export function createCalleeRole(): CalleeAsks {
  let callee: Callee | undefined;
  return {
    async open({ system, address }) {
      callee = await findSystem(system).serve!(address);
    },
    close: async () => callee?.close(),
  };
}
