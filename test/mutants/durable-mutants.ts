import { type Mutant, transport, unit } from './mutant.ts';

const durable = (title: string) => transport('reverse-durable', `a durable call ${title}`);
const kept = (title: string) => unit('durable-call', `a durable call ${title}`);

/** Of calls that are kept. */
export const DURABLE_MUTANTS: readonly Mutant[] = [
  {
    id: 'durable: answered before it is stored',
    file: 'server/tunnel/durable.ts',
    find: 'const stored = await keepIt(isDetached);',
    replace: 'if (isDetached) answer(NOTHING);\n      const stored = await keepIt(isDetached);',
    caughtBy: kept('is answered once it is stored, and not when it is not'),
  },
  {
    id: 'durable: what was stored for a caller that has gone is awaited',
    file: 'server/tunnel/durable.ts',
    find: '      if (isOver) {\n        stored.forget();\n        return;\n      }\n',
    replace: '',
    caughtBy: kept('is forgotten, and stays stored, when its caller has gone meanwhile'),
  },
  {
    id: 'durable: the key of a call is not kept',
    file: 'server/api/durable.ts',
    find: "task.idempotencyKey = key ?? '';",
    replace: '',
    caughtBy: durable('is told the id of its task at once, and is answered without a word when it asks for that'),
  },
  {
    id: 'durable: metadata of the moment is kept',
    file: 'server/tunnel/durable.ts',
    find: 'if (OF_THE_MOMENT.test(key)) continue;',
    replace: '',
    caughtBy: durable('is told the id of its task at once, and is answered without a word when it asks for that'),
  },
  {
    id: 'durable: no code is final',
    file: 'client/serve/durable.ts',
    find: "const retry = RETRIED.has(code) ? 'policy' : 'never'",
    replace: "const retry = 'policy'",
    caughtBy: durable(
      'fails for good with the code and the words of its handler, and is tried again for codes that pass',
    ),
  },
  {
    id: 'durable: every code is final',
    file: 'client/serve/durable.ts',
    find: "const retry = RETRIED.has(code) ? 'policy' : 'never'",
    replace: "const retry = 'never'",
    caughtBy: durable(
      'fails for good with the code and the words of its handler, and is tried again for codes that pass',
    ),
  },
  {
    id: 'durable: the code of a handler is lost',
    file: 'server/tunnel/durable.ts',
    find: 'named ?? CODES.get(name)',
    replace: 'CODES.get(name)',
    caughtBy: durable(
      'fails for good with the code and the words of its handler, and is tried again for codes that pass',
    ),
  },
  {
    id: 'durable: streams are kept',
    file: 'server/tunnel/durable.ts',
    find: "if (kind !== undefined && kind !== 'unary')",
    replace: "if (kind === 'unary' && kind !== 'unary')",
    caughtBy: durable('is unary: another kind is refused, as its descriptors or its messages tell'),
  },
  {
    id: 'durable: a server that goes leaves its callers waiting',
    file: 'server/transport/front.ts',
    find: 'durable.leave(SERVER_SHUTDOWN);',
    replace: '',
    caughtBy: durable('is told to come again when the server goes, and its deadline leaves the task alone'),
  },
];
