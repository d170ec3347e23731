import { createHash } from 'node:crypto';
import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { MethodKind } from './methods.ts';

/** What a callee says its services look like. Sets of the same bytes are one. */
export interface DescriptorSet {
  /** Unpacked again where that was collected. */
  readonly registry: FileRegistry;
  /** False: it has no type and no file of this name. True: it may have. */
  mayHave(name: string): boolean;
  /** Nobody announces it any more. */
  isGone: boolean;
  /** `pkg.Service/Method`; undefined: the set has no such method. */
  kindOf(method: string): MethodKind | undefined;
}

export interface DescriptorSets {
  /** Give it back with `release`. A text says why it is not taken. */
  take(bytes: Uint8Array): DescriptorSet | string;
  release(set: DescriptorSet): void;
  all(): Iterable<DescriptorSet>;
}

export const MAX_SET_BYTES = 262_144;
/**
 * Bytes of all sets that differ. Unpacked, one that is nothing but fields costs sixty times as much, so what is unpacked is
 * kept only until the next collection, and the hashes of names tell which set has to be unpacked for whom.
 */
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
    all: () => entryBySet.keys(),
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

const unpack = (bytes: Uint8Array): FileRegistry => createFileRegistry(fromBinary(FileDescriptorSetSchema, bytes));

function parse(given: Uint8Array): DescriptorSet | string {
  // The message that it came in is larger.
  const bytes = Uint8Array.from(given);
  let last: WeakRef<FileRegistry>;
  let hashes: ReadonlySet<number>;
  try {
    const registry = unpack(bytes);
    last = new WeakRef(registry);
    hashes = hashNames(registry);
  } catch (error) {
    return `it is no set of files with all that they import, imports first: ${(error as Error).message.slice(0, 200)}`;
  }
  const set: DescriptorSet = {
    get registry() {
      const registry = last.deref() ?? unpack(bytes);
      last = new WeakRef(registry);
      return registry;
    },
    mayHave: (name) => hashes.has(hashOf(name)),
    isGone: false,
    kindOf(method) {
      const at = method.indexOf('/');
      const service = set.registry.getService(method.slice(0, at));
      return service?.methods.find(({ name }) => name === method.slice(at + 1))?.methodKind;
    },
  };
  return set;
}

/** Of all that can be looked up by name: small numbers in place of texts. */
function hashNames(registry: FileRegistry): ReadonlySet<number> {
  const hashes = new Set<number>();
  for (const { typeName } of registry) hashes.add(hashOf(typeName));
  for (const { proto } of registry.files) hashes.add(hashOf(proto.name));
  return hashes;
}

/** FNV-1a, of 30 bits: V8 keeps such a number without an object. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash >>> 2;
}
