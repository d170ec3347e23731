import { create, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { createWorker, type ExposeOptions, type Worker, type WorkerOptions } from '../../client/index.ts';
import { file_echo } from '../echo/gen/echo_pb.ts';
import { useWorker } from './end.ts';
import { connectTo } from './server.ts';

/** What `buf build -o` writes of the echo service. */
export function describeEcho(): Uint8Array {
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file_echo.proto] }));
}

/** A worker that exposes the echo service which listens at `to`; resolves once it can be called. */
export async function exposeEcho(
  address: string,
  to: string,
  options: Partial<ExposeOptions> = {},
  asWorker: Partial<WorkerOptions<unknown, unknown>> = {},
): Promise<Worker> {
  const worker = useWorker(createWorker({ ...connectTo(address), ...asWorker }));
  await worker.expose({ to, descriptors: describeEcho(), ...options });
  return worker;
}
