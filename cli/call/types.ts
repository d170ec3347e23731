import {
  createFileRegistry,
  createMutableRegistry,
  type DescMessage,
  type FileRegistry,
  type JsonValue,
  type MutableRegistry,
} from '@bufbuild/protobuf';
import { AnySchema, type FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { WELL_KNOWN } from '../../client/fileset.ts';
import { describeErrorDetails } from './googlerpc.ts';

/** The types that messages of a call may have, also those that only their `google.protobuf.Any` names. */
export interface Types {
  readonly registry: MutableRegistry;
  /** Asks for a message that is not known yet; false: nobody describes it. */
  learn(typeName: string): Promise<boolean>;
  /** Asks for all that a JSON value names by `@type`. */
  learnNamed(json: JsonValue): Promise<void>;
}

/** Types that one call asks for beside those of its method; any further one is taken for unknown. */
const MAX_ASKED = 1_000;

/** @param describe files of a message, for what is not in `files`; undefined: nothing is known of it, or there is nobody to ask */
export function createTypes(
  files: FileRegistry,
  describe: (typeName: string) => Promise<FileDescriptorSet | undefined>,
): Types {
  const registry = createMutableRegistry(...WELL_KNOWN.values(), describeErrorDetails(), files);
  // Bounded by MAX_ASKED.
  const asked = new Map<string, Promise<boolean>>();

  async function ask(typeName: string): Promise<boolean> {
    const set = await describe(typeName);
    if (!set) return false;
    for (const desc of createFileRegistry(set)) if (!registry.get(desc.typeName)) registry.add(desc);
    return registry.getMessage(typeName) !== undefined;
  }

  async function learn(typeName: string): Promise<boolean> {
    if (registry.getMessage(typeName)) return true;
    const before = asked.get(typeName);
    if (before) return before;
    if (asked.size >= MAX_ASKED) return false;
    const answer = ask(typeName);
    asked.set(typeName, answer);
    return answer;
  }

  return {
    registry,
    learn,
    async learnNamed(json) {
      for (const name of findTypeNames(json)) await learn(name);
    },
  };
}

/** `pkg.Message` of `type.googleapis.com/pkg.Message`. */
export function typeNameOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

function* findTypeNames(json: JsonValue): Generator<string> {
  if (typeof json !== 'object' || json === null) return;
  if (!Array.isArray(json)) {
    const url = json['@type'];
    if (typeof url === 'string') yield typeNameOf(url);
  }
  for (const value of Object.values(json)) yield* findTypeNames(value as JsonValue);
}

/** Whether messages of a type may have an Any somewhere in them. */
export function createAnyFinder(): (desc: DescMessage) => boolean {
  // Bounded by the types of the registry.
  const known = new Map<string, boolean>();
  return (desc) => {
    const answer = known.get(desc.typeName) ?? leadsToAny(desc, new Set());
    known.set(desc.typeName, answer);
    return answer;
  };
}

function leadsToAny(desc: DescMessage, seen: Set<string>): boolean {
  if (desc.typeName === AnySchema.typeName) return true;
  if (seen.has(desc.typeName)) return false;
  seen.add(desc.typeName);
  return desc.fields.some((field) => field.message !== undefined && leadsToAny(field.message, seen));
}
