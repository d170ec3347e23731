import { create, type DescFile, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import type { reflection, reflectionV1alpha } from '../../gen/index.ts';
import { invalid, statusText } from '../../shared/errors.ts';
import { isOwnService } from '../../tunnel/names.ts';
import type { Handlers } from '../api/handler.ts';
import type { Pace } from '../api/pace.ts';
import { asFarAs, type Caller, mayAddress, mayCallSome } from '../model/caller.ts';
import { createFileIndex, type FileIndex } from '../tunnel/fileindex.ts';

/** Bytes of a request on the wire, which the answer repeats. */
const MAX_REQUEST_BYTES = 2_048;

type Answer = reflection.ServerReflectionResponse['messageResponse'];

/** The protocol as it is, and as it was before it was called v1: their messages are the same on the wire. */
export type ReflectionService = typeof reflection.ServerReflection | typeof reflectionV1alpha.ServerReflection;

/** What a client says that its services look like. */
interface DescribedFiles extends FileIndex {
  readonly isGone: boolean;
}

interface Stream {
  /** Whose services are asked for: `contact-client`, as for a call; undefined: anybody's. */
  readonly clientId: string | undefined;
  /** Who asks: what it may not call of clients is as nothing to it. */
  readonly caller: Caller;
  /** What it was answered from, of what clients say; it is not kept for the stream's sake. */
  files: WeakRef<DescribedFiles> | undefined;
}

/** What is served beside the server's own services, by clients. */
export interface OtherServices {
  names(): Iterable<string>;
  /** Undefined: nobody has announced it. */
  isServed(service: string): boolean | undefined;
  /** Of those clients that may speak for a symbol, or a file; of one alone, if it is named and describes what it serves. */
  sets(symbol: string, clientId: string | undefined): ReadonlySet<DescribedFiles>;
}

/**
 * Answers for one version of the protocol straight from the descriptors, dependencies of a file included. Clients that serve
 * the same service may describe it in other words: a stream that was answered from what one of them says is answered from
 * that first, so that what it puts together fits. Metadata `contact-client` asks for the words of one of them.
 */
export function createReflectionHandlers<S extends ReflectionService>(
  service: S,
  roots: readonly DescFile[],
  others: OtherServices,
  pace: Pace,
): Handlers<S> {
  const { input } = service.method.serverReflectionInfo;
  // Made at the first question, since most servers are never asked one, and it costs as much as opening the store.
  let index: FileIndex | undefined;
  const own = (): FileIndex => (index ??= indexOf(roots));
  const services = roots.flatMap(({ services: all }) => all.map(({ typeName }) => typeName));

  /** Looks into the set that this stream was answered from, then into all; the one that has it is that from now on. */
  function findElsewhere<T>(symbol: string, stream: Stream, look: (files: FileIndex) => T | undefined): T | undefined {
    if (!maySee(symbol, stream.caller)) return undefined;
    const sets = others.sets(symbol, stream.clientId);
    const files = filesOf(stream);
    // What it was answered from may have no say in this.
    const before = files && sets.has(files) ? files : undefined;
    const known = before && look(before);
    if (known !== undefined) return known;
    for (const set of sets) {
      const found = look(set);
      if (found === undefined) continue;
      if (!before) stream.files = new WeakRef(set);
      return found;
    }
    return undefined;
  }

  /** Looks into the server's own files, then into those of clients, who may not speak for what is the server's own. */
  function findSymbol<T>(symbol: string, stream: Stream, look: (files: FileIndex) => T | undefined): T | undefined {
    return look(own()) ?? (isOwnService(symbol) ? undefined : findElsewhere(symbol, stream, look));
  }

  function listExtensions(message: string, stream: Stream): object {
    const found = findSymbol(message, stream, (files) => (files.hasMessage(message) ? files : undefined));
    if (!found) return refuse(status.NOT_FOUND, `nothing is known of ${message}`);
    const extensionNumber = [...found.extensionsOf(message).keys()];
    return { case: 'allExtensionNumbersResponse', value: { baseTypeName: message, extensionNumber } };
  }

  function describe(closure: Closure | undefined, asked: string): object {
    if (!closure) return refuse(status.NOT_FOUND, `nothing is known of ${asked}`);
    return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: closure } };
  }

  function refuse(errorCode: status, errorMessage: string): object {
    return { case: 'errorResponse', value: { errorCode, errorMessage: statusText(errorMessage) } };
  }

  function listServices({ caller }: Stream): object[] {
    const callable = [...others.names()].filter((name) => mayCallSome(caller, name));
    return [...new Set([...services, ...callable])].map((name) => ({ name }));
  }

  /**
   * A service, and a method of one, is there for who may call it; what else clients describe for who may call anything of
   * theirs, since a file of messages belongs to many services.
   */
  function maySee(symbol: string, caller: Caller): boolean {
    if (caller.calls === 'all') return true;
    const service = [symbol, symbol.slice(0, symbol.lastIndexOf('.'))].find(
      (name) => others.isServed(name) !== undefined,
    );
    return service === undefined ? caller.calls.length > 0 : mayCallSome(caller, service);
  }

  function answer({ messageRequest: asked }: reflection.ServerReflectionRequest, stream: Stream): object {
    switch (asked.case) {
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: listServices(stream) } };
      case 'fileByFilename': {
        const look = (files: FileIndex) => closureOf(files, files.fileNamed(asked.value));
        return describe(look(own()) ?? findElsewhere(asked.value, stream, look), asked.value);
      }
      case 'fileContainingSymbol': {
        const look = (files: FileIndex) => closureOf(files, fileWith(files, asked.value));
        return describe(findSymbol(asked.value, stream, look), asked.value);
      }
      case 'allExtensionNumbersOfType':
        return listExtensions(asked.value, stream);
      case 'fileContainingExtension': {
        const { containingType: type, extensionNumber: number } = asked.value;
        const found = findSymbol(type, stream, (files) => (files.hasMessage(type) ? files : undefined));
        const closure = found && closureOf(found, found.extensionsOf(type).get(number));
        return describe(closure, `extension ${number} of ${type}`);
      }
      default:
        return refuse(status.UNIMPLEMENTED, `${asked.case ?? 'an empty request'} is not answered`);
    }
  }

  const handlers: Handlers<typeof reflection.ServerReflection> = {
    async *serverReflectionInfo(requests, context) {
      const { caller: whole } = context;
      const named = context.header('contact-client');
      // Whoever is no client of the caller is as one that is not there.
      const clientId = named !== undefined && mayAddress(whole, named) ? named : undefined;
      const caller = clientId === undefined ? whole : asFarAs(whole, (part) => mayAddress(part, clientId));
      const stream: Stream = { clientId, caller, files: undefined };
      for await (const request of requests) {
        const size = toBinary(input, request).byteLength;
        if (size > MAX_REQUEST_BYTES) {
          throw invalid('message_request', `${size} bytes with its host, at most ${MAX_REQUEST_BYTES} are taken`);
        }
        // However many come at once, others have their turns between.
        await pace();
        yield { validHost: request.host, originalRequest: request, messageResponse: answer(request, stream) as Answer };
      }
    },
  };
  return handlers as unknown as Handlers<S>;
}

type Closure = readonly Uint8Array[];

/** The files that declare the services of these, with all that they import, imports first. */
function indexOf(roots: readonly DescFile[]): FileIndex {
  const file = new Set<DescFile['proto']>();
  const add = (one: DescFile): void => {
    one.dependencies.forEach(add);
    file.add(one.proto);
  };
  roots.forEach(add);
  return createFileIndex(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...file] })));
}

function closureOf(files: FileIndex, file: number | undefined): Closure | undefined {
  return file === undefined ? undefined : files.closureOf(file);
}

/** A method, a field and what else is no type stands in the file of what it belongs to. */
function fileWith(files: FileIndex, symbol: string): number | undefined {
  return files.fileWith(symbol) ?? files.fileWith(symbol.slice(0, symbol.lastIndexOf('.')));
}

function filesOf({ files }: Stream): DescribedFiles | undefined {
  const set = files?.deref();
  return set?.isGone ? undefined : set;
}
