import assert from 'node:assert/strict';
import { renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import type { TlsIdentity } from '../../server/tls/identity.ts';
import { openTlsSource, type TlsSetting } from '../../server/tls/source.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/logger.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { createTestAuthority, writePair } from '../scene/tlsfiles.ts';
import { until } from '../scene/until.ts';

const DAY_MS = 86_400_000;
const authority = createTestAuthority();

function makeFolder(): string {
  const folder = createFolder();
  atEnd(() => rmSync(folder, { recursive: true }));
  return folder;
}

function open(setting: TlsSetting, clock = systemClock, clientCa?: string) {
  const lines: string[] = [];
  const changes: TlsIdentity[] = [];
  const log = (data: object, message: string): void => void lines.push(`${message} ${JSON.stringify(data)}`);
  const source = openTlsSource({ setting, clientCa, clock, logger: { ...silentLogger, info: log, warn: log } });
  atEnd(() => source.close());
  source.follow((identity) => changes.push(identity));
  return { source, lines, changes };
}

describe('openTlsSource()', () => {
  afterEach(closeScene);

  it('follows its files however they are changed: written over, renamed to, by a link beside them', async () => {
    const folder = makeFolder();
    const { tlsCert: cert, tlsKey: key } = writePair(folder, authority.sign('one'));
    const { changes, lines } = open({ kind: 'files', cert, key });
    const second = authority.sign('two');
    writePair(folder, second);
    await until('the second is there', () => changes.at(-1)?.cert === String(second.cert));
    const third = authority.sign('three');
    writeFileSync(`${key}.new`, third.key);
    writeFileSync(`${cert}.new`, third.cert);
    renameSync(`${key}.new`, key);
    renameSync(`${cert}.new`, cert);
    await until('the third is there', () => changes.at(-1)?.cert === String(third.cert));
    assert.ok(lines.every((line) => !line.includes('PRIVATE')));

    const linked = makeFolder();
    const [old, fresh] = [makeFolder(), makeFolder()];
    writePair(old, authority.sign('four'));
    const fifth = authority.sign('five');
    writePair(fresh, fifth);
    symlinkSync(old, join(linked, '..data'));
    for (const name of ['cert.pem', 'key.pem']) symlinkSync(join('..data', name), join(linked, name));
    const mounted = open({ kind: 'files', cert: join(linked, 'cert.pem'), key: join(linked, 'key.pem') });
    symlinkSync(fresh, join(linked, '..next'));
    renameSync(join(linked, '..next'), join(linked, '..data'));
    await until('the fifth is there', () => mounted.changes.at(-1)?.cert === String(fifth.cert));
  });

  it('keeps what it has while the files are wrong, tells each fault once, and takes the next that is right', () => {
    const folder = makeFolder();
    const first = authority.sign('one');
    const { tlsCert: cert, tlsKey: key } = writePair(folder, first);
    const { source, changes, lines } = open({ kind: 'files', cert, key });
    writeFileSync(cert, authority.sign('other').cert);
    source.reload();
    source.reload();
    assert.equal(source.identity.cert, String(first.cert));
    assert.deepEqual([changes.length, lines.length], [0, 1]);
    assert.match(lines[0]!, /goes on with the certificate that it has .*not that of the certificate/);
    unlinkSync(cert);
    source.reload();
    assert.match(lines[1]!, /ENOENT/);
    writePair(folder, authority.sign('ended', { days: -1 }));
    source.reload();
    assert.match(lines[2]!, /has ended on/);
    const next = writePair(folder, authority.sign('next'));
    assert.equal(next.tlsCert, cert);
    source.reload();
    assert.equal(changes.length, 1);
    source.reload();
    assert.equal(changes.length, 1);
  });

  it('renews what it makes itself before it ends, and tells of one that ends and is not renewed', () => {
    const timers: (() => void)[] = [];
    let now = Date.now();
    let monotonic = 0;
    const clock = {
      now: () => now,
      monotonic: () => monotonic,
      after: (_ms: number, run: () => void) => {
        timers.push(run);
        return () => undefined;
      },
    };
    const auto = open({ kind: 'auto', storeFile: undefined, names: () => ['localhost'] }, clock);
    const { authority: pinned } = auto.source.identity;
    const look = timers.at(-1)!;
    now += 61 * DAY_MS;
    look();
    assert.equal(auto.changes.length, 1);
    assert.ok(auto.changes[0]!.expiresAt - now > 89 * DAY_MS);
    assert.equal(auto.changes[0]!.authority.pin, pinned.pin);

    now = Date.now();
    const { tlsCert: cert, tlsKey: key } = writePair(makeFolder(), authority.sign('one', { days: 20 }));
    const given = open({ kind: 'files', cert, key }, clock);
    assert.deepEqual(given.lines, []);
    now += 7 * DAY_MS;
    monotonic += 7 * DAY_MS;
    timers.at(-1)!();
    timers.at(-1)!();
    assert.equal(given.lines.length, 1);
    assert.match(given.lines[0]!, /ends soon/);
  });

  it('goes on with what it has where the key of its authority is taken away, says so once, and makes no other', () => {
    const file = join(makeFolder(), 'contact.db');
    const { source, changes, lines } = open({ kind: 'auto', storeFile: file, names: () => ['localhost'] });
    const first = source.identity;
    renameSync(`${file}.ca-key.pem`, `${file}.away`);
    source.reload();
    source.reload();
    assert.deepEqual([source.identity, changes.length, lines.length], [first, 0, 1]);
    assert.match(lines[0]!, /goes on with the certificate that it has .*ca-key\.pem is missing/);
    renameSync(`${file}.away`, `${file}.ca-key.pem`);
    source.reload();
    assert.deepEqual([source.identity, changes.length, lines.length], [first, 0, 1]);
  });

  it('has the authorities of clients, and follows their file', () => {
    const folder = makeFolder();
    const { tlsCert: cert, tlsKey: key } = writePair(folder, authority.sign('one'));
    const clientCa = join(folder, 'clients.pem');
    writeFileSync(clientCa, authority.cert);
    const { source } = open({ kind: 'files', cert, key }, systemClock, clientCa);
    assert.equal(source.identity.clientCa, String(authority.cert));
    const other = createTestAuthority();
    writeFileSync(clientCa, other.cert);
    source.reload();
    assert.equal(source.identity.clientCa, String(other.cert));
  });

  it('tells once a day what is to be mended in its files, at once of one that is new, and of nothing harmless', () => {
    const timers: (() => void)[] = [];
    let monotonic = 0;
    const clock = {
      now: Date.now,
      monotonic: () => monotonic,
      after: (_ms: number, run: () => void) => {
        timers.push(run);
        return () => undefined;
      },
    };
    const folder = makeFolder();
    const { tlsCert: cert, tlsKey: key } = writePair(folder, authority.sign('one'));
    const clientCa = join(folder, 'clients.pem');
    const leaf = authority.sign('a leaf').cert;
    writeFileSync(clientCa, Buffer.concat([authority.cert, authority.cert]));
    const { lines } = open({ kind: 'files', cert, key }, clock, clientCa);
    timers.at(-1)!();
    assert.equal(lines.length, 0);
    writeFileSync(clientCa, Buffer.concat([authority.cert, leaf]));
    timers.at(-1)!();
    timers.at(-1)!();
    const told = () => lines.filter((line) => line.includes('to be mended'));
    assert.equal(told().length, 1, lines.join('\n'));
    assert.match(told()[0]!, /CN=a leaf in \S+clients\.pem is no authority .*"advice":"put the certificate of/);
    monotonic += DAY_MS;
    timers.at(-1)!();
    assert.equal(told().length, 2);
    writeFileSync(clientCa, Buffer.concat([authority.cert, authority.sign('another leaf').cert]));
    timers.at(-1)!();
    timers.at(-1)!();
    assert.equal(told().length, 3);
    assert.match(told()[2]!, /CN=another leaf/);
  });
});
