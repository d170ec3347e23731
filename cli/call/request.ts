import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
import { findNear, suggest } from '../../shared/near.ts';
import { usageError } from '../exit.ts';
import type { JsonText } from './jsonvalues.ts';

const MAX_SHOWN = 60;

/**
 * The bytes of a request that was written as proto3 JSON.
 * @throws CommandFailure of wrong usage that says where it is wrong: the line of the JSON, or the path of the field
 */
export function encodeRequest(desc: DescMessage, value: JsonText, place: string, registry: Registry): Uint8Array {
  const json = parseJson(value, place);
  try {
    return toBinary(desc, fromJson(desc, json, { registry }));
  } catch (error) {
    const { path, problem } = findFault(desc, json, registry, plainProblem(error));
    throw usageError(`${place}${path === '' ? '' : ` ${path}`}: ${problem}`);
  }
}

/** Numbers that a double cannot hold keep their digits, as a text: proto3 JSON takes that for every number. */
export function parseJson({ text, line }: JsonText, place: string): JsonValue {
  try {
    return JSON.parse(text, keepDigits) as JsonValue;
  } catch (error) {
    throw usageError(`${place}: no JSON${line > 1 ? ` (from line ${line} on)` : ''}: ${(error as Error).message}`);
  }
}

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(context.source) ? context.source : value;
}

interface Fault {
  /** `orders[2].customer.name`; empty: the message as a whole. */
  readonly path: string;
  readonly problem: string;
}

/** Where in a JSON value that is no such message the mistake is: the first field that is wrong by itself. */
function findFault(desc: DescMessage, json: JsonValue, registry: Registry, problem: string): Fault {
  if (desc.file.proto.package === 'google.protobuf') return { path: '', problem };
  if (!isObject(json)) return { path: '', problem: `expected an object (${desc.typeName}), got ${showKind(json)}` };
  for (const [key, value] of Object.entries(json)) {
    const field = findField(desc, key);
    if (!field) {
      if (key.startsWith('[')) continue;
      const names = desc.fields.map(({ jsonName }) => jsonName);
      return { path: key, problem: `${desc.typeName} has no such field${suggest(findNear(key, names), names)}` };
    }
    const below = findBelow(field, value, registry);
    const found = below?.problem ?? tryField(desc, key, value, registry);
    if (found !== undefined) return { path: key + (below?.path ?? ''), problem: found };
  }
  return { path: '', problem };
}

/** In a list, a map or a message: the item that is wrong by itself. */
function findBelow(field: DescField, value: JsonValue, registry: Registry): Fault | undefined {
  if (field.fieldKind === 'message') return step('.', field.message, value, registry);
  if (field.fieldKind === 'list' && Array.isArray(value)) {
    return findItem(
      field,
      value.map((item, at): [string, JsonValue, JsonValue] => [`[${at}]`, item, [item]]),
      registry,
    );
  }
  if (field.fieldKind === 'map' && isObject(value)) {
    const items = Object.entries(value).map(([key, item]): [string, JsonValue, JsonValue] => [
      `[${JSON.stringify(key)}]`,
      item,
      { [key]: item },
    ]);
    return findItem(field, items, registry);
  }
  return undefined;
}

function findItem(
  field: DescField,
  items: readonly (readonly [place: string, item: JsonValue, alone: JsonValue])[],
  registry: Registry,
): Fault | undefined {
  for (const [place, item, alone] of items) {
    const below = field.message ? step('.', field.message, item, registry) : undefined;
    const problem = below?.problem ?? tryField(field.parent as DescMessage, field.jsonName, alone, registry);
    if (problem !== undefined) return { path: place + (below?.path ?? ''), problem };
  }
  return undefined;
}

function step(separator: string, desc: DescMessage, json: JsonValue, registry: Registry): Fault | undefined {
  try {
    toBinary(desc, fromJson(desc, json, { registry }));
    return undefined;
  } catch (error) {
    const { path, problem } = findFault(desc, json, registry, plainProblem(error));
    return { path: path === '' ? '' : separator + path, problem };
  }
}

/** What is wrong with a field that stands alone; undefined: nothing. */
function tryField(desc: DescMessage, key: string, value: JsonValue, registry: Registry): string | undefined {
  try {
    fromJson(desc, { [key]: value }, { registry });
    return undefined;
  } catch (error) {
    return plainProblem(error);
  }
}

function findField(desc: DescMessage, key: string): DescField | undefined {
  return desc.fields.find((field) => field.jsonName === key || field.name === key);
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function showKind(json: JsonValue): string {
  return Array.isArray(json) ? 'an array' : JSON.stringify(json).slice(0, MAX_SHOWN);
}

/** For people: what protobuf-es says, without the name of the field before it. */
function plainProblem(error: unknown): string {
  return (error as Error).message
    .replace(/^cannot encode field [\w.]*?(\w+) to binary: required field not set$/, 'required field $1 is not set')
    .replace(/^cannot (?:decode|encode) .*? (?:from JSON|to binary): /, '')
    .replace(/^map entry ".*?": /s, '')
    .replace('expected Uint8Array', 'expected bytes in base64');
}
