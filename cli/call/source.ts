import { setTimeout as sleep } from 'node:timers/promises';
import { createFileRegistry, type DescMethod, type FileRegistry } from '@bufbuild/protobuf';
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { readDescriptorSet } from '../../client/descriptorset.ts';
import type { Reflection } from '../../client/reflection.ts';
import { ContactError } from '../../shared/errors.ts';
import { findNear, suggest } from '../../shared/near.ts';
import { readPlainFile } from '../../shared/plainfile.ts';
import { usageError } from '../exit.ts';
import type { MethodName } from './name.ts';

export type Asking = Omit<Reflection, 'close' | typeof Symbol.asyncDispose>;

/** How often a server is asked again for a service that is waited for. */
const PAUSE_MS = 100;
/** Of a file of descriptors; all of googleapis are a quarter of it. */
export const MAX_DESCRIPTOR_BYTES = 64 << 20;

/** What a file of descriptors has, as `protoc --include_imports -o` or `buf build -o` writes it. */
export function readDescriptors(path: string): FileRegistry {
  try {
    return createFileRegistry(readDescriptorSet(readPlainFile(path, MAX_DESCRIPTOR_BYTES).bytes));
  } catch (error) {
    const problem = error instanceof ContactError ? error.problem : (error as Error).message;
    throw usageError(`--descriptors ${path}: ${problem}`);
  }
}

/** The files of a service as the server's reflection tells them, asked for until `waitMs` are over. Undefined: nobody does. */
export async function describeService(
  asking: Asking,
  service: string,
  waitMs: number,
): Promise<FileRegistry | undefined> {
  const until = performance.now() + waitMs;
  for (;;) {
    const set = await describeSymbol(asking, service);
    if (set) return createFileRegistry(set);
    if (performance.now() >= until) return undefined;
    await sleep(PAUSE_MS);
  }
}

/** Undefined: nothing is known of it. */
export async function describeSymbol(asking: Asking, symbol: string): Promise<FileDescriptorSet | undefined> {
  try {
    return await asking.describe([symbol], { extensions: true });
  } catch (error) {
    if (error instanceof ContactError && error.code === 'NOT_FOUND') return undefined;
    if (error instanceof ContactError && error.code === 'UNIMPLEMENTED') {
      throw usageError(`${error.message}: --descriptors FILE says what its services look like`);
    }
    throw error;
  }
}

/** @throws CommandFailure of wrong usage that names the services or methods there are */
export function findMethod(files: FileRegistry, { service, method }: MethodName): DescMethod {
  const found = files.getService(service);
  if (!found) {
    const services = [...files].filter(({ kind }) => kind === 'service').map(({ typeName }) => typeName);
    throw usageError(`no service ${service}${suggest(findNear(service, services), services)}`);
  }
  const names = found.methods.map(({ name }) => name);
  const one = found.methods.find(({ name }) => name === method);
  if (!one) throw usageError(`${service} has no method ${method}${suggest(findNear(method, names), names)}`);
  return one;
}
