import {
  type DescEnum,
  type DescExtension,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescOneof,
  type DescService,
  isFieldSet,
  ScalarType,
} from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FeatureSet_FieldPresence as Presence,
} from '@bufbuild/protobuf/wkt';

/** What can be described by its own. */
export type Described = DescService | DescMethod | DescMessage | DescEnum | DescExtension;

/** As a .proto file would declare it, all names in full, options and comments left out. */
export function describeAsProto(desc: Described): string {
  switch (desc.kind) {
    case 'service':
      return block(`service ${desc.typeName}`, desc.methods.map(writeMethod));
    case 'rpc':
      return `${writeMethod(desc)}\n`;
    case 'message':
      return block(`message ${desc.typeName}`, writeMessage(desc));
    case 'enum':
      return block(`enum ${desc.typeName}`, writeEnum(desc));
    case 'extension':
      return block(`extend ${desc.extendee.typeName}`, [writeField(desc)]);
  }
}

function block(head: string, lines: readonly string[]): string {
  return lines.length === 0 ? `${head} {}\n` : `${head} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

function writeMethod({ name, input, output, methodKind }: DescMethod): string {
  const isUp = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
  const isDown = methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
  const write = (isStream: boolean, { typeName }: DescMessage): string => `(${isStream ? 'stream ' : ''}${typeName})`;
  return `rpc ${name}${write(isUp, input)} returns ${write(isDown, output)};`;
}

function writeMessage({ members, nestedMessages, nestedEnums, proto }: DescMessage): string[] {
  const below = [
    ...nestedEnums.map((desc) => `// enum ${desc.typeName}`),
    ...nestedMessages
      .filter(({ proto: { options } }) => !options?.mapEntry)
      .map((desc) => `// message ${desc.typeName}`),
  ];
  const extensions = proto.extensionRange.map(({ start, end }) => `extensions ${start} to ${end - 1};`);
  return [...members.flatMap(writeMember), ...extensions, ...below];
}

function writeMember(member: DescField | DescOneof): string[] {
  if (member.kind === 'field') return [writeField(member)];
  return [`oneof ${member.name} {`, ...member.fields.map((field) => `  ${writeField(field)}`), '}'];
}

function writeEnum({ values }: DescEnum): string[] {
  return values.map(({ name, number }) => `${name} = ${number};`);
}

function writeField(field: DescField | DescExtension): string {
  const group = groupOf(field);
  if (group) return `${labelOf(field) || 'optional '}group ${group.name} = ${field.number} {} // ${group.typeName}`;
  const options = optionsOf(field);
  const written = options.length > 0 ? ` [${options.join(', ')}]` : '';
  return `${labelOf(field)}${typeOf(field)} ${field.name} = ${field.number}${written};`;
}

/** The message of a field that proto2 declares as a group. */
function groupOf(field: DescField | DescExtension): DescMessage | undefined {
  return field.proto.type === FieldDescriptorProto_Type.GROUP ? field.message : undefined;
}

function optionsOf(field: DescField | DescExtension): string[] {
  const { defaultValue, type } = field.proto;
  const isText = type === FieldDescriptorProto_Type.STRING || type === FieldDescriptorProto_Type.BYTES;
  const hasDefault = isFieldSet(field.proto, FieldDescriptorProtoSchema.field.defaultValue);
  const isDelimited = 'delimitedEncoding' in field && field.delimitedEncoding;
  return [
    // Bytes come escaped.
    ...(hasDefault ? [`default = ${isText ? quote(defaultValue, type) : defaultValue}`] : []),
    ...(isDelimited ? ['features.message_encoding = DELIMITED'] : []),
    ...(field.deprecated ? ['deprecated = true'] : []),
  ];
}

function quote(text: string, type: FieldDescriptorProto_Type): string {
  return type === FieldDescriptorProto_Type.BYTES ? `"${text}"` : JSON.stringify(text);
}

function labelOf(field: DescField | DescExtension): string {
  if (field.fieldKind === 'map' || field.oneof) return '';
  if (field.fieldKind === 'list') return 'repeated ';
  if (field.presence === Presence.LEGACY_REQUIRED) return 'required ';
  return field.presence === Presence.EXPLICIT && field.fieldKind !== 'message' ? 'optional ' : '';
}

/** The type of a field as it is declared. */
export function typeOf(field: DescField | DescExtension): string {
  switch (field.fieldKind) {
    case 'scalar':
      return scalarName(field.scalar);
    case 'message':
      return field.message.typeName;
    case 'enum':
      return field.enum.typeName;
    case 'list':
      return field.listKind === 'scalar' ? scalarName(field.scalar) : (field.message ?? field.enum)!.typeName;
    case 'map': {
      const value = field.mapKind === 'scalar' ? scalarName(field.scalar) : (field.message ?? field.enum)!.typeName;
      return `map<${scalarName(field.mapKey)}, ${value}>`;
    }
  }
}

function scalarName(type: ScalarType): string {
  return ScalarType[type].toLowerCase();
}
