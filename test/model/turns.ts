import type { Store } from '../../server/store/store.ts';

/** The order of what one turn asks for. */
const ORDER: readonly (readonly (keyof Store)[])[] = [
  ['settleTasks', 'checkpointTasks', 'logTasks'],
  ['releaseTasks'],
  ['openSession', 'loseSession', 'endSession'],
  ['insertTasks', 'insertBroadcast', 'extendBroadcast'],
  [
    'openBroadcast',
    'abandonBroadcast',
    'cancelTasks',
    'redriveTasks',
    'deleteTasks',
    'pruneTasks',
    'wakeTasks',
    'purgeTasks',
    'setQueueSettings',
    'drainClient',
    'noteAct',
    'keepHistory',
    'rememberServing',
    'leaveServing',
    'forgetClient',
    'createCredential',
    'enrolClient',
    'renewCredential',
    'revokeCredential',
    'touchCredentials',
  ],
  ['claimTasks'],
];

type Operation = (...args: unknown[]) => Promise<unknown>;

/** A store whose operations of one turn happen in the order of the port, those of one rank as they came. */
export function inTurns<S extends Omit<Store, 'signals$'>>(store: S): S {
  let asked: { readonly rank: number; readonly run: () => void }[] = [];

  function runTurn(): void {
    const turn = asked;
    asked = [];
    for (const { run } of turn.sort((a, b) => a.rank - b.rank)) run();
  }

  const ordered = ORDER.flatMap((names, rank) =>
    names.map((name) => {
      const operation = store[name as keyof S] as Operation;
      const ask: Operation = (...args) =>
        new Promise((resolve) => {
          if (asked.length === 0) queueMicrotask(runTurn);
          asked.push({ rank, run: () => resolve(operation(...args)) });
        });
      return [name, ask];
    }),
  );
  return { ...store, ...Object.fromEntries(ordered) };
}
