import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createProducer } from '../../client/index.ts';
import { assertTokenMayTravel } from '../../client/plaintext.ts';
import { findReachable } from '../../server/encryption.ts';
import { findExposed, resolveAuth } from '../../server/exposure.ts';
import type { Address } from '../../shared/address.ts';

const at = (host: string): Address => ({ kind: 'port', host, port: 1 });
const FILE: Address = { kind: 'file', path: '/x' };
const BEYOND = ['0.0.0.0', '::', '10.0.0.1', 'example.org', 'localhost.example.org', '128.0.0.1'];
const NEAR = ['127.0.0.1', '127.9.9.9', 'localhost', 'a.localhost', '::1'];

describe('resolveAuth()', () => {
  it('is on with TLS and beyond loopback, off on this machine, unless it is said', () => {
    const plain = { auth: undefined, insecure: false, isEncrypted: false };
    for (const host of NEAR) assert.equal(resolveAuth(plain, [at(host), FILE]), 'off', host);
    for (const host of BEYOND) assert.equal(resolveAuth(plain, [at('127.0.0.1'), at(host)]), 'on', host);
    assert.equal(resolveAuth({ ...plain, isEncrypted: true }, [at('127.0.0.1')]), 'on');
    assert.equal(resolveAuth({ ...plain, auth: 'off', isEncrypted: true }, [at('127.0.0.1')]), 'off');
    assert.equal(resolveAuth({ ...plain, auth: 'on' }, [FILE]), 'on');
    assert.equal(resolveAuth({ ...plain, insecure: true }, [at('0.0.0.0')]), 'off');
    assert.equal(resolveAuth({ ...plain, insecure: true, auth: 'on' }, [at('0.0.0.0')]), 'on');
  });

  it('refuses to let in anybody from anywhere, with TLS too, and says what to do', () => {
    for (const host of BEYOND) {
      for (const isEncrypted of [false, true]) {
        assert.throws(() => resolveAuth({ auth: 'off', insecure: false, isEncrypted }, [FILE, at(host)]), {
          code: 'INVALID_ARGUMENT',
          field: 'listen',
          message: /--auth on.*--tls auto.*loopback.*--insecure/,
        });
      }
    }
  });
});

describe('findExposed()', () => {
  it('tells of what others than this machine can do and read, and of nothing near', () => {
    const words = (auth: 'on' | 'off', isEncrypted: boolean, host: string): string[] =>
      findExposed({ auth, isEncrypted }, [FILE, at(host)]).map((one) => /do everything|read on the way/.exec(one)![0]);
    for (const host of NEAR) assert.deepEqual(words('off', false, host), [], host);
    for (const host of BEYOND) {
      assert.deepEqual(words('on', true, host), [], host);
      assert.deepEqual(words('on', false, host), ['read on the way'], host);
      assert.deepEqual(words('off', true, host), ['do everything'], host);
      assert.deepEqual(words('off', false, host), ['do everything', 'read on the way'], host);
    }
  });
});

describe('findReachable()', () => {
  it('has the names that were given, then what is listened on, and no more than a join text holds', () => {
    assert.deepEqual(findReachable([at('10.0.0.1'), FILE], ['a.test', '*.b.test']), ['a.test:1', '10.0.0.1:1']);
    assert.deepEqual(findReachable([FILE], ['a.test']), []);
    assert.equal(
      findReachable(
        [at('10.0.0.1')],
        Array.from({ length: 20 }, (_, n) => `n${n}.test`),
      ).length,
      8,
    );
    assert.ok(findReachable([at('0.0.0.0')], []).every((address) => !address.startsWith('0.0.0.0')));
  });
});

describe('a token without TLS', () => {
  it('goes to this machine alone, unless its user says otherwise', () => {
    for (const host of [...NEAR.slice(0, 4), '[::1]']) assertTokenMayTravel({ server: `${host}:1` });
    assertTokenMayTravel({ server: 'unix:/x' });
    for (const host of ['example.org', '10.0.0.1', '[::2]', '0.0.0.0', 'localhost.example.org']) {
      const way = { server: `${host}:1` };
      assert.throws(() => assertTokenMayTravel(way), { code: 'INVALID_ARGUMENT', field: 'token' }, host);
      assertTokenMayTravel({ ...way, tls: {} });
      assertTokenMayTravel({ ...way, insecure: true });
    }
  });

  it("is refused in the caller's own turn, and is in no message", () => {
    const token = 'a-secret-of-somebody';
    for (const given of [{ token }, { tokenFile: '/no/such/file' }]) {
      assert.throws(
        () => createProducer({ server: 'example.org:1', ...given }),
        (error: Error & { field?: string }) => {
          assert.equal(error.field, Object.keys(given)[0]);
          assert.ok(!error.message.includes(token));
          return true;
        },
      );
    }
  });
});
