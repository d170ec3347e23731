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
  /** Takes one that this principal announces, to be given back with `release`. A text says why it is not taken. */
  take(bytes: Uint8Array, principal: string): DescriptorSet | string;
  release(set: DescriptorSet, principal: string): void;
}

/** Bytes of all sets that differ; the names in them are kept as hashes, which at worst are three times as many bytes. */
const MAX_ALL_BYTES = 16 << 20;

interface Entry {
  readonly set: DescriptorSet;
  readonly hash: string;
  readonly bytes: number;
  /** How often each principal has taken it. */
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
  // A set counts for each principal that announces it, and once for all of them.
  const shares = createShares(maxAllBytes, onReached);
  // Both bounded by `maxAllBytes`.
  const entryByHash = new Map<string, Entry>();
  const entryBySet = new Map<DescriptorSet, Entry>();
  let allBytes = 0;

  function add(bytes: Uint8Array, hash: string): Entry | string {
    if (allBytes + bytes.byteLength > maxAllBytes) return 'all clients together announce too large ones';
    const set = parse(bytes);
    if (typeof set === 'string') return set;
    const entry = { set, hash, bytes: bytes.byteLength, users: new Map<string, number>() };
    entryByHash.set(hash, entry);
    entryBySet.set(set, entry);
    allBytes += entry.bytes;
    return entry;
  }

  return {
    take(bytes, principal) {
      if (bytes.byteLength > MAX_SET_BYTES) return `${bytes.byteLength} bytes, at most ${MAX_SET_BYTES} are taken`;
      const hash = createHash('sha256').update(bytes).digest('base64');
      const known = entryByHash.get(hash);
      const isTheirs = known?.users.has(principal) ?? false;
      if (!isTheirs && !shares.take(principal, bytes.byteLength)) {
        return `the clients of ${principal} announce more than ${shares.max} bytes that differ`;
      }
      const entry = known ?? add(bytes, hash);
      if (typeof entry === 'string') {
        shares.giveBack(principal, bytes.byteLength);
        return entry;
      }
      entry.users.set(principal, (entry.users.get(principal) ?? 0) + 1);
      return entry.set;
    },
    release(set, principal) {
      const entry = entryBySet.get(set);
      const left = (entry?.users.get(principal) ?? 0) - 1;
      if (!entry || left < 0) return;
      if (left > 0) {
        entry.users.set(principal, left);
        return;
      }
      entry.users.delete(principal);
      shares.giveBack(principal, entry.bytes);
      if (entry.users.size > 0) return;
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
