import { conformance, type Mutant } from './mutant.ts';

export function onNodes(title: string): Mutant['caughtBy'] {
  return { file: 'test/unit/nodes.test.ts', title: `two nodes over one sqlite store ${title}` };
}

/** Of what several nodes over one store do. */
export const NODE_MUTANTS: readonly Mutant[] = [
  {
    id: 'what signals did not tell of sessions is not looked for',
    file: 'server/session/standing.ts',
    find: 'if (!isStopped && roster.has(session)) compare(',
    replace: 'if (isStopped && roster.has(session)) compare(',
    caughtBy: onNodes('find within five seconds a cancel that no signal told of'),
  },
  {
    id: 'an end that was told to another node frees nothing',
    file: 'server/session/orders.ts',
    find: 'for (const delivery of order.deliveries) forget(delivery);',
    replace: '',
    caughtBy: onNodes('give a worker its next task once it hears of the end that was told to the other'),
  },
  {
    id: 'cancels lost by a client that comes back are not carried over',
    file: 'server/session/carryover.ts',
    find: 'const reason = task.cancelReason ?? held.cancelReason;',
    replace: 'const reason = held.cancelReason;',
    caughtBy: onNodes('tell a client that comes back to the other of the cancel that came meanwhile'),
  },
  {
    id: 'starts of a session taken for known, whatever its epoch',
    file: 'server/store/sqlite/sessions.ts',
    find: 'one.key === key && one.epoch === epoch',
    replace: 'one.key === key',
    caughtBy: onNodes(
      'never run a last attempt twice, though its client comes back there from the other and names nothing',
    ),
  },
  {
    id: 'broadcasts of every node taken over',
    file: 'server/store/sqlite/rows/children.ts',
    find: "WHERE node IN ('', ?)",
    replace: "WHERE node IN ('', ?) OR TRUE",
    caughtBy: onNodes('leave a broadcast alone that another fills, and a node that comes back takes over what it left'),
  },
  {
    id: 'claim of a paused queue',
    file: 'server/store/sqlite/rows/entries.ts',
    find: 'return settings.isPaused || (settings.maxRunning',
    replace: 'return (settings.maxRunning',
    caughtBy: conformance(
      'queues',
      'isPaused, memory store lets nothing be claimed of the queue, whoever asks, until it goes on',
    ),
  },
  {
    id: 'drain while its client registers is lost',
    file: 'server/session/registry.ts',
    find: 'orders.drainMeanwhile(clientId) ?? (',
    replace: '(',
    caughtBy: onNodes('drain a client that registers meanwhile'),
  },
  {
    id: "another node's starts taken for none",
    file: 'server/session/registry.ts',
    find: '        knownSessions: knownSessionsOf(clientId, roster, lost),\n',
    replace: '',
    caughtBy: onNodes('never run a last attempt twice, though its client comes back to the other and names nothing'),
  },
];
