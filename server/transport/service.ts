import { type DescMethod, type DescService, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import type { Server, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ContactError } from '../../shared/errors.ts';
import { defineService, type HandCodecs, type Handlers } from '../../shared/grpc.ts';
import { Refusal, refusing } from './refusal.ts';

type Schema = DescMethod['input'];

/** Looks at a request before it is decoded, and throws. A decoder written by hand keeps the same bounds by itself. */
export type RequestCheck = (schema: Schema) => (bytes: Uint8Array) => void;

/**
 * A request that the check refuses becomes a Refusal: what a deserializer throws is answered by grpc-js with INTERNAL
 * and a message of its own.
 */
function guardedDeserializer(
  schema: Schema,
  codecs: HandCodecs | undefined,
  checkOf: RequestCheck,
): (bytes: Buffer) => MessageShape<Schema> {
  const decode = codecs?.decode[schema.typeName];
  const check = checkOf(schema);
  return (bytes) => {
    const decoded = decode?.(bytes);
    if (decoded) return decoded;
    try {
      check(bytes);
      return fromBinary(schema, bytes, { readUnknownFields: false });
    } catch (error) {
      const refusal = error instanceof ContactError ? error : undecodable(error);
      // A Refusal is given to no handler: see `refusing`.
      return new Refusal(refusal) as unknown as MessageShape<Schema>;
    }
  };
}

function undecodable(cause: unknown): ContactError {
  const problem = 'it is malformed, or has a text that is not UTF-8';
  return new ContactError('INVALID_ARGUMENT', problem, { field: 'request', cause });
}

/** Offers a service; no handler of it is given a request that the check refuses. */
export function addService<S extends DescService>(
  server: Server,
  service: S,
  handlers: Handlers<S>,
  codecs: HandCodecs | undefined,
  checkOf: RequestCheck,
): void {
  const definition = defineService(service, codecs);
  for (const method of service.methods) {
    const requestDeserialize = guardedDeserializer(method.input, codecs, checkOf);
    definition[method.localName] = { ...definition[method.localName]!, requestDeserialize };
  }
  const plain = Object.entries(handlers as unknown as UntypedServiceImplementation);
  const guarded = plain.map(([name, handler]) => [name, refusing(handler)] as const);
  server.addService(definition, Object.fromEntries(guarded));
}
