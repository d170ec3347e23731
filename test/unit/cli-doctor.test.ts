import assert from 'node:assert/strict';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { examine } from '../../cli/doctor/examine.ts';
import type { CertificateFacts, ServerFacts, StoreFacts } from '../../cli/doctor/facts.ts';
import { ClientInfoSchema, GetServerInfoResponseSchema, QueueSchema } from '../../gen/index.ts';
import { createTestAuthority } from '../scene/tlsfiles.ts';

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;

type Info = Exclude<MessageInitShape<typeof GetServerInfoResponseSchema>, { $typeName: string }>;
type QueueInit = Exclude<MessageInitShape<typeof QueueSchema>, { $typeName: string }>;

/** A server with which nothing is wrong. */
function facts(info: Info = {}, more: Partial<ServerFacts> = {}): ServerFacts {
  return {
    server: 'tasks.example.org:50051',
    clientVersion: '1.0.0',
    now: NOW,
    isLocal: false,
    aheadMs: 100,
    roundTripMs: 10,
    queues: [],
    clients: [],
    info: create(GetServerInfoResponseSchema, {
      version: '1.0.0',
      startedAt: timestampFromMs(NOW - DAY_MS),
      now: timestampFromMs(NOW),
      authenticated: true,
      limitsUsed: [{ name: 'connections', used: 79n, max: 100n }],
      limitsReached: { calls_per_principal: 0n },
      space: { database: 10n << 20n, log: 1n << 20n, free: 10n << 30n, minFree: 64n << 20n },
      certificateExpiresAt: timestampFromMs(NOW + 90 * DAY_MS),
      retention: { seconds: 604_800, max: 1_000 },
      maxFiles: 65_536,
      ...info,
    }),
    ...more,
  };
}

const queue = (init: QueueInit) => create(QueueSchema, { name: 'q', workers: 1, ...init });
/** What is not as it should be: level and check. */
const said = (server: ServerFacts): string[] =>
  examine({ server, files: [] })
    .filter(({ level }) => level !== 'ok')
    .map(({ level, check, what }) => `${level} ${check}: ${what}`);

describe('examine()', () => {
  it('has nothing to say of a server with which nothing is wrong', () => {
    const findings = examine({ server: facts(), files: [] });
    assert.deepEqual(
      findings.filter(({ level }) => level !== 'ok'),
      [],
    );
    assert.ok(findings.length > 5);
    assert.ok(findings.every(({ advice }) => advice === ''));
  });

  const space = { database: 10n << 30n, log: 0n, free: 10n << 30n, minFree: 64n << 20n };
  const cases: readonly (readonly [string, ServerFacts, RegExp])[] = [
    ['another version', facts({ version: '1.1.0' }), /^note version: the server is 1\.1\.0, this command 1\.0\.0$/],
    ['a clock that is ahead', facts({}, { aheadMs: 90_000 }), /^wrong clock: the server's clock is 1m ahead of this/],
    ['a clock that is behind', facts({}, { aheadMs: -5_000 }), /^wrong clock: the server's clock is 5s behind this/],
    ['refused tasks', facts({ trouble: 'store: full' }), /^wrong tasks: new tasks are refused: store: full$/],
    ['no authentication', facts({ authenticated: false }), /^wrong authentication: whoever reaches the server/],
    ['no authentication here', facts({ authenticated: false }, { isLocal: true }), /^note authentication: /],
    [
      'a certificate that ends soon',
      facts({ certificateExpiresAt: timestampFromMs(NOW + 3 * DAY_MS) }),
      /^wrong certificate: it ends on 2027-01-18, in 3d$/,
    ],
    [
      'a certificate that has ended',
      facts({ certificateExpiresAt: timestampFromMs(NOW - DAY_MS) }),
      /^wrong certificate: it has ended on 2027-01-14$/,
    ],
    [
      'an authority of clients that has ended',
      facts({ fileProblems: [{ problem: 'CN=a in f has ended', advice: 'put the next one there', harmless: false }] }),
      /^wrong certificate: CN=a in f has ended$/,
    ],
    [
      'an authority of clients that is there twice',
      facts({
        fileProblems: [{ problem: 'CN=a in f is there twice', advice: 'take one of them out', harmless: true }],
      }),
      /^note certificate: CN=a in f is there twice$/,
    ],
    ['little disk', facts({ space: { ...space, free: 100n << 20n } }), /^wrong disk: 100\.0 MiB are free on its disk$/],
    ['no room for a backup', facts({ space: { ...space, free: 1n << 29n } }), /^note disk: the store takes 10\.0 GiB/],
    [
      'a long log',
      facts({ space: { ...space, log: 1n << 30n } }),
      /^wrong log: the write-ahead log .* is 1\.0 GiB long$/,
    ],
    [
      'a bound near its end',
      facts({ limitsUsed: [{ name: 'open_calls', used: 80n, max: 100n }] }),
      /^wrong limits: 80 of 100 open calls are used$/,
    ],
    [
      'a bound that was reached',
      facts({ limitsReached: { calls_per_principal: 3n } }),
      /^note limits: calls per principal: reached 3 times/,
    ],
    ['few descriptors', facts({ maxFiles: 1_024 }), /^note descriptors: the server may have 1024 files/],
    ['an observer far behind', facts({ observerLag: 100_001n }), /^note observers: the slowest observer is 100001 /],
    ['no retention', facts({ retention: { seconds: 0, max: 0 } }), /^note retention: settled tasks are kept for ever$/],
    [
      'a queue without a worker',
      facts({}, { queues: [queue({ ready: 2, workers: 0, unroutable: 2 })] }),
      /^wrong workers: q: 2 tasks wait, and nobody takes them$/,
    ],
    [
      'tasks for clients that are away',
      facts({}, { queues: [queue({ ready: 3, unroutable: 1 })] }),
      /^wrong routes: q: 1 task waits for clients/,
    ],
    [
      'tasks that wait long',
      facts(
        {},
        { queues: [queue({ ready: 3, oldest: [{ priority: 0, oldestCreatedAt: timestampFromMs(NOW - 7_200_000) }] })] },
      ),
      /^wrong waiting: q: the oldest task was stored 2h ago and waits$/,
    ],
    [
      'a queue that is nearly full',
      facts({}, { queues: [queue({ ready: 50, scheduled: 30, limits: { maxWaiting: 100, maxRunning: 0 } })] }),
      /^wrong limits: q: 80 of 100 tasks wait that may$/,
    ],
    [
      'a paused queue',
      facts({}, { queues: [queue({ ready: 5, workers: 0, paused: true })] }),
      /^note paused: q is paused, 5 tasks wait$/,
    ],
    [
      'a drained client',
      facts({}, { clients: [create(ClientInfoSchema, { id: 'robot-7', draining: true })] }),
      /^note drained: robot-7 is drained, and away: it is given no tasks$/,
    ],
    [
      'a server out of reach',
      facts({}, { outOfReach: 'nobody listens' }),
      /^wrong server: .* cannot be reached: nobody/,
    ],
    [
      'TLS that cannot come about',
      facts({}, { outOfReach: 'x', fault: 'could not reach a:1: it does not speak TLS' }),
      /^wrong server: could not reach a:1: it does not speak TLS$/,
    ],
    [
      'a certificate that is not sent',
      facts({}, { unsent: 'CN=between' }),
      /^note certificate: the server does not send the certificate of CN=between, who has signed the last one/,
    ],
    [
      'a credential without rights',
      facts({}, { refusal: 'no operator' }),
      /^wrong server: .* tells no more: no operator$/,
    ],
  ];
  for (const [name, given, expected] of cases) {
    it(`finds ${name}, that alone, and says what to do`, () => {
      const found = said(given);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0]!, expected);
      const [finding] = examine({ server: given, files: [] }).filter(({ level }) => level !== 'ok');
      assert.ok(finding!.advice.length > 10);
    });
  }

  it('says of each limit what happens at its end, and which flag raises it', () => {
    const names = ['connections', 'admitted_connections', 'open_calls', 'open_reverse_calls', 'unreceipted_bytes'];
    for (const name of [...names, 'waiting_tasks', 'queues']) {
      const findings = examine({ server: facts({ limitsUsed: [{ name, used: 99n, max: 100n }] }), files: [] });
      const [found] = findings.filter(({ check }) => check === 'limits');
      assert.match(found!.advice, /^.{20,}: .*--(max|unreceipted)-/, name);
    }
  });

  it('tells the first of many findings, and how many there are beside', () => {
    const queues = Array.from({ length: 50 }, (_, at) => queue({ name: `q${at}`, ready: 1, workers: 0 }));
    const found = said(facts({}, { queues }));
    assert.equal(found.length, 21);
    assert.match(found[20]!, /^wrong workers: and 30 more of this kind$/);
  });

  const store: StoreFacts = {
    path: '/s/contact.db',
    bytes: 4_096,
    logBytes: 0,
    freeBytes: 1 << 30,
    files: [{ path: '/s/contact.db', mode: 0o100600, isSecret: true }],
  };
  it('finds what is wrong with the file of a store', () => {
    const saidOf = (more: Partial<StoreFacts>): string[] =>
      examine({ store: { ...store, ...more }, files: [] })
        .filter(({ level }) => level !== 'ok')
        .map(({ check, what }) => `${check}: ${what}`);
    assert.deepEqual(saidOf({}), []);
    assert.deepEqual(saidOf({ integrity: ['ok'] }), []);
    assert.deepEqual(saidOf({ integrity: ['row 3 missing'] }), ['integrity: /s/contact.db: row 3 missing']);
    assert.deepEqual(saidOf({ problem: 'ENOENT' }), ['store: /s/contact.db: ENOENT']);
    assert.deepEqual(saidOf({ freeBytes: 1 << 20 }), ['disk: 1.0 MiB are free on the disk of /s/contact.db']);
    const files = [
      { path: '/s/contact.db', mode: 0o100644, isSecret: true },
      { path: '/s/contact.db.crt', mode: 0o100644, isSecret: false },
    ];
    assert.deepEqual(saidOf({ files }), ['permissions: /s/contact.db is open to others (644)']);
  });

  it('tells of an authority whose key is missing, and of none where none was made', () => {
    const saidOf = (...endings: string[]): string[] => {
      const files = endings.map((ending) => ({ path: `/s/contact.db${ending}`, mode: 0o100600, isSecret: true }));
      const findings = examine({ store: { ...store, files }, files: [] });
      return findings.filter(({ level }) => level === 'wrong').map(({ check, what }) => `${check}: ${what}`);
    };
    const lost = 'certificate: /s/contact.db.ca-key.pem is missing: the certificate of the server is not renewed';
    for (const rest of [['.ca.pem'], ['.tls.pem'], ['.ca.pem', '.tls.pem']])
      assert.ok(saidOf('', ...rest)[0]?.startsWith(lost), rest.join());
    assert.deepEqual([saidOf(''), saidOf('', '.ca-key.pem', '.ca.pem', '.tls.pem')], [[], []]);
  });

  it('finds what is wrong with the certificates that it was given itself', () => {
    const authority = createTestAuthority();
    const sign = (days: number, daysAhead?: number) => ({
      path: 'own.pem',
      bytes: authority.sign('me', { purpose: 'client', days, ...(daysAhead !== undefined && { daysAhead }) }).cert,
    });
    const saidOf = (certificates: Omit<CertificateFacts, 'now'>): string[] =>
      examine({ files: [], certificates: { ...certificates, now: Date.now() } }).map(
        ({ check, level, what, advice }) => `${level} ${check}: ${what} (${advice})`,
      );
    assert.deepEqual(saidOf({ ca: { path: 'ca.pem', bytes: authority.cert }, cert: sign(30) }), []);
    const twice = { path: 'ca.pem', bytes: Buffer.concat([authority.cert, authority.cert]) };
    assert.match(saidOf({ ca: twice }).join(), /^note certificate: CN=authority of a test in ca\.pem is there twice/);
    assert.match(
      saidOf({ cert: sign(-1) }).join(),
      /^wrong .*: CN=me in own\.pem has ended on .*: servers refuse it \(/,
    );
    assert.match(saidOf({ cert: sign(9, 1) }).join(), /^wrong .*: CN=me in own\.pem begins on .* only \(is the clock/);
    assert.match(
      saidOf({ cert: sign(9) }).join(),
      /^wrong .*: CN=me in own\.pem ends on .*, in [89] days \(have it ren/,
    );
  });

  it('finds secrets that others may read', () => {
    const files = [{ path: '/t', mode: 0o100640, isSecret: true }];
    assert.deepEqual(
      examine({ files }).map(({ check, level, advice }) => [check, level, advice]),
      [['permissions', 'wrong', 'chmod 600 /t']],
    );
  });
});
