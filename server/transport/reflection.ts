import {
  createRegistry,
  type DescExtension,
  type DescFile,
  type FileRegistry,
  type Registry,
  toBinary,
} from '@bufbuild/protobuf';
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

/** What a client says that its services look like. */
interface DescribedFiles {
  readonly registry: FileRegistry;
  mayHave(name: string): boolean;
  readonly isGone: boolean;
}

/** What a stream was answered from, of what clients say; it is not kept for the stream's sake. */
interface Stream {
  files: WeakRef<DescribedFiles> | undefined;
}

/** What is served beside the server's own services, by clients. */
export interface OtherServices {
  names(): Iterable<string>;
  sets(): Iterable<DescribedFiles>;
}

/** The names that no client may speak for. */
const OWN = /^(contact|grpc)\.|^Contact$/;

/**
 * Answers for one version of the protocol straight from the descriptors, dependencies of a file included. Clients that serve
 * the same service may describe it in other words: a stream that was answered from what one of them says is answered from
 * that first, so that what it puts together fits.
 */
export function createReflectionHandlers<S extends ReflectionService>(
  service: S,
  roots: readonly DescFile[],
  others: OtherServices,
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
  const services = [...fileByName.values()].flatMap(({ services: all }) => all.map(({ typeName }) => typeName));

  /** Looks into the set that this stream was answered from, then into all; the one that has it is that from now on. */
  function findElsewhere<T>(
    stream: Stream,
    names: readonly string[],
    look: (registry: FileRegistry) => T | undefined,
  ): T | undefined {
    const before = filesOf(stream);
    const known = before && look(before);
    if (known) return known;
    for (const set of others.sets()) {
      if (!names.some(set.mayHave)) continue;
      const found = look(set.registry);
      if (!found) continue;
      if (!before) stream.files = new WeakRef(set);
      return found;
    }
    return undefined;
  }

  /** What declares a symbol, with all that belongs to it: the server's own, or the set of a client. */
  function registryWith(symbol: string, stream: Stream): Registry | undefined {
    if (fileWith(registry, symbol)) return registry;
    if (OWN.test(symbol)) return undefined;
    return findElsewhere(stream, namesOf(symbol), (other) => (fileWith(other, symbol) ? other : undefined));
  }

  function fileOf(symbol: string, stream: Stream): DescFile | undefined {
    const found = registryWith(symbol, stream);
    return found && fileWith(found, symbol);
  }

  function listExtensions(message: string, stream: Stream): object {
    const found = registryWith(message, stream);
    if (!found?.getMessage(message)) return refuse(status.NOT_FOUND, `nothing is known of ${message}`);
    const extensionNumber = [...found]
      .filter((desc) => desc.kind === 'extension' && desc.extendee.typeName === message)
      .map((desc) => (desc as DescExtension).number);
    return { case: 'allExtensionNumbersResponse', value: { baseTypeName: message, extensionNumber } };
  }

  function fileOfExtension(message: string, number: number, stream: Stream): DescFile | undefined {
    const found = registryWith(message, stream);
    const extendee = found?.getMessage(message);
    return extendee && found?.getExtensionFor(extendee, number)?.file;
  }

  function fileNamed(name: string, stream: Stream): DescFile | undefined {
    return (
      filesOf(stream)?.getFile(name) ??
      fileByName.get(name) ??
      findElsewhere(stream, [name], (all) => all.getFile(name))
    );
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

  function listServices(): object[] {
    return [...new Set([...services, ...others.names()])].map((name) => ({ name }));
  }

  function answer({ messageRequest: asked }: reflection.ServerReflectionRequest, stream: Stream): object {
    switch (asked.case) {
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: listServices() } };
      case 'fileByFilename':
        return describe(fileNamed(asked.value, stream), asked.value);
      case 'fileContainingSymbol':
        return describe(fileOf(asked.value, stream), asked.value);
      case 'allExtensionNumbersOfType':
        return listExtensions(asked.value, stream);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = asked.value;
        const file = fileOfExtension(containingType, extensionNumber, stream);
        return describe(file, `extension ${extensionNumber} of ${containingType}`);
      }
      default:
        return refuse(status.UNIMPLEMENTED, `${asked.case ?? 'an empty request'} is not answered`);
    }
  }

  const handlers: Handlers<typeof reflection.ServerReflection> = {
    async *serverReflectionInfo(requests) {
      const stream: Stream = { files: undefined };
      for await (const request of requests) {
        const size = toBinary(input, request).byteLength;
        if (size > MAX_REQUEST_BYTES) {
          throw invalid('message_request', `${size} bytes with its host, at most ${MAX_REQUEST_BYTES} are taken`);
        }
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(request, stream) as Answer };
      }
    },
  };
  return handlers as unknown as Handlers<S>;
}

/** Of a method or field, its service or message too. */
function namesOf(symbol: string): readonly [string, string] {
  return [symbol, symbol.slice(0, symbol.lastIndexOf('.'))];
}

function fileWith(registry: Registry, symbol: string): DescFile | undefined {
  const [whole, parent] = namesOf(symbol);
  return (registry.get(whole) ?? registry.get(parent))?.file;
}

function filesOf({ files }: Stream): FileRegistry | undefined {
  const set = files?.deref();
  return set?.isGone ? undefined : set?.registry;
}
