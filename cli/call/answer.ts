import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import {
  type Any,
  AnySchema,
  BytesValueSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { ContactError } from '../../shared/errors.ts';
import { CommandFailure } from '../exit.ts';
import { createAnyFinder, type Types, typeNameOf } from './types.ts';

export interface AnswerReader {
  /** A message as proto3 JSON. Throws CommandFailure when its bytes are no such message. */
  read(desc: DescMessage, bytes: Uint8Array): Promise<JsonValue>;
  /** The same of a message that was decoded, and that may be changed. */
  readMessage(desc: DescMessage, message: Message): Promise<JsonValue>;
}

const TYPE_NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

/**
 * Reads what a call answers. An Any whose type nobody describes is shown by its bytes: `{"@type": …, "value": BASE64}`.
 * @param isComplete also fields that have their default value
 */
export function createAnswerReader(types: Types, isComplete: boolean): AnswerReader {
  const hasAny = createAnyFinder();
  const { registry } = types;
  // Types that nobody describes. Bounded by what the registry takes of them.
  const unknown = new Set<string>();

  /** Makes every Any in it one that JSON can be made of. */
  async function settleAnys(desc: DescMessage, message: Message): Promise<void> {
    for (const any of findAnys(reflect(desc, message))) await settleAny(any);
  }

  async function settleAny(any: Any): Promise<void> {
    if (any.typeUrl === '') return;
    const name = typeNameOf(any.typeUrl);
    if (!unknown.has(name) && (await types.learn(name))) {
      const desc = registry.getMessage(name)!;
      if (!hasAny(desc)) return;
      const inner = fromBinary(desc, any.value);
      await settleAnys(desc, inner);
      any.value = toBinary(desc, inner);
    } else if (TYPE_NAME.test(name)) {
      if (!unknown.has(name)) registry.add(describeUnknown(name));
      unknown.add(name);
      any.value = toBinary(BytesValueSchema, create(BytesValueSchema, { value: any.value }));
    }
  }

  async function readMessage(desc: DescMessage, message: Message): Promise<JsonValue> {
    const isPlain = !hasAny(desc);
    if (!isPlain) await settleAnys(desc, message);
    const json = toJson(desc, message, { registry, alwaysEmitImplicit: isComplete });
    return isPlain ? json : putTypeFirst(json);
  }

  return {
    readMessage,
    async read(desc, bytes) {
      try {
        return await readMessage(desc, fromBinary(desc, bytes));
      } catch (error) {
        // What asks for types may fail in its own way.
        if (error instanceof CommandFailure || error instanceof ContactError) throw error;
        throw new CommandFailure(`an answer that cannot be read as ${desc.typeName}: ${(error as Error).message}`);
      }
    },
  };
}

/** What an Any is comes before what it has. */
function putTypeFirst(json: JsonValue): JsonValue {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(putTypeFirst);
  const { '@type': type, ...rest } = json;
  const entries = Object.entries(rest).map(([key, value]): [string, JsonValue] => [key, putTypeFirst(value)]);
  return Object.fromEntries(type === undefined ? entries : [['@type', type], ...entries]);
}

function* findAnys(message: ReflectMessage): Generator<Any> {
  if (message.desc.typeName === AnySchema.typeName) {
    yield message.message as Any;
    return;
  }
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'message') yield* findAnys(message.get(field) as ReflectMessage);
    else if (field.fieldKind === 'list' && field.listKind === 'message')
      for (const item of message.get(field)) yield* findAnys(item as ReflectMessage);
    else if (field.fieldKind === 'map' && field.mapKind === 'message')
      for (const item of message.get(field).values()) yield* findAnys(item as ReflectMessage);
  }
}

/** A message of one field, `bytes value = 1`, under the name of one that nobody describes. */
function describeUnknown(typeName: string): DescMessage {
  const at = typeName.lastIndexOf('.');
  const value = {
    name: 'value',
    jsonName: 'value',
    number: 1,
    label: FieldDescriptorProto_Label.OPTIONAL,
    type: FieldDescriptorProto_Type.BYTES,
  };
  const file = create(FileDescriptorProtoSchema, {
    name: `${typeName}.unknown`,
    syntax: 'proto3',
    package: typeName.slice(0, Math.max(0, at)),
    messageType: [{ name: typeName.slice(at + 1), field: [value] }],
  });
  return createFileRegistry(file, () => undefined).getMessage(typeName)!;
}
