import { ChurnMap } from '../../shared/churn.ts';
import { type PlaceShare, type Places, sharesOf } from '../api/places.ts';
import type { Caller } from '../model/caller.ts';
import type { Connection, Way } from './connection.ts';

/** Something that a connection counts for, by the callers whose calls it carries. */
interface Claim {
  readonly key: string;
  /** Of which principal a place is taken; undefined: of none. */
  readonly share: PlaceShare | undefined;
  /** Whose connections of operators it is counted among; undefined: no operator calls. */
  readonly operators: string | undefined;
}

const claimOf = (share: PlaceShare): Claim => ({ key: share.key, share, operators: undefined });

/** Who has the connections over the socket file of operators: those of an operator's token take none of their places. */
const OF_SOCKET = sharesOf({ principal: 'the socket of operators' }).map(claimOf);
/** Where nobody is asked who calls, connections count for all together alone. */
const OF_NOBODY: readonly Claim[] = [{ key: '', share: undefined, operators: undefined }];

/**
 * For whom each connection counts: for the principals of its calls and the operators that have made those, once for each, however
 * many of them it carries.
 */
export interface ConnectionHolders {
  /** Counts it for one call more. RESOURCE_EXHAUSTED naming `connections`: a principal has as many as it may, and nothing is counted. */
  add(connection: Connection, caller: Caller): void;
  /** For one call less. */
  remove(connection: Connection, caller: Caller): void;
  /** It has closed. */
  clear(connection: Connection): void;
  /** Connections by which the caller, and whoever else was made by the same operator, calls as operators. */
  countOfOperators(caller: Caller): number;
}

export function createConnectionHolders(places: Pick<Places, 'takeShare'>): ConnectionHolders {
  // Bounded by the connections.
  const countByOperators = new ChurnMap<string, number>();
  // Goes with the caller, who makes many calls.
  const claimsByCaller = new WeakMap<Caller, readonly Claim[]>();

  function claimsOf(way: Way, caller: Caller): readonly Claim[] {
    if (way === 'operators') return OF_SOCKET;
    if (caller.principal === '') return OF_NOBODY;
    let claims = claimsByCaller.get(caller);
    if (!claims) {
      claims = listClaims(caller);
      claimsByCaller.set(caller, claims);
    }
    return claims;
  }

  function begin({ share, operators }: Claim): (() => void) | undefined {
    if (share) return places.takeShare(share);
    if (operators === undefined) return undefined;
    countByOperators.set(operators, (countByOperators.get(operators) ?? 0) + 1);
    return () => {
      const left = countByOperators.get(operators)! - 1;
      if (left === 0) countByOperators.delete(operators);
      else countByOperators.set(operators, left);
    };
  }

  function letGo({ holders }: Connection, key: string): void {
    const holder = holders.get(key);
    if (!holder) return;
    holder.count -= 1;
    if (holder.count > 0) return;
    holders.delete(key);
    holder.leave?.();
  }

  return {
    add(connection, caller) {
      const { holders, way } = connection;
      const claims = claimsOf(way, caller);
      for (const [at, claim] of claims.entries()) {
        const known = holders.get(claim.key);
        if (known) {
          known.count += 1;
          continue;
        }
        try {
          holders.set(claim.key, { count: 1, leave: begin(claim) });
        } catch (error) {
          for (const { key } of claims.slice(0, at)) letGo(connection, key);
          throw error;
        }
      }
    },
    remove(connection, caller) {
      for (const { key } of claimsOf(connection.way, caller)) letGo(connection, key);
    },
    clear({ holders }) {
      for (const { leave } of holders.values()) leave?.();
      holders.clear();
    },
    countOfOperators: (caller) => countByOperators.get(rootOf(caller)) ?? 0,
  };
}

function listClaims(caller: Caller): readonly Claim[] {
  const claims = sharesOf(caller).map(claimOf);
  if (!caller.roles.has('operator')) return claims;
  const operators = rootOf(caller);
  // No principal is called so: the kind of each comes first.
  return [...claims, { key: `operators of ${operators}`, share: undefined, operators }];
}

const rootOf = ({ principal, countedFor }: Caller): string => countedFor ?? principal;
