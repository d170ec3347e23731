import { type DescField, type DescMessage, type JsonValue, ScalarType } from '@bufbuild/protobuf';

/** Messages of protobuf itself that have a form of their own in JSON. */
const FORMS: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  ['Any', { '@type': '' }],
  ['Timestamp', '1970-01-01T00:00:00Z'],
  ['Duration', '0s'],
  ['FieldMask', ''],
  ['Struct', {}],
  ['Value', null],
  ['ListValue', []],
  ['Empty', {}],
  ['BoolValue', false],
  ['StringValue', ''],
  ['BytesValue', ''],
  ['Int32Value', 0],
  ['UInt32Value', 0],
  ['Int64Value', '0'],
  ['UInt64Value', '0'],
  ['FloatValue', 0],
  ['DoubleValue', 0],
]);
const LONG: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);
const PACKAGE = 'google.protobuf.';
/** Deeper than any message that a person fills in. */
const MAX_DEPTH = 8;

/**
 * A message in which every field has its default value, to be filled in: one item in each list and map, of each oneof the
 * first field, and a message within itself left empty.
 */
export function createTemplate(desc: DescMessage, above: readonly DescMessage[] = []): JsonValue {
  const form = desc.typeName.startsWith(PACKAGE) ? FORMS.get(desc.typeName.slice(PACKAGE.length)) : undefined;
  if (form !== undefined) return form;
  if (above.includes(desc) || above.length >= MAX_DEPTH) return {};
  const inside = [...above, desc];
  const fields = desc.members.map((member) => (member.kind === 'field' ? member : member.fields[0]!));
  return Object.fromEntries(fields.map((field) => [field.jsonName, fill(field, inside)]));
}

function fill(field: DescField, above: readonly DescMessage[]): JsonValue {
  switch (field.fieldKind) {
    case 'list':
      return [fillOne(field, above)];
    case 'map':
      return { [field.mapKey === ScalarType.STRING ? 'key' : keyOf(field.mapKey)]: fillOne(field, above) };
    default:
      return fillOne(field, above);
  }
}

function keyOf(type: ScalarType): string {
  return type === ScalarType.BOOL ? 'false' : '0';
}

function fillOne({ message, enum: choices, scalar }: DescField, above: readonly DescMessage[]): JsonValue {
  if (message) return createTemplate(message, above);
  if (choices) return choices.values[0]!.name;
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return '';
  if (scalar === ScalarType.BOOL) return false;
  return LONG.has(scalar!) ? '0' : 0;
}
