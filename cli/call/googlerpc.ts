import { create, createFileRegistry, type FileRegistry } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

/**
 * The error details that most services use, by their fields from number 1 on: `*` is repeated, `{}` a map of strings, no type
 * a string. They are known here because hardly any server describes them.
 */
const MESSAGES: ReadonlyMap<string, string> = new Map([
  ['Status', 'code:int32 message details*:google.protobuf.Any'],
  ['ErrorInfo', 'reason domain metadata{}'],
  ['RetryInfo', 'retry_delay:google.protobuf.Duration'],
  ['DebugInfo', 'stack_entries* detail'],
  ['QuotaFailure', 'violations*:google.rpc.QuotaFailure.Violation'],
  [
    'QuotaFailure.Violation',
    'subject description api_service quota_metric quota_id quota_dimensions{} quota_value:int64',
  ],
  ['PreconditionFailure', 'violations*:google.rpc.PreconditionFailure.Violation'],
  ['PreconditionFailure.Violation', 'type subject description'],
  ['BadRequest', 'field_violations*:google.rpc.BadRequest.FieldViolation'],
  ['BadRequest.FieldViolation', 'field description reason localized_message:google.rpc.LocalizedMessage'],
  ['RequestInfo', 'request_id serving_data'],
  ['ResourceInfo', 'resource_type resource_name owner description'],
  ['Help', 'links*:google.rpc.Help.Link'],
  ['Help.Link', 'description url'],
  ['LocalizedMessage', 'locale message'],
]);

const FIELD = /^(\w+)(\*|\{\})?(?::([\w.]+))?$/;
const SCALARS: ReadonlyMap<string, Type> = new Map([
  ['int32', Type.INT32],
  ['int64', Type.INT64],
]);

/** `google.rpc.Status` and what it commonly has as details. */
export function describeErrorDetails(): FileRegistry {
  const messageType: DescriptorProto[] = [];
  const messageByName = new Map<string, DescriptorProto>();
  for (const [fullName, fields] of MESSAGES) {
    const at = fullName.indexOf('.');
    const message = describeMessage(fullName.slice(at + 1), `google.rpc.${fullName}`, fields.split(' '));
    messageByName.set(fullName, message);
    (at < 0 ? messageType : messageByName.get(fullName.slice(0, at))!.nestedType).push(message);
  }
  const imports = [file_google_protobuf_any.proto, file_google_protobuf_duration.proto];
  const file = create(FileDescriptorProtoSchema, {
    name: 'google/rpc/error_details.proto',
    package: 'google.rpc',
    syntax: 'proto3',
    dependency: imports.map(({ name }) => name),
    messageType,
  });
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...imports, file] }));
}

function describeMessage(name: string, fullName: string, fields: readonly string[]): DescriptorProto {
  const message = create(DescriptorProtoSchema, { name });
  fields.forEach((text, at) => {
    const [, field = '', form, type] = FIELD.exec(text) ?? [];
    const entry = form === '{}' ? addMapEntry(message, field) : undefined;
    const typeName = entry ? `.${fullName}.${entry}` : type?.includes('.') ? `.${type}` : '';
    message.field.push(
      create(DescriptorProtoSchema, {
        field: [
          {
            name: field,
            jsonName: camel(field),
            number: at + 1,
            label: form === undefined ? Label.OPTIONAL : Label.REPEATED,
            type: typeName === '' ? (SCALARS.get(type ?? '') ?? Type.STRING) : Type.MESSAGE,
            typeName,
          },
        ],
      }).field[0]!,
    );
  });
  return message;
}

/** Adds the message that stands for a pair of a map of strings; answers its name. */
function addMapEntry(message: DescriptorProto, field: string): string {
  const name = `${camel(`_${field}`)}Entry`;
  const part = (partName: string, number: number) => ({
    name: partName,
    jsonName: partName,
    number,
    label: Label.OPTIONAL,
    type: Type.STRING,
  });
  message.nestedType.push(
    create(DescriptorProtoSchema, { name, field: [part('key', 1), part('value', 2)], options: { mapEntry: true } }),
  );
  return name;
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
