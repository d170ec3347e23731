import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join as joinPath } from 'node:path';
import type { Enrolment } from '../../client/credential/credential.ts';
import { openEnrolled } from '../../client/credential/enrolled.ts';
import { drawSecret, hashSecret, type Secret } from '../../client/credential/secret.ts';
import { ContactError } from '../../shared/errors.ts';
import { writeJoinText } from '../../shared/jointext.ts';
import { createFakeClock, type FakeClock } from '../scene/clock.ts';
import { createFolder } from '../scene/folder.ts';

const LIFETIME_MS = 90_000;
const JOIN_SECRET = drawSecret();
const JOIN = writeJoinText({ addresses: ['a.test:1', 'b.test:2'], pin: '', ...JOIN_SECRET });

describe('openEnrolled()', () => {
  let folder: string;
  let path: string;
  let clock: FakeClock;
  let told: string[];

  beforeEach(() => {
    folder = createFolder();
    path = joinPath(folder, 'state', 'robot-7');
    clock = createFakeClock();
    told = [];
  });

  function open(given: { join?: string; clientId?: string } = { join: JOIN, clientId: 'robot-7' }) {
    return openEnrolled(
      { join: undefined, clientId: undefined, path, ...given },
      { clock, warn: (line) => told.push(line) },
    );
  }

  async function enrolled() {
    const credential = open();
    await credential.enrol(async () => ({ lifetimeMs: LIFETIME_MS }));
    return credential;
  }

  const wrong = (field: string) => (error: unknown) => {
    assert.ok(error instanceof ContactError, String(error));
    assert.deepEqual([error.code, error.field], ['INVALID_ARGUMENT', field]);
    assert.ok(
      !error.message.includes(JOIN_SECRET.secret.slice(0, 8)) && !error.message.includes('cj_ey'),
      error.message,
    );
    return true;
  };

  it('has its secret in a file for its owner alone before it is enrolled, and the same one when it was cut off', async () => {
    const asked: Enrolment[] = [];
    for (let n = 0; n < 3; n++) {
      const credential = open();
      assert.equal(credential.isReady, false);
      assert.deepEqual(credential.target?.addresses, ['a.test:1', 'b.test:2']);
      await assert.rejects(
        credential.enrol(async (enrolment) => {
          asked.push(structuredClone(enrolment));
          throw new ContactError('UNAVAILABLE', 'the answer is lost');
        }),
      );
    }
    assert.deepEqual(new Set(asked.map(({ secret }) => secret.id)).size, 1);
    assert.deepEqual(new Set(asked.map(({ secret }) => secret.secret)).size, 1);
    assert.equal(asked[0]!.token, `ct_${JOIN_SECRET.id}_${JOIN_SECRET.secret}`);
    assert.equal(asked[0]!.clientId, 'robot-7');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(joinPath(folder, 'state')), ['robot-7']);
    const credential = await enrolled();
    assert.equal(credential.token, `ct_${asked[0]!.secret.id}_${asked[0]!.secret.secret}`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('goes on by the file alone, as its client, at the addresses of its join', async () => {
    const { token } = await enrolled();
    const again = open({});
    assert.deepEqual([again.isReady, again.token, again.clientId], [true, token, 'robot-7']);
    assert.deepEqual(again.target?.addresses, ['a.test:1', 'b.test:2']);
    // The join may be gone, or another one: it is not looked at any more.
    assert.equal(open({ join: joinPath(folder, 'gone') }).token, token);
    assert.deepEqual(told, []);
  });

  it('is drawn once by two that begin at the same time', () => {
    assert.equal(open().token, open().token);
  });

  it('takes the join from a file, and warns of one that others can read', () => {
    const file = joinPath(folder, 'join');
    writeFileSync(file, `${JOIN}\n`, { mode: 0o644 });
    assert.equal(open({ join: file, clientId: 'robot-7' }).isReady, false);
    assert.match(told[0]!, /^what is given as join: others can read .*\(mode 644\)/);
  });

  it('refuses what is wrong and shows nothing of it', async () => {
    const cut = JOIN.slice(0, -4);
    assert.throws(() => open({ join: cut, clientId: 'robot-7' }), wrong('join'));
    assert.throws(() => open({ join: JOIN.slice(1), clientId: 'robot-7' }), wrong('join'));
    assert.throws(() => open({ join: joinPath(folder, 'nosuch'), clientId: 'robot-7' }), wrong('join'));
    assert.throws(() => open({}), wrong('credentialFile'));
    assert.throws(() => open({ join: JOIN }), wrong('joinAs'));
    assert.equal(existsSync(path), false);
    open();
    assert.throws(() => open({}), wrong('credentialFile'), 'not enrolled to its end');
    assert.throws(() => open({ join: JOIN, clientId: 'robot-8' }), wrong('credentialFile'));
    await enrolled();
    assert.throws(() => open({ clientId: 'robot-8' }), wrong('credentialFile'));
    const kept = JSON.parse(readFileSync(path, 'utf8'));
    for (const change of [
      { version: 2 },
      { secret: 'short' },
      { clientId: 'a b' },
      { renewAt: 'soon' },
      { next: {} },
    ]) {
      writeFileSync(path, JSON.stringify({ ...kept, ...change }));
      assert.throws(() => open({}), wrong('credentialFile'), JSON.stringify(change));
    }
    writeFileSync(path, 'junk');
    assert.throws(() => open({}), wrong('credentialFile'));
  });

  it('warns of a credential that others can read', async () => {
    await enrolled();
    chmodSync(path, 0o640);
    open({});
    assert.match(told[0]!, /^credentialFile: others can read .*\(mode 640\): chmod 600/);
  });

  it('is to be renewed after two thirds of its life, and never where it has no end', async () => {
    const credential = await enrolled();
    assert.equal(credential.renewAt, clock.now() + (2 / 3) * LIFETIME_MS);
    await credential.renew(async () => ({ lifetimeMs: undefined }));
    assert.equal(credential.renewAt, Number.POSITIVE_INFINITY);
  });

  it('has the next secret in its file before it is renewed, and asks for the same one again', async () => {
    const credential = await enrolled();
    const { token } = credential;
    const asked: Secret[] = [];
    const cutOff = async ({ secret }: { secret: Secret }): Promise<never> => {
      assert.ok(readFileSync(path, 'utf8').includes(secret.secret));
      assert.equal(credential.token, token);
      asked.push(secret);
      throw new ContactError('UNAVAILABLE', 'the answer is lost');
    };
    await assert.rejects(credential.renew(cutOff), { code: 'UNAVAILABLE' });
    // A tenth of what is left of its life, and no less than a second.
    assert.equal(credential.renewAt, clock.now() + LIFETIME_MS / 10);
    await assert.rejects(open({}).renew(cutOff), { code: 'UNAVAILABLE' });
    await credential.renew(async ({ secret }) => {
      asked.push(secret);
      return { lifetimeMs: LIFETIME_MS };
    });
    assert.equal(new Set(asked.map(({ secret }) => secret)).size, 1);
    assert.equal(credential.token, `ct_${asked[0]!.id}_${asked[0]!.secret}`);
    assert.equal(open({}).token, credential.token);
    assert.ok(!readFileSync(path, 'utf8').includes(token!.slice(-43)), 'the one before is still there');
    assert.deepEqual(readdirSync(joinPath(folder, 'state')), ['robot-7']);
  });

  it('is renewed once by all that share its file', async () => {
    const sharing = [await enrolled(), open({}), open({})];
    let count = 0;
    await Promise.all(
      sharing
        .map((credential) =>
          credential.renew(async () => {
            count += 1;
            await new Promise(setImmediate);
            return { lifetimeMs: LIFETIME_MS };
          }),
        )
        .concat(advance(() => count > 0)),
    );
    assert.equal(count, 1);
    for (const credential of sharing) credential.refresh();
    assert.equal(new Set(sharing.map(({ token }) => token)).size, 1);
  });

  /** Moves the clock on while others wait for the lock. */
  async function advance(isDone: () => boolean): Promise<void> {
    for (let n = 0; n < 20 || !isDone(); n++) {
      await new Promise(setImmediate);
      clock.advance(50);
    }
  }

  it('is renewed also where whoever held the lock was killed', async () => {
    const credential = await enrolled();
    const lock = `${path}.lock`;
    writeFileSync(lock, '');
    utimesSync(lock, 0, 0);
    await credential.renew(async () => ({ lifetimeMs: LIFETIME_MS }));
    assert.equal(existsSync(lock), false);
  });

  it('waits before it is renewed again where its file cannot be written, and says why', async () => {
    const credential = await enrolled();
    clock.advance((2 / 3) * LIFETIME_MS);
    const state = joinPath(folder, 'state');
    renameSync(state, `${state}.away`);
    await assert.rejects(
      credential.renew(async () => ({ lifetimeMs: LIFETIME_MS })),
      { code: 'FAILED_PRECONDITION', field: 'credentialFile', message: /ENOENT.*robot-7\.lock/ },
    );
    assert.equal(credential.renewAt, clock.now() + LIFETIME_MS / 30);
    renameSync(`${state}.away`, state);
    await credential.renew(async () => ({ lifetimeMs: LIFETIME_MS }));
    assert.equal(credential.renewAt, clock.now() + (2 / 3) * LIFETIME_MS);
  });

  it('is renewed at once where it was written while the clock ran ahead', async () => {
    clock.jump(3_600_000);
    await enrolled();
    clock.jump(-3_600_000);
    assert.equal(open({}).renewAt, clock.now());
  });

  it('takes away a lock of the future, and does not wait without end for one that is held', async () => {
    const credential = await enrolled();
    const lock = `${path}.lock`;
    const renew = () => credential.renew(async () => ({ lifetimeMs: LIFETIME_MS }));
    writeFileSync(lock, '');
    const tomorrow = Date.now() / 1_000 + 86_400;
    utimesSync(lock, tomorrow, tomorrow);
    await renew();
    writeFileSync(lock, '');
    const held = assert.rejects(renew(), {
      code: 'FAILED_PRECONDITION',
      message: /robot-7\.lock has been held by others for 18 s/,
    });
    for (let n = 0; n < 400; n++) {
      await new Promise(setImmediate);
      clock.advance(50);
    }
    await held;
  });

  it('has another token to come again with once somebody else has renewed it, or its own answer was lost', async () => {
    const credential = await enrolled();
    const { token } = credential;
    assert.equal(credential.hasOther(token), false);
    await open({}).renew(async () => ({ lifetimeMs: LIFETIME_MS }));
    assert.equal(credential.hasOther(token), true);
    const second = credential.token;
    assert.notEqual(second, token);
    let next = '';
    const lost = credential.renew(async ({ secret }) => {
      next = secret.secret;
      throw new ContactError('UNAVAILABLE', 'the answer is lost');
    });
    await assert.rejects(lost);
    assert.equal(credential.hasOther(second), true);
    assert.ok(credential.token!.endsWith(next));
    assert.equal(credential.hasOther(credential.token), false);
  });

  it('goes on with what it has read while its file is gone or broken, and says so', async () => {
    const credential = await enrolled();
    const { token } = credential;
    writeFileSync(path, 'junk');
    credential.refresh();
    assert.equal(credential.token, token);
    assert.match(told[0]!, /credentialFile: .*going on with the credential that was read before/);
  });
});

describe('hashSecret()', () => {
  it('is SHA-256 of the 43 characters', () => {
    const drawn = drawSecret();
    assert.match(drawn.id, /^[a-z0-9]{16}$/);
    assert.match(drawn.secret, /^[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(Buffer.from(hashSecret(drawn)), createHash('sha256').update(Buffer.from(drawn.secret)).digest());
  });
});
