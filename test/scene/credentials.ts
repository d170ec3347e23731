import { createHash, randomBytes } from 'node:crypto';
import type { Rights } from '../../server/model/access.ts';
import type { NewCredential } from '../../server/store/credentials.ts';
import { T0 } from './tasks.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** An id of a credential, drawn anew. */
export function newCredentialId(): string {
  return Array.from(randomBytes(16), (byte) => LETTERS[byte % LETTERS.length]).join('');
}

/** What is stored of a secret; without one of a secret that is drawn anew. */
export function hashOf(secret: string = randomBytes(32).toString('base64url')): string {
  return createHash('sha256').update(secret).digest('hex');
}

export const WORKER_RIGHTS: Rights = {
  roles: ['worker'],
  queues: ['robots/{client}'],
  clients: ['robot-*'],
  calls: [],
  serves: ['pkg.Arm/*'],
};

/** A token that lives for an hour from T0. */
export function createToken(with_: Partial<NewCredential> = {}): NewCredential {
  const name = with_.name ?? 'web';
  return {
    id: newCredentialId(),
    hash: hashOf(),
    kind: 'token',
    principal: `token:${name}`,
    name,
    rights: { roles: ['producer'], queues: ['mail/*'], clients: [], calls: [], serves: [] },
    expiresAt: T0 + 3_600_000,
    usesLeft: null,
    lifetimeMs: null,
    createdBy: 'operator',
    endsBy: null,
    madeWith: null,
    countedFor: '',
    ...with_,
  };
}

/** A join that lets two robots in for an hour from T0, each for a day. */
export function createJoin(with_: Partial<NewCredential> = {}): NewCredential {
  const name = with_.name ?? 'fleet';
  return createToken({
    kind: 'join',
    principal: `join:${name}`,
    name,
    rights: WORKER_RIGHTS,
    usesLeft: 2,
    lifetimeMs: 86_400_000,
    ...with_,
  });
}
