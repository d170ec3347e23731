import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { resolveOptions } from '../../server/options.ts';
import { checkAuthority, openAuthority } from '../../server/tls/authority.ts';
import { generateKeys, issueCertificate, pinOf } from '../../server/tls/certificate.ts';
import { addressBytes, integer, oid, sequence, time } from '../../server/tls/der.ts';
import { namesOf } from '../../server/tls/names.ts';
import { readSecretFile, writeSecretFile } from '../../server/tls/secretfile.ts';
import { closeScene, use } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { skipLoudly } from '../scene/skip.ts';

const DAY_MS = 86_400_000;
const NAMES = ['tasks.example.org', '*.example.org', 'localhost', '127.0.0.1', '::1', '2001:db8::ffff:1.2.3.4'];

function makeFolder(): string {
  const folder = createFolder();
  use({ close: () => rmSync(folder, { recursive: true }) });
  return folder;
}

/** An authority beside a store that is not there, at a time that the test sets. */
function openAt(file: string | undefined, clock = { now: Date.now() }) {
  return { clock, authority: openAuthority({ file, now: () => clock.now }) };
}

describe('DER', () => {
  it('writes what the standard shows', () => {
    assert.equal(oid('1.2.840.10045.4.3.2').toString('hex'), '06082a8648ce3d040302');
    assert.equal(integer(127).toString('hex'), '02017f');
    assert.equal(integer(128).toString('hex'), '02020080');
    assert.equal(
      time(Date.UTC(2049, 11, 31, 23, 59, 59))
        .toString('latin1')
        .slice(2),
      '491231235959Z',
    );
    assert.equal(
      time(Date.UTC(2050, 0, 1))
        .toString('latin1')
        .slice(2),
      '20500101000000Z',
    );
    const lengths = [127, 128, 255, 256, 65_536].map((n) => sequence(Buffer.alloc(n)).subarray(1, -n).toString('hex'));
    assert.deepEqual(lengths, ['7f', '8180', '81ff', '820100', '83010000']);
  });

  it('writes addresses as they are on the wire', () => {
    const rows = {
      '1.2.3.4': '01020304',
      '::': '0'.repeat(32),
      '::1': `${'0'.repeat(31)}1`,
      'fe80::a:b': `fe80${'0'.repeat(20)}000a000b`,
    };
    for (const [address, hex] of Object.entries(rows)) assert.equal(addressBytes(address).toString('hex'), hex);
    assert.equal(addressBytes('::ffff:1.2.3.4').toString('hex'), `${'0'.repeat(20)}ffff01020304`);
    assert.equal(addressBytes('1:2:3:4:5:6:7:8').toString('hex'), '00010002000300040005000600070008');
  });
});

describe('issueCertificate()', () => {
  afterEach(closeScene);

  it('makes what Node.js reads: names, times, who signed it and what for', () => {
    const { authority } = openAt(undefined);
    const { cert, key, expiresAt } = authority.identify(NAMES);
    const [own, root] = (cert.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? []).map(
      (one) => new X509Certificate(one),
    );
    assert.ok(own && root);
    for (const name of ['tasks.example.org', 'a.example.org', 'localhost'])
      assert.equal(typeof own.checkHost(name), 'string', name);
    for (const address of ['127.0.0.1', '::1', '2001:db8::ffff:102:304'])
      assert.equal(typeof own.checkIP(address), 'string', address);
    assert.equal(own.checkHost('other.org'), undefined);
    assert.equal(own.checkIP('127.0.0.2'), undefined);
    assert.deepEqual([own.ca, root.ca], [false, true]);
    assert.deepEqual(own.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.ok(own.checkIssued(root) && own.verify(root.publicKey) && root.verify(root.publicKey));
    assert.ok(key.includes('PRIVATE KEY'));
    assert.equal(own.validToDate.getTime(), expiresAt);
    assert.ok(own.serialNumber.length === 32 && own.serialNumber !== root.serialNumber);
  });

  it('makes what openssl verifies strictly, for servers and for clients', function () {
    if (spawnSync('openssl', ['version']).status !== 0) return skipLoudly(this, 'openssl is not installed');
    const folder = makeFolder();
    const issuer = { commonName: 'an authority', keys: generateKeys() };
    const [validFrom, validTo] = [Date.now() - DAY_MS, Date.now() + 30 * 365 * DAY_MS];
    writeFileSync(join(folder, 'ca.pem'), issueCertificate({ ...issuer, validFrom, validTo, isAuthority: true }));
    for (const purpose of ['server', 'client'] as const) {
      const keys = generateKeys();
      const cert = issueCertificate({ commonName: 'one', keys, issuer, validFrom, validTo, names: NAMES, purpose });
      writeFileSync(join(folder, 'one.pem'), cert);
      const args = ['verify', '-x509_strict', '-purpose', `ssl${purpose}`, '-CAfile', 'ca.pem', 'one.pem'];
      assert.equal(execFileSync('openssl', args, { cwd: folder, encoding: 'utf8' }), 'one.pem: OK\n');
      const other = args.with(3, purpose === 'server' ? 'sslclient' : 'sslserver');
      assert.notEqual(spawnSync('openssl', other, { cwd: folder }).status, 0);
    }
    const shown = execFileSync('openssl', ['asn1parse', '-in', 'one.pem'], { cwd: folder, encoding: 'utf8' });
    assert.match(shown, /GENERALIZEDTIME/);
  });
});

describe('openAuthority()', () => {
  afterEach(closeScene);

  it('keeps what it made in files for this user alone, and gives the same again', () => {
    const file = join(makeFolder(), 'contact.db');
    const first = openAt(file).authority.identify(NAMES);
    const again = openAt(file).authority.identify(NAMES.slice(0, 2));
    assert.deepEqual([again.cert, again.key, again.authority], [first.cert, first.key, first.authority]);
    const files = readdirSync(join(file, '..')).sort();
    assert.deepEqual(files, ['contact.db.ca-key.pem', 'contact.db.ca.pem', 'contact.db.tls.pem']);
    for (const name of files) assert.equal(statSync(join(file, '..', name)).mode & 0o777, 0o600);
    assert.equal(readFileSync(`${file}.ca.pem`, 'utf8'), first.authority.ca);
    assert.equal(pinOf(new X509Certificate(first.authority.ca!).publicKey), first.authority.pin);
  });

  it('makes a new certificate for a name that is new, and before it ends; the pin stays', () => {
    const file = join(makeFolder(), 'contact.db');
    const { authority, clock } = openAt(file);
    const first = authority.identify(['a.test']);
    assert.equal(authority.identify(['a.test']).cert, first.cert);
    const wider = authority.identify(['a.test', '10.0.0.1']);
    assert.notEqual(wider.cert, first.cert);
    clock.now += 59 * DAY_MS;
    assert.equal(authority.identify(['a.test']).cert, wider.cert);
    clock.now += 2 * DAY_MS;
    const renewed = authority.identify(['a.test']);
    assert.ok(renewed.expiresAt > wider.expiresAt && renewed.expiresAt - clock.now > 89 * DAY_MS);
    assert.deepEqual(renewed.authority, first.authority);
    // In nine years and a day the authority has less than a year left.
    clock.now += 9 * 365 * DAY_MS;
    const later = authority.identify(['a.test']);
    assert.equal(later.authority.pin, first.authority.pin);
    assert.notEqual(later.authority.ca, first.authority.ca);
    assert.equal(readFileSync(`${file}.ca.pem`, 'utf8'), later.authority.ca);
  });

  it('makes anew what was made while the clock ran ahead, the authority too; the pin stays', () => {
    const file = join(makeFolder(), 'contact.db');
    const { authority, clock } = openAt(file);
    const present = clock.now;
    clock.now += 400 * DAY_MS;
    const early = authority.identify(['a.test']);
    clock.now = present;
    const healed = authority.identify(['a.test']);
    for (const one of [healed.cert.slice(0, healed.cert.indexOf(healed.authority.ca!)), healed.authority.ca!])
      assert.ok(new X509Certificate(one).validFromDate.getTime() < present);
    assert.equal(healed.authority.pin, early.authority.pin);
    assert.equal(readFileSync(`${file}.ca.pem`, 'utf8'), healed.authority.ca);
    assert.equal(openAt(file).authority.identify(['a.test']).cert, healed.cert);
  });

  it('makes no new authority where its file is damaged, and refuses what others could have read or written', () => {
    const file = join(makeFolder(), 'contact.db');
    const { authority } = openAt(file);
    authority.identify(NAMES);
    const kept = `${file}.ca-key.pem`;
    const content = readFileSync(kept, 'utf8');
    const refuse = (words: RegExp): void =>
      assert.throws(
        () => authority.identify(NAMES),
        (error: Error) => {
          assert.match(error.message, words);
          assert.equal((error as { code?: string }).code, 'FAILED_PRECONDITION');
          assert.ok(!error.message.includes('PRIVATE'));
          return true;
        },
      );
    writeFileSync(kept, content.slice(0, -90));
    refuse(/no certificate with its key/);
    writeFileSync(kept, content);
    chmodSync(kept, 0o640);
    refuse(/may be read by others/);
    rmSync(kept);
    writeFileSync(`${kept}.real`, content, { mode: 0o600 });
    symlinkSync(`${kept}.real`, kept);
    refuse(/symbolic link/);
    rmSync(kept);
    mkdirSync(kept);
    refuse(/not a file/);
    rmSync(kept, { recursive: true });
    writeFileSync(kept, content, { mode: 0o600 });
    // The certificate alone is no secret, and that of the server can be made again.
    chmodSync(`${file}.ca.pem`, 0o644);
    writeFileSync(`${file}.tls.pem`, 'x');
    assert.ok(authority.identify(NAMES).cert.length > 500);
    assert.equal(statSync(`${file}.ca.pem`).mode & 0o777, 0o644);
  });

  it('makes no new authority where its key is missing: neither while it runs nor at a start beside what it had made', () => {
    const file = join(makeFolder(), 'contact.db');
    const { authority } = openAt(file);
    const first = authority.identify(NAMES);
    const [kept, shown, own] = [`${file}.ca-key.pem`, `${file}.ca.pem`, `${file}.tls.pem`];
    const content = readFileSync(kept);
    const saved = [readFileSync(shown, 'utf8'), readFileSync(own, 'utf8')];
    const refusal = { code: 'FAILED_PRECONDITION', field: 'tls', message: /ca-key\.pem is missing.*put back a copy/ };
    rmSync(kept);
    assert.throws(() => authority.identify(NAMES), refusal);
    assert.throws(() => openAt(file).authority.identify(NAMES), refusal);
    assert.throws(() => checkAuthority(file), refusal);
    assert.deepEqual([readFileSync(shown, 'utf8'), readFileSync(own, 'utf8')], saved);
    rmSync(shown);
    assert.throws(() => openAt(file).authority.identify(NAMES), refusal);
    writeFileSync(shown, saved[0]!);
    rmSync(own);
    assert.throws(() => openAt(file).authority.identify(NAMES), refusal);
    assert.throws(() => checkAuthority(file), refusal);
    // All may be away for a moment, as while a folder is moved or mounted again.
    rmSync(shown);
    assert.throws(() => authority.identify(NAMES), refusal);
    assert.deepEqual(readdirSync(join(file, '..')), []);
    writeFileSync(kept, content, { mode: 0o600 });
    assert.deepEqual(authority.identify(NAMES).authority, first.authority);
    // Whoever takes all of them away has another authority from the next start on.
    for (const path of [kept, shown, own]) rmSync(path);
    checkAuthority(file);
    assert.notEqual(openAt(file).authority.identify(NAMES).authority.pin, first.authority.pin);
  });
});

describe('namesOf()', () => {
  it('has loopback, what was given, the addresses listened on, and those of the machine for all', () => {
    const port = (host: string) => ({ kind: 'port', host, port: 1 }) as const;
    const names = namesOf(['a.test'], [port('10.1.2.3'), port('fe80::1%eth0'), { kind: 'file', path: '/x' }]);
    for (const name of ['a.test', 'localhost', '127.0.0.1', '::1', '10.1.2.3', 'fe80::1'])
      assert.ok(names.includes(name), name);
    const all = namesOf([], [port('0.0.0.0')]);
    assert.ok(!all.includes('0.0.0.0') && all.includes('127.0.0.1'));
  });
});

describe('names of a certificate', () => {
  it('has no more names than there may be', () => {
    const many = Array.from({ length: 300 }, (_, n) => `n${n}.test`);
    assert.equal(namesOf(many, []).length, 200);
    assert.throws(() => resolveOptions({ tls: 'auto', tlsName: many }), {
      code: 'INVALID_ARGUMENT',
      message: /tlsName/,
    });
    for (const name of ['', 'a b', 'https://a', 'a:1', '.a', 'a..b', '*']) {
      assert.throws(() => resolveOptions({ tls: 'auto', tlsName: [name] }), { code: 'INVALID_ARGUMENT' }, name);
    }
  });
});

describe('writeSecretFile()', () => {
  afterEach(closeScene);

  it('leaves nothing behind where it cannot write, and the old file whole', () => {
    const folder = makeFolder();
    const path = join(folder, 'secret');
    writeSecretFile(path, 'one');
    writeSecretFile(path, 'two');
    assert.equal(readSecretFile(path), 'two');
    mkdirSync(join(folder, 'taken'));
    assert.throws(() => writeSecretFile(join(folder, 'taken'), 'x'), /cannot be written/);
    assert.deepEqual(readdirSync(folder).sort(), ['secret', 'taken']);
    assert.equal(readSecretFile(join(folder, 'absent')), undefined);
  });
});
