import assert from 'node:assert/strict';
import { createAuthenticate } from '../../server/access/authenticate.ts';
import { createCallers } from '../../server/access/callers.ts';
import { createCertificateReader } from '../../server/access/certificates.ts';
import { readGrants } from '../../server/access/grants.ts';
import { EXPIRED, OVER, REVOKED, UNAUTHENTICATED } from '../../server/access/refusals.ts';
import { createStanding } from '../../server/access/standing.ts';
import { drawToken, readToken } from '../../server/access/token.ts';
import { ALL_RIGHTS, type Rights } from '../../server/model/access.ts';
import { type Caller, LOCAL_OPERATOR } from '../../server/model/caller.ts';
import type { StoredCredential } from '../../server/store/credentials.ts';
import { createFakeClock } from '../scene/clock.ts';

const NONE = { kind: 'none' } as const;

function stored(change: Partial<StoredCredential> = {}): StoredCredential {
  return {
    id: 'a'.repeat(16),
    hash: '',
    kind: 'token',
    principal: 'token:t',
    name: 't',
    rights: ALL_RIGHTS,
    createdAt: 0,
    expiresAt: null,
    usesLeft: null,
    lifetimeMs: null,
    parentId: null,
    clientId: null,
    revokedAt: null,
    lastUsedAt: null,
    ...{ createdBy: '', endsBy: null, madeWith: null, countedFor: '' },
    ...change,
  };
}

describe('readToken()', () => {
  it('takes what drawToken() gives and nothing else', () => {
    const { text, id } = drawToken();
    assert.equal(readToken(text)!.id, id);
    for (const wrong of [
      '',
      text.slice(1),
      `${text}A`,
      text.slice(0, -1),
      text.toUpperCase(),
      `${text}\n`,
      ` ${text}`,
    ]) {
      assert.equal(readToken(wrong), undefined, JSON.stringify(wrong));
    }
  });
});

describe('createAuthenticate()', () => {
  const { text, id, hash } = drawToken();
  let credential = stored({ id, hash });
  const used: string[] = [];
  const certificates = createCertificateReader(readGrants(['robot-* role=worker'], 'certificateGrants'), () => 1_000);
  const authenticate = createAuthenticate({
    credentials: { find: (asked) => (asked === id ? credential : undefined), used: (one) => void used.push(one) },
    now: () => 1_000,
    readForeignToken: undefined,
    callersOfCertificate: certificates,
  });
  const ask = (authorization: string | undefined, clientId?: string): Caller =>
    authenticate({ authorization, clientId, peer: () => NONE }) as Caller;

  it('gives the same caller for the same credential, until that changes', () => {
    credential = stored({ id, hash });
    const first = ask(`Bearer ${text}`);
    assert.equal(ask(`bearer  ${text}`), first);
    credential = stored({ id, hash, rights: { ...ALL_RIGHTS, queues: [] } });
    assert.notEqual(ask(`Bearer ${text}`), first);
    assert.deepEqual(used, [id, id, id]);
  });

  it('takes {client} for the id that the call names, if the caller may have that', () => {
    const rights: Rights = { ...ALL_RIGHTS, queues: ['robots/{client}'], clients: ['robot-*'] };
    credential = stored({ id, hash, rights });
    assert.deepEqual(ask(`Bearer ${text}`, 'robot-7').scope.queues, ['robots/robot-7']);
    assert.equal(ask(`Bearer ${text}`, 'robot-7'), ask(`Bearer ${text}`, 'robot-7'));
    assert.deepEqual(ask(`Bearer ${text}`, 'other').scope.queues, []);
    assert.deepEqual(ask(`Bearer ${text}`).scope.queues, []);
    for (const pattern of ['robot-*', 'robot-7*']) assert.deepEqual(ask(`Bearer ${text}`, pattern).scope.queues, []);
  });

  it('tells of its end only who has the secret', () => {
    const wrong = `Bearer ct_${id}_${drawToken().text.slice(-43)}`;
    for (const [change, error] of [
      [{ revokedAt: 5 }, REVOKED],
      [{ expiresAt: 1_000 }, EXPIRED],
    ] as const) {
      credential = stored({ id, hash, ...change });
      assert.throws(() => ask(`Bearer ${text}`), error);
      assert.throws(() => ask(wrong), UNAUTHENTICATED);
    }
    credential = stored({ id, hash, expiresAt: 1_001 });
    assert.equal(ask(`Bearer ${text}`).principal, 'token:t');
  });

  it('lets a join in after its end, whose client may have lost the answer, with no right of those that come by it', () => {
    credential = stored({ id, hash, kind: 'join', expiresAt: 1 });
    const caller = ask(`Bearer ${text}`);
    assert.deepEqual([caller.kind, [...caller.roles], caller.scope.queues], ['join', [], []]);
  });

  it('goes by the connection where the call says nothing, and not where it says what is wrong', () => {
    const peer = (kind: 'operator') => () => ({ kind }) as const;
    assert.equal(
      authenticate({ authorization: undefined, clientId: undefined, peer: peer('operator') }),
      LOCAL_OPERATOR,
    );
    assert.throws(
      () => authenticate({ authorization: 'Bearer ct_x', clientId: undefined, peer: peer('operator') }),
      UNAUTHENTICATED,
    );
    const certified = (name: string, expiresAt = 2_000): Caller =>
      authenticate({
        authorization: undefined,
        clientId: undefined,
        peer: () => ({ kind: 'certificate', name, expiresAt }),
      }) as Caller;
    const robot = certified('robot-7');
    assert.deepEqual([robot.principal, robot.kind, robot.expiresAt], ['cert:robot-7', 'certificate', 2_000]);
    assert.equal(certified('robot-7'), robot);
    assert.throws(() => certified('web'), UNAUTHENTICATED);
    assert.throws(() => certified('robot-7', 1_000), OVER);
    // Another connection shows the next one, and nobody has to let its holder in anew.
    assert.equal(OVER.advice?.retry, 'backoff');
  });
});

describe('createStanding()', () => {
  function createScene() {
    const clock = createFakeClock(0);
    const byId = new Map<string, StoredCredential>();
    let ends = 0;
    const standing = createStanding({
      credentials: {
        find: (id) => byId.get(id),
        ofPrincipal: (principal) => [...byId.values()].filter((one) => one.principal === principal),
      },
      clock,
      onEnd: () => {
        ends += 1;
      },
    });
    function put(id: string, change: Partial<StoredCredential>): void {
      byId.set(id, stored({ id, kind: 'client', principal: 'client:c', ...change }));
    }
    const forget = (id: string): unknown => byId.delete(id);
    const callerOf = (id: string, expiresAt: number): Caller =>
      createCallers({ principal: 'client:c', kind: 'client', rights: ALL_RIGHTS, credentialId: id, expiresAt }).as(
        undefined,
      );
    return { clock, standing, put, forget, callerOf, countEnds: () => ends };
  }

  it('looks when the time of somebody is over, and not before', () => {
    const { clock, standing, put, callerOf, countEnds } = createScene();
    put('a', { expiresAt: 200_000 });
    const caller = callerOf('a', 200_000);
    standing.note(caller);
    standing.note(caller);
    clock.advance(199_000);
    assert.deepEqual([countEnds(), standing.endOf(caller)], [0, undefined]);
    clock.advance(2_000);
    assert.deepEqual([countEnds(), standing.endOf(caller)], [1, EXPIRED]);
    clock.advance(1_000_000);
    assert.equal(countEnds(), 1);
    assert.equal(clock.pending, 0);
  });

  it('lets who was let in by a credential stay for as long as one of its line lives', () => {
    const { clock, standing, put, callerOf, countEnds } = createScene();
    put('a', { expiresAt: 100_000 });
    const caller = callerOf('a', 100_000);
    standing.note(caller);
    put('b', { expiresAt: 300_000 });
    put('c', { expiresAt: 500_000 });
    clock.advance(499_000);
    assert.deepEqual([countEnds(), standing.endOf(caller)], [0, undefined]);
    put('c', { expiresAt: 500_000, revokedAt: 1 });
    standing.changed(['c']);
    assert.deepEqual([countEnds(), standing.endOf(caller)], [1, EXPIRED]);
    put('a', { expiresAt: 100_000, revokedAt: 1 });
    assert.equal(standing.endOf(caller), REVOKED);
  });

  it('ends what was let in by one that was revoked, whatever was stored in its place', () => {
    const { standing, put, callerOf, countEnds } = createScene();
    put('a', { expiresAt: null });
    const [thief, honest] = [callerOf('a', Number.POSITIVE_INFINITY), callerOf('b', Number.POSITIVE_INFINITY)];
    standing.note(thief);
    put('b', { expiresAt: null });
    standing.note(honest);
    put('a', { expiresAt: 600_000, revokedAt: 1 });
    standing.changed(['a']);
    assert.deepEqual([countEnds(), standing.endOf(thief), standing.endOf(honest)], [1, REVOKED, undefined]);
  });

  it('sees that somebody ends earlier than it was let in for', () => {
    const { clock, standing, put, callerOf, countEnds } = createScene();
    put('a', { expiresAt: null });
    const caller = callerOf('a', Number.POSITIVE_INFINITY);
    standing.note(caller);
    put('a', { expiresAt: 100_000 });
    standing.changed(['a']);
    clock.advance(99_000);
    assert.deepEqual([countEnds(), standing.endOf(caller)], [0, undefined]);
    clock.advance(2_000);
    assert.deepEqual([countEnds(), standing.endOf(caller)], [1, EXPIRED]);
  });

  it('lets who was let in by one that is forgotten stay while another of its holder lives', () => {
    const { standing, put, forget, callerOf } = createScene();
    put('a', { expiresAt: 100_000 });
    const caller = callerOf('a', 100_000);
    put('b', { expiresAt: null });
    forget('a');
    assert.equal(standing.endOf(caller), undefined);
    put('b', { expiresAt: null, revokedAt: 1 });
    assert.equal(standing.endOf(caller), REVOKED);
    forget('b');
    assert.equal(standing.endOf(caller), REVOKED);
  });

  it('sees a wall clock that was set', () => {
    const { clock, standing, put, callerOf, countEnds } = createScene();
    put('a', { expiresAt: 10_000_000 });
    standing.note(callerOf('a', 10_000_000));
    clock.jump(10_000_000);
    clock.advance(61_000);
    assert.equal(countEnds(), 1);
  });

  it('ends no call of a join, which is asked again after its end; and tells a certificate to come again', () => {
    const { clock, standing, put, countEnds } = createScene();
    const subject = {
      principal: 'join:j',
      kind: 'join',
      rights: ALL_RIGHTS,
      credentialId: 'j',
      expiresAt: 1_000,
    } as const;
    const caller = createCallers(subject).as(undefined);
    put('j', { kind: 'join', expiresAt: 1_000 });
    clock.advance(2_000);
    standing.note(caller);
    clock.advance(2_000);
    assert.deepEqual([countEnds(), clock.pending, standing.endOf(caller)], [0, 0, undefined]);
    const certified = createCallers({ principal: 'cert:c', kind: 'certificate', rights: ALL_RIGHTS, expiresAt: 1_000 });
    assert.equal(standing.endOf(certified.as(undefined)), OVER);
  });

  it('minds nobody who has no end', () => {
    const { clock, standing } = createScene();
    standing.note(LOCAL_OPERATOR);
    assert.deepEqual([clock.pending, standing.endOf(LOCAL_OPERATOR)], [0, undefined]);
  });
});
