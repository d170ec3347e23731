import { ChurnMap } from '../../../shared/churn.ts';

/** After so long what somebody has put on the disk counts half: most of it has been done by then, and is forgotten some day. */
const HALF_LIFE_MS = 600_000;
/** Of whom it is known; of more those are forgotten who have put little there, then any, who begin anew. */
const MAX_REMEMBERED = 10_000;
const LITTLE_BYTES = 1 << 10;
/** Of what the one has who has put most there: who has less may go on. */
const PART = 1 / 2;

/** Who has filled a disk lately, for its last part to be left to others. */
export interface Reserve {
  /** @param who '': nobody was asked who it is, and it is not counted */
  note(who: string, bytes: number): void;
  /** Whether it has put there at least half as much as who has put most. */
  isCrowding(who: string): boolean;
}

export function createReserve(monotonic: () => number = () => performance.now()): Reserve {
  const bytesByWho = new ChurnMap<string, number>();
  let halvedAt = monotonic();

  function age(): void {
    const count = Math.floor((monotonic() - halvedAt) / HALF_LIFE_MS);
    if (count < 1) return;
    halvedAt += count * HALF_LIFE_MS;
    for (const [who, bytes] of bytesByWho) {
      const left = bytes / 2 ** count;
      if (left < LITTLE_BYTES) bytesByWho.delete(who);
      else bytesByWho.set(who, left);
    }
  }

  function forgetSome(): void {
    for (const [who, bytes] of bytesByWho) if (bytes < LITTLE_BYTES) bytesByWho.delete(who);
    const [first] = bytesByWho.size >= MAX_REMEMBERED ? bytesByWho.keys() : [];
    if (first !== undefined) bytesByWho.delete(first);
  }

  return {
    note(who, bytes) {
      if (who === '') return;
      age();
      if (bytesByWho.size >= MAX_REMEMBERED && !bytesByWho.has(who)) forgetSome();
      bytesByWho.set(who, (bytesByWho.get(who) ?? 0) + bytes);
    },
    isCrowding(who) {
      age();
      const own = bytesByWho.get(who) ?? 0;
      if (own === 0) return false;
      for (const bytes of bytesByWho.values()) if (bytes * PART > own) return false;
      return true;
    },
  };
}
