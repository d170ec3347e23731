import { createHash } from 'node:crypto';
import { MAX_SET_BYTES } from '../../tunnel/terms.ts';
import { createFileIndex, type FileIndex } from './fileindex.ts';

/** What a callee says its services look like. Sets of the same bytes are one. */
export interface DescriptorSet extends FileIndex {
  /** Nobody announces it any more. */
  isGone: boolean;
}

export interface DescriptorSets {
  /** Give it back with `release`. A text says why it is not taken. */
  take(bytes: Uint8Array): DescriptorSet | string;
  release(set: DescriptorSet): void;
}

/** Bytes of all sets that differ; the names in them are kept as hashes, which at worst are three times as many bytes. */
const MAX_ALL_BYTES = 16 << 20;

interface Entry {
  readonly set: DescriptorSet;
  readonly hash: string;
  readonly bytes: number;
  users: number;
}

export function createDescriptorSets(maxAllBytes = MAX_ALL_BYTES): DescriptorSets {
  // Both bounded by `maxAllBytes`.
  const entryByHash = new Map<string, Entry>();
  const entryBySet = new Map<DescriptorSet, Entry>();
  let allBytes = 0;

  return {
    take(bytes) {
      if (bytes.byteLength > MAX_SET_BYTES) return `${bytes.byteLength} bytes, at most ${MAX_SET_BYTES} are taken`;
      const hash = createHash('sha256').update(bytes).digest('base64');
      const known = entryByHash.get(hash);
      if (known) {
        known.users += 1;
        return known.set;
      }
      if (allBytes + bytes.byteLength > maxAllBytes) return 'all clients together announce too large ones';
      const set = parse(bytes);
      if (typeof set === 'string') return set;
      const entry = { set, hash, bytes: bytes.byteLength, users: 1 };
      entryByHash.set(hash, entry);
      entryBySet.set(set, entry);
      allBytes += entry.bytes;
      return set;
    },
    release(set) {
      const entry = entryBySet.get(set);
      if (!entry) return;
      entry.users -= 1;
      if (entry.users > 0) return;
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
