import { type DescMessage, type DescMethod, type DescService, ScalarType } from '@bufbuild/protobuf';
import { invalid } from '../shared/errors.ts';
import * as check from './check.ts';

export { isOwnService } from '../tunnel/names.ts';

const TYPES: ReadonlyMap<ScalarType, string> = new Map([
  [ScalarType.STRING, 'string'],
  [ScalarType.BOOL, 'boolean'],
]);

/** Throws INVALID_ARGUMENT naming `service` for what is no service of protobuf-es, such as that of another generator. */
export function checkService(service: unknown): asserts service is DescService {
  check.checkValue('service', service, (given) => {
    const { kind, methods, typeName, file } = (given ?? {}) as Partial<DescService>;
    const isOne = kind === 'service' && Array.isArray(methods) && typeof typeName === 'string' && Boolean(file);
    return isOne ? null : 'a service that protoc-gen-es has generated (a DescService of protobuf-es)';
  });
}

/** Throws INVALID_ARGUMENT naming `method` for what is no method of a service of protobuf-es. */
export function checkMethod(method: unknown): asserts method is DescMethod {
  check.checkValue('method', method, (given) => {
    const isOne = (given as Partial<DescMethod> | undefined | null)?.kind === 'rpc';
    return isOne ? null : 'a method of a service that protoc-gen-es has generated, such as Greeter.method.sayHello';
  });
}

/**
 * Throws INVALID_ARGUMENT for what `create()` of protobuf-es would pass over: a value that is no object, fields that the
 * message has not, text and booleans that are none. Other wrong values it refuses itself when it encodes.
 */
export function checkInit({ typeName, members }: DescMessage, init: unknown, what: string): void {
  if (typeof init !== 'object' || init === null || Array.isArray(init)) {
    throw check.wrong(what, `a message ${typeName}`, init);
  }
  if ('$typeName' in init) return;
  for (const [name, value] of Object.entries(init)) {
    // A copy of a message may have what protobuf-es keeps beside its fields.
    if (name.startsWith('$')) continue;
    const member = members.find(({ localName }) => localName === name);
    if (!member) throw invalid(name, `${typeName} has no such field`);
    if (member.kind === 'oneof' || member.fieldKind !== 'scalar' || value === undefined) continue;
    const type = TYPES.get(member.scalar);
    if (type !== undefined && typeof value !== type) throw check.wrong(name, `a ${type}`, value);
  }
}
