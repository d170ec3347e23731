/**
 * What `npm test` leaves to `npm run test:all`, so that it takes minutes on two cores: the dearest files, each of which has
 * something shorter of its kind beside it that stays. They are run before a release, and by whoever changes what they are
 * about; a name given to `npx mocha` runs any of them alone.
 */
export const LONG_TESTS: Readonly<Record<string, string>> = {
  'test/attack/held.test.ts': 'attack/requests sends messages that never end; transport/kept holds what is kept of one',
  'test/attack/reverse.test.ts': 'transport/reverse-hostile has each trap of a callee once',
  'test/attack/sessions.test.ts': 'transport/unread and transport/receipts have sessions that read nothing',
  'test/bench/bench.test.ts': 'bench/slow and the tests of its parts; npm run bench says itself what is wrong',
  'test/compat/versions.test.ts': 'the contract is checked for what breaks by npm run check',
  'test/e2e/cli-bench.test.ts': 'cli-modules loads the command',
  'test/e2e/examples-reverse.test.ts': 'checks/readme calls a client, live and durable',
  'test/e2e/guides.test.ts': 'checks/readme runs the same programs and commands',
  'test/e2e/languages.test.ts': 'e2e/python and checks/python have clients from bare stubs',
  'test/faults/backlog.test.ts': 'faults/restart has tasks that wait',
  'test/faults/clock.test.ts': 'unit tests move the clock',
  'test/faults/history.test.ts': 'unit/history-kept has processes that end without a word',
  'test/faults/idleproxies.test.ts': 'faults/cut has lines that fall silent',
  'test/faults/owners.test.ts': 'conformance/sessions and transport/adoption have two owners of an id',
  'test/faults/poison.test.ts': 'conformance has attempts that end with their client',
  'test/faults/power.test.ts': 'faults/crash stops the server between a write and its sync',
  'test/faults/principals.test.ts':
    'sqlite/principals opens a file again, conformance/principals has every way of a task',
  'test/faults/proxies.test.ts': 'e2e/python-interop and transport/sdk-proxy go through proxies',
  'test/faults/python-ledger.test.ts': 'faults/ledger does the same by the SDK; e2e/python by Python',
  'test/faults/retention.test.ts': 'conformance/retention prunes, over restarts',
  'test/faults/reverse-stuck.test.ts': 'transport/reverse has windows that stay shut',
  'test/faults/reverse.test.ts': 'property/tunnel chops the line; e2e/reverse-durable kills the server',
  'test/faults/slow.test.ts': 'faults/cut and faults/restart have lines that end',
  'test/faults/soak.test.ts': 'it is about half an hour',
  'test/faults/spool.test.ts': 'unit/client-spool has its files',
  'test/faults/streams.test.ts': 'transport/timeout has streams that are reset',
  'test/transport/stuck.test.ts': 'transport/timeout has readers that stand still',
};
