import { createHash } from 'node:crypto';
import { MAX_SET_BYTES } from '../../tunnel/terms.ts';
import { createShares } from '../model/shares.ts';
import { createFileIndex, type FileIndex } from './fileindex.ts';

/** What a callee says its services look like. Sets of the same bytes are one. */
export interface DescriptorSet extends FileIndex {
  /** Nobody announces it any more. */
  isGone: boolean;
}

export interface DescriptorSets {
  /** Takes one that a client announces which counts for these (`holdersOf`), to be given back with `release`. A text: why it is not taken. */
  take(bytes: Uint8Array, holders: readonly string[]): DescriptorSet | string;
  release(set: DescriptorSet, holders: readonly string[]): void;
}

/** Bytes of all sets that differ; the names in them are kept as hashes, which at worst are three times as many bytes. */
const MAX_ALL_BYTES = 16 << 20;

interface Entry {
  readonly set: DescriptorSet;
  readonly hash: string;
  readonly bytes: number;
  /** How often it was taken. */
  count: number;
  /** How often it was taken for each principal. */
  readonly users: Map<string, number>;
}

export interface DescriptorBounds {
  /** Default 16 MiB. */
  readonly maxAllBytes?: number;
  /** A principal would have had more than its share. */
  readonly onReached?: () => void;
}

export function createDescriptorSets({
  maxAllBytes = MAX_ALL_BYTES,
  onReached,
}: DescriptorBounds = {}): DescriptorSets {
  // A set counts for each principal whose clients announce it, and once for all of them.
  const shares = createShares(maxAllBytes, onReached);
  // Both bounded by `maxAllBytes`.
  const entryByHash = new Map<string, Entry>();
  const entryBySet = new Map<DescriptorSet, Entry>();
  let allBytes = 0;

  function add(bytes: Uint8Array, hash: string): Entry | string {
    if (allBytes + bytes.byteLength > maxAllBytes) return 'all clients together announce too large ones';
    const set = parse(bytes);
    if (typeof set === 'string') return set;
    const entry = { set, hash, bytes: bytes.byteLength, count: 0, users: new Map<string, number>() };
    entryByHash.set(hash, entry);
    entryBySet.set(set, entry);
    allBytes += entry.bytes;
    return entry;
  }

  return {
    take(bytes, holders) {
      if (bytes.byteLength > MAX_SET_BYTES) return `${bytes.byteLength} bytes, at most ${MAX_SET_BYTES} are taken`;
      const hash = createHash('sha256').update(bytes).digest('base64');
      const known = entryByHash.get(hash);
      const added = holders.filter((holder) => !known?.users.has(holder));
      const full = shares.take(added, bytes.byteLength);
      if (full !== undefined) return `the clients of ${full} announce more than ${shares.max} bytes that differ`;
      const entry = known ?? add(bytes, hash);
      if (typeof entry === 'string') {
        shares.giveBack(added, bytes.byteLength);
        return entry;
      }
      entry.count += 1;
      for (const holder of holders) entry.users.set(holder, (entry.users.get(holder) ?? 0) + 1);
      return entry.set;
    },
    release(set, holders) {
      const entry = entryBySet.get(set);
      if (!entry || holders.some((holder) => !entry.users.has(holder))) return;
      entry.count -= 1;
      for (const holder of holders) {
        const left = (entry.users.get(holder) ?? 0) - 1;
        if (left > 0) {
          entry.users.set(holder, left);
          continue;
        }
        entry.users.delete(holder);
        shares.giveBack([holder], entry.bytes);
      }
      if (entry.count > 0) return;
      set.isGone = true;
      entryByHash.delete(entry.hash);
      entryBySet.delete(set);
      allBytes -= entry.bytes;
    },
  };
}

function parse(given: Uint8Array): DescriptorSet | string {
  try {
    // The message that they came in is larger.
    return { ...createFileIndex(Uint8Array.from(given)), isGone: false };
  } catch (error) {
    return `it is no set of files with all that they import, imports first: ${(error as Error).message.slice(0, 200)}`;
  }
}
