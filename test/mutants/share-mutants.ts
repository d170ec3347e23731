import { type Mutant, transport, unit } from './mutant.ts';

/** One principal uses up what is for all. */
export const SHARE_MUTANTS: readonly Mutant[] = [
  {
    id: 'a share is all there is',
    file: 'server/model/shares.ts',
    find: 'if (after > max) {',
    replace: 'if (after > maxOfAll) {',
    caughtBy: unit('shares', 'gives each principal half of what all may have, and takes it back'),
  },
  {
    id: 'a share that is given back is lost',
    file: 'server/model/shares.ts',
    find: 'if (after > 0) amounts.set(principal, after);\n      else amounts.delete(principal);',
    replace: 'if (after < 0) amounts.delete(principal);',
    caughtBy: unit('shares', 'gives each principal half of what all may have, and takes it back'),
  },
  {
    id: 'queue names count for nobody',
    file: 'server/api/worker.ts',
    find: 'admitNames(registration.queues.length, context.caller);',
    replace: "admitNames(registration.queues.length, { principal: '' });",
    caughtBy: transport('principal-shares', 'of the queue names that sessions draw from is half of them'),
  },
  {
    id: 'awaited results count for nobody',
    file: 'server/api/producer.ts',
    find: 'principal: caller.principal,',
    replace: "principal: '',",
    caughtBy: transport('principal-shares', 'of the results that streams await is half of them'),
  },
  {
    id: 'awaited results of a stream that ends stay its principal’s',
    file: 'server/api/awaited.ts',
    find: '        giveBack(count);\n        due.length = 0;',
    replace: '        inAll -= count;\n        count = 0;\n        due.length = 0;',
    caughtBy: unit('awaited', 'gives a principal half of them, over all its streams, and takes them back'),
  },
  {
    id: 'selectors count for nobody',
    file: 'server/dispatch/addressing.ts',
    find: 'const selector = add({ queue, lane }, createdBy, index);',
    replace: "const selector = add({ queue, lane }, '', index);",
    caughtBy: transport('principal-shares', 'of the selectors of a queue is half of them'),
  },
  {
    id: 'whose a selector is is forgotten with unused ones',
    file: 'server/dispatch/selectors.ts',
    find: "before.get(lane.queue)?.get(lane.lane)?.principal ?? ''",
    replace: "''",
    caughtBy: unit('selectors', 'are half of those of a queue for one principal, and half of all'),
  },
];
