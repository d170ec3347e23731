import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { AdminService } from '../../gen/index.ts';
import { checkOptions } from '../../server/index.ts';
import { startGuarded } from '../scene/access.ts';
import { ask, connect, refusalOf } from '../scene/clients.ts';
import { createFastClock } from '../scene/clock.ts';
import { atEnd, closeScene } from '../scene/end.ts';
import { createFolder } from '../scene/folder.ts';
import { createLogbook } from '../scene/logbook.ts';
import { AUDIENCE, createSigner, ISSUER, type Signer } from '../scene/signer.ts';
import { until } from '../scene/until.ts';

const GIVEN = { jwtIssuer: ISSUER, jwtAudience: AUDIENCE, jwtGrants: ['web role=observer queue=*'] };
// Nobody is pinged or sent away while a busy machine, or a fast clock, has it wait.
const OPTIONS = { ...GIVEN, pingIntervalMs: 60_000, authenticateWithinMs: 6_000_000, stuckSocketMs: 60_000 };

interface Place {
  readonly jwks: string;
  write(...keys: readonly (object | Signer)[]): void;
}

function textOf(keys: readonly (object | Signer)[]): string {
  return JSON.stringify({ keys: keys.map((key) => ('jwk' in key ? key.jwk : key)) });
}

async function createFile(...keys: readonly (object | Signer)[]): Promise<Place> {
  const jwks = join(createFolder(), 'keys.json');
  const write: Place['write'] = (...next) => writeFileSync(jwks, textOf(next));
  write(...keys);
  return { jwks, write };
}

async function createUrl(...keys: readonly (object | Signer)[]): Promise<Place> {
  let text = textOf(keys);
  const server = createServer((_request, answer) => answer.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => new Promise((resolve) => server.close(resolve)));
  atEnd(() => server.closeAllConnections());
  return {
    jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    write(...next) {
      text = textOf(next);
    },
  };
}

const wallClock = Date.now;

/** Sets the wall clock so far ahead: jose knows no other. */
function passTime(ms: number): void {
  Date.now = () => wallClock() + ms;
  atEnd(() => {
    Date.now = wallClock;
  });
}

function tryAs(scene: Awaited<ReturnType<typeof startGuarded>>, token: string): Promise<string> {
  return refusalOf(ask(connect(scene, {}, token), AdminService.method.listQueues, {}));
}

describe('keys of JWTs', () => {
  afterEach(closeScene);

  for (const [place, create] of [
    ['a file', createFile],
    ['a URL', createUrl],
  ] as const) {
    for (const [what, kids] of [
      ['two of one name', ['one', 'one']],
      ['two without a name', [null, null]],
      ['those of a token that names none', [null, 'two', 'three']],
    ] as const) {
      it(`of ${place} that fit a token are tried one after the other: ${what}`, async () => {
        const signers = await Promise.all(kids.map((kid) => createSigner(kid)));
        const { jwks } = await create(
          ...signers.map(({ jwk }, at) => (at === 0 ? { ...jwk, kid: kids[1] ?? undefined } : jwk)),
        );
        const scene = await startGuarded({ ...OPTIONS, jwks });
        const mayTry = kids[2] === undefined ? signers : signers.slice(0, 1);
        for (const signer of mayTry) assert.equal(await tryAs(scene, await signer.sign()), 'OK');
        // What is wrong beside the signature is its own fault, and nobody's key makes it good.
        assert.match(await tryAs(scene, await mayTry.at(-1)!.sign({ aud: 'another' })), /^UNAUTHENTICATED/);
        assert.match(await tryAs(scene, await mayTry.at(-1)!.sign({}, { seconds: -60 })), /^UNAUTHENTICATED .*expired/);
        const forged = await (await createSigner('one')).sign();
        // Of a name that nobody knows: the keys of a URL may lack a newer one.
        const mayBeNewer = place === 'a URL' && kids[0] === null;
        assert.match(await tryAs(scene, forged), mayBeNewer ? /^UNAVAILABLE/ : /^UNAUTHENTICATED/);
      });
    }
  }

  it('of a file that have no name are looked for when they are new, and those before go on', async () => {
    const [first, second] = [await createSigner(null), await createSigner(null)];
    const place = await createFile(first);
    const clock = createFastClock(100);
    const scene = await startGuarded({ ...OPTIONS, jwks: place.jwks }, { clock });
    const [before, after] = [await first.sign({}, { seconds: 7_200 }), await second.sign({}, { seconds: 7_200 })];
    assert.equal(await tryAs(scene, before), 'OK');
    place.write(first, second);
    assert.equal(await tryAs(scene, after), 'OK');
    const until61 = clock.monotonic() + 61_000;
    await until('a minute is over', () => clock.monotonic() > until61);
    assert.deepEqual([await tryAs(scene, before), await tryAs(scene, after)], ['OK', 'OK']);
    place.write(second);
    await until('the first counts no more', async () => (await tryAs(scene, before)) !== 'OK');
    assert.match(await tryAs(scene, before), /^UNAUTHENTICATED/);
    assert.equal(await tryAs(scene, after), 'OK');
  });

  it('of a URL that have no name are fetched when they are new, and are none of a forger', async () => {
    const [first, second] = [await createSigner(null), await createSigner(null)];
    const place = await createUrl(first);
    const scene = await startGuarded({ ...OPTIONS, jwks: place.jwks });
    // The first token has them fetched: there is nothing newer to wait for.
    assert.match(await tryAs(scene, await second.sign()), /^UNAUTHENTICATED/);
    assert.equal(await tryAs(scene, await first.sign()), 'OK');
    place.write(first, second);
    assert.match(await tryAs(scene, await second.sign()), /^UNAVAILABLE/);
    passTime(31_000);
    assert.equal(await tryAs(scene, await second.sign()), 'OK');
    assert.equal(await tryAs(scene, await first.sign()), 'OK');
    passTime(62_000);
    assert.match(await tryAs(scene, await (await createSigner(null)).sign()), /^UNAUTHENTICATED/);
  });

  it('that cannot be used are no fault of the token, and the log says what is wrong', async () => {
    const signer = await createSigner(null);
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const secret = { ...(await exportJWK(privateKey)), alg: 'ES256' };
    const broken = { ...signer.jwk, x: 'AA' };
    for (const [keys, expected] of [
      [[secret], /^UNAVAILABLE/],
      [[broken], /^UNAVAILABLE/],
      [[broken, secret], /^UNAVAILABLE/],
      [[broken, secret, signer], /^OK/],
    ] as const) {
      const log = createLogbook();
      const { jwks } = await createFile(...keys);
      const scene = await startGuarded({ ...OPTIONS, jwks }, { logger: log });
      assert.match(await tryAs(scene, await signer.sign()), expected);
      const told = log.lines.filter(({ message }) => message === 'the keys of tokens cannot be had');
      assert.equal(told.length, expected.test('OK') ? 0 : 1);
      assert.ok(told.every(({ err }) => String((err as Error).message).length > 10));
    }
  });

  it('of a file that no token can be signed by are told of, in the log and before a start', async () => {
    const signer = await createSigner('good');
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const secret = { ...(await exportJWK(privateKey)), kid: 'secret' };
    for (const [keys, words] of [
      [[], /keys\.json has no key in it: every JWT is refused/],
      [[signer], undefined],
      [[signer, secret], /the key "secret" in \S+ is a private one: no JWT is taken by it, and whoever reads/],
      [[signer, { kty: 'oct', k: 'AAAA' }], /the key number 2 in \S+ is of the kind "oct": no JWT is taken/],
      [[{ ...signer.jwk, use: 'enc' }], /the key "good" in \S+ is not for signatures/],
    ] as const) {
      const log = createLogbook();
      const { jwks } = await createFile(...keys);
      await startGuarded({ ...OPTIONS, jwks }, { logger: log });
      const told = log.lines.filter(({ message }) => message === 'the file of the keys of tokens is to be mended');
      assert.equal(told.length > 0, words !== undefined, JSON.stringify(told));
      const checked = await checkOptions({ ...GIVEN, store: 'memory:', listen: ['127.0.0.1:0'], auth: 'on', jwks });
      const found = checked.filter(({ option }) => option === 'jwks');
      assert.equal(found.length, told.length);
      assert.ok(found.every(({ isWarning }) => isWarning));
      if (words) assert.match(found[0]!.problem, words);
    }
  });
});
