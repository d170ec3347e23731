import { type Observable, Subject } from 'rxjs';
import type { Clock } from '../../shared/clock.ts';
import { type CredentialStore, endOf, isForgotten, type StoredCredential } from '../store/credentials.ts';
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
  /** Whose shares a principal takes from too, as its newest credential has it (`countedFor`); '': nobody's. */
  makerOf(principal: string): string;
  /** The ids of those that have changed, on whichever node; the book has them already. */
  readonly changed$: Observable<readonly string[]>;
  /** Notes what was used since the last time. */
  close(): Promise<void>;
}

export function createBook({ store, clock, onTrouble }: BookOptions): Book {
  const credentialById = new Map<string, StoredCredential>();
  /** The oldest first. */
  const idsByPrincipal = new Map<string, string[]>();
  const changed = new Subject<readonly string[]>();
  let used = new Set<string>();
  /** Those whose first use was noted since the book was read. */
  const firstUsed = new Set<string>();
  let stopTouching: (() => void) | undefined;
  let forgottenAt = clock.monotonic();

  function put(credential: StoredCredential): void {
    const { id, principal } = credential;
    if (!credentialById.has(id)) {
      const ids = idsByPrincipal.get(principal);
      if (ids) ids.push(id);
      else idsByPrincipal.set(principal, [id]);
    }
    credentialById.set(id, credential);
  }

  function drop(id: string): void {
    const principal = credentialById.get(id)?.principal;
    credentialById.delete(id);
    firstUsed.delete(id);
    if (principal === undefined) return;
    const kept = (idsByPrincipal.get(principal) ?? []).filter((other) => other !== id);
    if (kept.length === 0) idsByPrincipal.delete(principal);
    else idsByPrincipal.set(principal, kept);
  }

  function ofPrincipal(principal: string): readonly StoredCredential[] {
    const found = (idsByPrincipal.get(principal) ?? []).map((id) => credentialById.get(id)!);
    return found.sort((a, b) => a.createdAt - b.createdAt);
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
    const now = clock.now();
    for (const [principal, ids] of idsByPrincipal) {
      const all = ofPrincipal(principal);
      const kept = all.filter((one, place) => !isForgotten(one, now, place < all.length - 1)).map(({ id }) => id);
      for (const id of ids) {
        if (kept.includes(id)) continue;
        credentialById.delete(id);
        firstUsed.delete(id);
      }
      if (kept.length === 0) idsByPrincipal.delete(principal);
      else idsByPrincipal.set(principal, kept);
    }
  }

  const subscription = store.signals$.subscribe((signals) => {
    for (const signal of signals) {
      if (signal.kind !== 'credentialsChanged') continue;
      for (const id of signal.forgotten ?? []) drop(id);
      for (const credential of signal.credentials) put(credential);
      changed.next(signal.credentials.map(({ id }) => id));
    }
  });

  return {
    find,
    ofPrincipal,
    findToken: (principal) => ofPrincipal(principal).find((one) => one.kind === 'token' && endOf(one) > clock.now()),
    makerOf: (principal) => ofPrincipal(principal).at(-1)?.countedFor ?? '',
    used(id) {
      const isFirst = credentialById.get(id)?.lastUsedAt === null && !firstUsed.has(id);
      used.add(id);
      if (isFirst) {
        // A credential that nobody has used ends when the one that it replaces gets another heir.
        firstUsed.add(id);
        stopTouching?.();
        stopTouching = clock.after(0, () => void touch());
      } else stopTouching ??= clock.after(TOUCH_MS, () => void touch());
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
