import { create, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { reflection, type reflectionV1alpha } from '../../gen/index.ts';
import { defineService } from '../../shared/grpc.ts';
import { atEnd } from './end.ts';

/** A gRPC server that is not ours: it describes by one version of reflection what it is given, one file an answer. */
export interface ForeignServer {
  readonly server: Server;
  readonly address: string;
  /** Questions that it was asked, in their order. */
  readonly asked: string[];
}

export interface Description {
  readonly version?: typeof reflection.ServerReflection | typeof reflectionV1alpha.ServerReflection;
  /** Services that it lists. */
  readonly services?: readonly string[];
  /** The file of a symbol or of a name; undefined: nothing is known of it. */
  find(symbolOrName: string): Partial<FileDescriptorProto> | undefined;
  /** Numbers of the extensions of a message; without it the server knows of no such question. */
  extensionsOf?(message: string): readonly number[];
}

type Stream = ServerDuplexStream<reflection.ServerReflectionRequest, { readonly messageResponse: object }>;

/** Starts one on a free port; `null`: it has no reflection. */
export async function startForeignServer(description: Description | null): Promise<ForeignServer> {
  const server = new Server();
  const asked: string[] = [];
  if (description) {
    const service = description.version ?? reflection.ServerReflection;
    const serverReflectionInfo = (stream: Stream): void => {
      stream.on('data', ({ messageRequest }: reflection.ServerReflectionRequest) => {
        asked.push(`${messageRequest.case} ${nameOf(messageRequest)}`);
        stream.write({ messageResponse: answer(messageRequest, description) });
      });
      stream.on('end', () => stream.end());
    };
    server.addService(defineService(service) as never, { serverReflectionInfo } as never);
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  atEnd(() => server.forceShutdown());
  return { server, address: `127.0.0.1:${port}`, asked };
}

type Question = reflection.ServerReflectionRequest['messageRequest'];

function nameOf({ case: kind, value }: Question): string {
  return kind === 'fileContainingExtension' ? `${value.containingType} ${value.extensionNumber}` : (value ?? '');
}

function answer(question: Question, { services = [], find, extensionsOf }: Description): object {
  if (question.case === 'listServices') {
    return { case: 'listServicesResponse', value: { service: services.map((name) => ({ name })) } };
  }
  if (question.case === 'allExtensionNumbersOfType') {
    const extensionNumber = extensionsOf?.(question.value);
    if (!extensionNumber) return refuse(status.UNIMPLEMENTED);
    return { case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber } };
  }
  const file = find(nameOf(question));
  if (!file) return refuse(status.NOT_FOUND);
  const bytes = toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, file as object));
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: [bytes] } };
}

function refuse(errorCode: status): object {
  return { case: 'errorResponse', value: { errorCode, errorMessage: 'it was not found' } };
}
