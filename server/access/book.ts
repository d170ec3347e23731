import { type Observable, Subject } from 'rxjs';
import type { Clock } from '../../shared/clock.ts';
import { type CredentialStore, isForgotten, type StoredCredential } from '../store/credentials.ts';
import type { Store } from '../store/store.ts';
import type { Credentials } from './authenticate.ts';
import type { Lineage } from './standing.ts';

/** Credentials that the store is asked for at once. */
const PAGE = 500;
/** Between two notes of what was used. */
const TOUCH_MS = 60_000;
/** Between two looks at what is to be forgotten. */
const FORGET_MS = 3_600_000;

export interface BookOptions {
  readonly store: Pick<CredentialStore, 'listCredentials' | 'touchCredentials'> & Pick<Store, 'signals$'>;
  readonly clock: Clock;
  /** That something was used could not be noted. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * The credentials of the store in memory, so that a call is checked without asking it. What a commit changes is here before
 * its operation is answered. As many as the store takes, which is the bound.
 */
export interface Book extends Credentials, Lineage {
  /** Reads all that there are. */
  load(): Promise<void>;
  /** A token of this principal that lives; undefined: there is none. */
  findToken(principal: string): StoredCredential | undefined;
  /** The ids of those that have changed, on whichever node; the book has them already. */
  readonly changed$: Observable<readonly string[]>;
  /** Notes what was used since the last time. */
  close(): Promise<void>;
}

export function createBook({ store, clock, onTrouble }: BookOptions): Book {
  const credentialById = new Map<string, StoredCredential>();
  const successorIdsById = new Map<string, string[]>();
  const changed = new Subject<readonly string[]>();
  let used = new Set<string>();
  let stopTouching: (() => void) | undefined;
  let forgottenAt = clock.monotonic();

  function put(credential: StoredCredential): void {
    const { id, kind, parentId } = credential;
    if (!credentialById.has(id) && parentId !== null && kind !== 'join') {
      successorIdsById.set(parentId, [...(successorIdsById.get(parentId) ?? []), id]);
    }
    credentialById.set(id, credential);
  }

  function find(id: string): StoredCredential | undefined {
    return credentialById.get(id);
  }

  async function touch(): Promise<void> {
    stopTouching = undefined;
    const ids = [...used];
    used = new Set();
    try {
      for (let from = 0; from < ids.length; from += PAGE) {
        await store.touchCredentials(ids.slice(from, from + PAGE), clock.now());
      }
    } catch (error) {
      onTrouble(error);
    }
    forget();
  }

  function forget(): void {
    if (clock.monotonic() - forgottenAt < FORGET_MS) return;
    forgottenAt = clock.monotonic();
    for (const [id, credential] of credentialById) {
      if (!isForgotten(credential, clock.now())) continue;
      credentialById.delete(id);
      successorIdsById.delete(id);
    }
  }

  const subscription = store.signals$.subscribe((signals) => {
    for (const signal of signals) {
      if (signal.kind !== 'credentialsChanged') continue;
      for (const credential of signal.credentials) put(credential);
      changed.next(signal.credentials.map(({ id }) => id));
    }
  });

  return {
    find,
    // A client's first credential has the join that it came by as its parent, in whose place it is not.
    successorsOf: (id) =>
      credentialById.get(id)?.kind === 'join'
        ? []
        : (successorIdsById.get(id) ?? []).flatMap((next) => credentialById.get(next) ?? []),
    findToken(principal) {
      const now = clock.now();
      for (const credential of credentialById.values()) {
        if (credential.principal !== principal || credential.kind !== 'token') continue;
        if (credential.revokedAt === null && (credential.expiresAt ?? now + 1) > now) return credential;
      }
      return undefined;
    },
    used(id) {
      used.add(id);
      stopTouching ??= clock.after(TOUCH_MS, () => void touch());
    },
    changed$: changed.asObservable(),
    async load() {
      for (let after = ''; ; ) {
        const page = await store.listCredentials(after, PAGE);
        // What has changed meanwhile is newer than what was read.
        for (const credential of page) if (!credentialById.has(credential.id)) put(credential);
        if (page.length < PAGE) return;
        after = page.at(-1)!.id;
      }
    },
    async close() {
      subscription.unsubscribe();
      stopTouching?.();
      if (used.size > 0) await touch();
    },
  };
}
