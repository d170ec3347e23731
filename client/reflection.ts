import type { DescriptorProto, FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../gen/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionV1alpha } from '../gen/grpc/reflection/v1alpha/reflection_pb.ts';
import { ContactError } from '../shared/errors.ts';
import { cancelCall } from './cancel.ts';
import * as check from './check.ts';
import { endOf, errorOf } from './closing.ts';
import { type Connection, createConnection } from './connection.ts';
import { createFileSet, type FileSet } from './fileset.ts';
import { CONNECTION_RULES, type ConnectionOptions, checkObject } from './options.ts';
import type { UnaryOptions } from './unary.ts';

/** Which descriptors are asked for. */
export interface DescribeOptions extends UnaryOptions {
  /** Also the files that extend messages of the set, where the server tells of them; default false. */
  readonly extensions?: boolean;
  /**
   * As this client describes its services, if it is there and does; default: as any client does that serves them. For
   * contact servers: others know no clients.
   */
  readonly clientId?: string;
}

/** What a gRPC server says of itself by reflection, v1 or v1alpha: a contact server or any other. */
export interface Reflection extends AsyncDisposable {
  /**
   * Names of its services, in their order there.
   * @throws ContactError UNIMPLEMENTED when it has no reflection
   */
  listServices(options?: UnaryOptions): Promise<string[]>;
  /**
   * The files that declare these symbols (`pkg.Service`, `pkg.Message`, `pkg.Service.Method`), with all that they import,
   * imports first: what `createFileRegistry` takes. All come from one stream, hence from one description of a service.
   * @throws ContactError NOT_FOUND when it knows nothing of one of them, UNIMPLEMENTED when it has no reflection,
   *   RESOURCE_EXHAUSTED for more than 5,000 files or 16 MiB
   */
  describe(symbols: readonly string[], options?: DescribeOptions): Promise<FileDescriptorSet>;
  /** Lets go of the connection; what is under way rejects. */
  close(): Promise<void>;
}

type Asked = ServerReflectionRequest['messageRequest'];
type Answered = Exclude<ServerReflectionResponse['messageResponse'], { case: undefined }>;

type Value<C> = Extract<Answered, { case: C }>['value'];

/** Asks one question of an open stream. */
type Ask = <C extends Answered['case']>(asked: Asked, expected: C) => Promise<Value<C>>;

type StreamOptions = Omit<DescribeOptions, 'extensions'>;

const DEADLINE_MS = 10_000;
const MAX_CALL_MS = 24 * 24 * 60 * 60 * 1_000;
/** Extensions that one set is asked for; more are left out. */
const MAX_EXTENSIONS = 1_000;
/** The options of descriptors can be extended, but no message that is sent has them. */
const DESCRIPTOR_FILE = 'google/protobuf/descriptor.proto';

const UNARY_RULES: Readonly<Record<keyof UnaryOptions, check.Check>> = Object.freeze({
  deadlineMs: check.waitMs,
  signal: check.signal,
});
const DESCRIBE_RULES: Readonly<Record<keyof DescribeOptions, check.Check>> = Object.freeze({
  ...UNARY_RULES,
  extensions: check.flag,
  clientId: check.name,
});

/**
 * Asks a server over a connection of its own.
 * @throws ContactError INVALID_ARGUMENT naming the option that is wrong
 * @example
 * const reflection = createReflection({ server: '127.0.0.1:50051' });
 * const registry = createFileRegistry(await reflection.describe(await reflection.listServices()));
 * console.log(registry.getService('helloworld.Greeter')?.methods.map(({ name }) => name));
 * await reflection.close();
 */
export function createReflection(options: ConnectionOptions): Reflection {
  checkObject(options, CONNECTION_RULES);
  const connection = createConnection(options);
  const close = async (): Promise<void> => connection.close();
  return { ...reflectOver(connection), close, [Symbol.asyncDispose]: close };
}

/** Asks over a connection that is there for more than that. */
export function reflectOver(connection: Connection): Omit<Reflection, 'close' | typeof Symbol.asyncDispose> {
  let service: typeof ServerReflection | typeof ServerReflectionV1alpha = ServerReflection;

  /** Asks by v1, and once that is known to be missing by v1alpha; the messages of both are the same on the wire. */
  async function converse<T>(options: StreamOptions, questions: (ask: Ask) => Promise<T>): Promise<T> {
    try {
      return await openStream(connection, service as typeof ServerReflection, options, questions);
    } catch (error) {
      if (error instanceof Refused || (error as ContactError).code !== 'UNIMPLEMENTED') throw error;
      if (service === ServerReflectionV1alpha) throw noReflection(error);
      service = ServerReflectionV1alpha;
      return converse(options, questions);
    }
  }

  return {
    async listServices(options = {}) {
      check.checkFields(options, UNARY_RULES);
      return converse(options, async (ask) => {
        const { service: services } = await ask({ case: 'listServices', value: '*' }, 'listServicesResponse');
        return services.map(({ name }) => name);
      });
    },
    async describe(symbols, options = {}) {
      check.checkValue('symbols', symbols, check.listOf(check.someText));
      check.checkFields(options, DESCRIBE_RULES);
      const { extensions = false, ...unary } = options;
      if (symbols.length === 0) return createFileSet().order();
      return converse(unary, async (ask) => {
        const files = createFileSet();
        for (const value of symbols) {
          const asked = { case: 'fileContainingSymbol', value } as const;
          files.add((await ask(asked, 'fileDescriptorResponse')).fileDescriptorProto);
        }
        await complete(files, ask);
        if (extensions && (await addExtensions(files, ask))) await complete(files, ask);
        return files.order();
      });
    },
  };
}

/** Asks for what the files import until nothing is missing: some servers answer with one file, others with all. */
async function complete(files: FileSet, ask: Ask): Promise<void> {
  for (let names = files.missing(); names.length > 0; names = files.missing()) {
    for (const value of names) {
      files.add((await ask({ case: 'fileByFilename', value }, 'fileDescriptorResponse')).fileDescriptorProto);
      if (!files.get(value)) throw new ContactError('INTERNAL', `the server answered with other files than ${value}`);
    }
  }
}

/** Adds the files that extend what the set declares; whether there were any. A server need not know of them. */
async function addExtensions(files: FileSet, ask: Ask): Promise<boolean> {
  let left = MAX_EXTENSIONS;
  let isAny = false;
  for (const name of findExtendable(files)) {
    const asked = { case: 'allExtensionNumbersOfType', value: name } as const;
    const told = await unlessRefused(ask(asked, 'allExtensionNumbersResponse'));
    for (const number of told?.extensionNumber.slice(0, left) ?? []) {
      const value = { containingType: name, extensionNumber: number };
      const answer = ask({ case: 'fileContainingExtension', value } as Asked, 'fileDescriptorResponse');
      files.add((await unlessRefused(answer))?.fileDescriptorProto ?? []);
      left -= 1;
      isAny = true;
    }
  }
  return isAny;
}

function findExtendable(files: FileSet): string[] {
  const names: string[] = [];
  const look = (scope: string, messages: readonly DescriptorProto[]): void => {
    for (const { name, extensionRange, nestedType } of messages) {
      const full = scope === '' ? name : `${scope}.${name}`;
      if (extensionRange.length > 0) names.push(full);
      look(full, nestedType);
    }
  };
  for (const file of files.all()) if (file.name !== DESCRIPTOR_FILE) look(file.package, file.messageType);
  return names;
}

/** Undefined: the server answered this one question with an error. */
async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** An answer about one question, which leaves the stream open. */
class Refused extends ContactError {}

async function openStream<T>(
  connection: Connection,
  service: typeof ServerReflection,
  { deadlineMs = DEADLINE_MS, signal, clientId }: StreamOptions,
  questions: (ask: Ask) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) throw new ContactError('CANCELLED', 'cancelled before it was sent');
  const link = await connection.link();
  const deadline = Date.now() + Math.min(deadlineMs, MAX_CALL_MS);
  const call = link
    .client(service)
    .serverReflectionInfo(connection.metadata(clientId === undefined ? {} : { 'contact-client': clientId }), {
      deadline,
    });
  const end = endOf(call);
  const answers = call[Symbol.asyncIterator]() as AsyncIterator<ServerReflectionResponse>;
  const onAbort = (): void => cancelCall(call);
  signal?.addEventListener('abort', onAbort, { once: true });

  async function next(): Promise<ServerReflectionResponse['messageResponse']> {
    try {
      const { done, value } = await answers.next();
      if (!done) return value.messageResponse;
    } catch {
      // The status says the same.
    }
    const said = await end;
    if (said.error?.code === 'UNAVAILABLE') link.failed(said);
    throw errorOf(said);
  }

  async function ask<C extends Answered['case']>(asked: Asked, expected: C): Promise<Value<C>> {
    call.write({ messageRequest: asked });
    const answer = await next();
    if (answer.case === expected) return answer.value as Value<C>;
    if (answer.case !== 'errorResponse') throw new ContactError('INTERNAL', `reflection answered ${answer.case}`);
    const { errorCode, errorMessage } = answer.value;
    const cause = Object.assign(new Error(errorMessage), { code: errorCode, details: errorMessage });
    throw new Refused(ContactError.from(cause).code, errorMessage, { cause });
  }

  try {
    const answer = await questions(ask);
    link.worked();
    call.end();
    // Read to its end, which frees it.
    answers.next().catch(() => undefined);
    return answer;
  } catch (error) {
    cancelCall(call);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

function noReflection(cause: unknown): ContactError {
  return new ContactError('UNIMPLEMENTED', 'the server has no reflection', { cause });
}
