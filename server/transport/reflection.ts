import { createRegistry, type DescFile, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import type { reflection, reflectionV1alpha } from '../../gen/index.ts';
import { invalid, statusText } from '../../shared/errors.ts';
import type { Handlers } from '../api/handler.ts';

/** Bytes of a request on the wire, which the answer repeats. */
const MAX_REQUEST_BYTES = 2_048;

type Answer = reflection.ServerReflectionResponse['messageResponse'];

/** The protocol as it is, and as it was before it was called v1: their messages are the same on the wire. */
export type ReflectionService = typeof reflection.ServerReflection | typeof reflectionV1alpha.ServerReflection;

/** Answers for one version of the protocol straight from the descriptors, dependencies of a file included. */
export function createReflectionHandlers<S extends ReflectionService>(
  service: S,
  roots: readonly DescFile[],
): Handlers<S> {
  const { input } = service.method.serverReflectionInfo;
  const fileByName = new Map<string, DescFile>();
  const add = (file: DescFile): void => {
    const name = file.proto.name;
    if (fileByName.has(name)) return;
    fileByName.set(name, file);
    file.dependencies.forEach(add);
  };
  roots.forEach(add);
  const registry = createRegistry(...fileByName.values());
  const services = [...fileByName.values()].flatMap(({ services: all }) => all.map(({ typeName: name }) => ({ name })));

  function fileOf(symbol: string): DescFile | undefined {
    // The symbol may be a method or a field, which its service or message has.
    return (registry.get(symbol) ?? registry.get(symbol.slice(0, symbol.lastIndexOf('.'))))?.file;
  }

  function describe(file: DescFile | undefined, asked: string): object {
    if (!file) return refuse(status.NOT_FOUND, `nothing is known of ${asked}`);
    const closure = new Set<DescFile>();
    const collect = (one: DescFile): void => {
      if (closure.has(one)) return;
      closure.add(one);
      one.dependencies.forEach(collect);
    };
    collect(file);
    const fileDescriptorProto = [...closure].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
    return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
  }

  function refuse(errorCode: status, errorMessage: string): object {
    return { case: 'errorResponse', value: { errorCode, errorMessage: statusText(errorMessage) } };
  }

  function answer({ messageRequest: asked }: reflection.ServerReflectionRequest): object {
    switch (asked.case) {
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: services } };
      case 'fileByFilename':
        return describe(fileByName.get(asked.value), asked.value);
      case 'fileContainingSymbol':
        return describe(fileOf(asked.value), asked.value);
      default:
        return refuse(status.UNIMPLEMENTED, `${asked.case ?? 'an empty request'} is not answered`);
    }
  }

  const handlers: Handlers<typeof reflection.ServerReflection> = {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        const size = toBinary(input, request).byteLength;
        if (size > MAX_REQUEST_BYTES) {
          throw invalid('message_request', `${size} bytes with its host, at most ${MAX_REQUEST_BYTES} are taken`);
        }
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(request) as Answer };
      }
    },
  };
  return handlers as unknown as Handlers<S>;
}
