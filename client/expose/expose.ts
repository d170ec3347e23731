import { createFileRegistry, type DescService, type FileRegistry } from '@bufbuild/protobuf';
import type { FileDescriptorSet } from '@bufbuild/protobuf/wkt';
import { describeThrown } from '../../shared/describe.ts';
import { ContactError, invalid } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import { isOwnService } from '../../tunnel/names.ts';
import * as check from '../check.ts';
import type { Connection } from '../connection.ts';
import { readDescriptorSet } from '../descriptorset.ts';
import { guardRandom, isAddress } from '../options.ts';
import { pause } from '../pause.ts';
import { createReflection } from '../reflection.ts';
import { canKeep } from '../serve/durable.ts';
import type { Offer, Served } from '../serve/served.ts';
import { isTls, type TlsOptions } from '../tls.ts';
import { forwardCall } from './forward.ts';
import { keepForTarget } from './kept.ts';
import { createTarget, type Target } from './target.ts';

/** A running gRPC server whose services are to be called through contact. */
export interface ExposeOptions {
  /** Where it listens: HOST:PORT, or `unix:PATH`. */
  readonly to: string;
  /** How it is spoken to; absent: plaintext. */
  readonly tls?: TlsOptions;
  /** `pkg.Service`; default: all that it is asked for, or `descriptors` has, but those of `grpc.` and `contact.`. */
  readonly services?: readonly string[];
  /** A `google.protobuf.FileDescriptorSet` of its services with all that they import; default: its reflection is asked. */
  readonly descriptors?: Uint8Array;
  /** How many live calls may run here at once, of all services; 1 to 10,000, default 100. */
  readonly maxCalls?: number;
  /** Milliseconds for which it may be away at first; default: as long as it takes. */
  readonly deadlineMs?: number;
  /** It is there from now on (`trouble` is undefined), or away because of that. */
  readonly onPresence?: (trouble: Error | undefined) => void;
}

/** What is exposed. */
export interface Exposed {
  /** With their methods, `pkg.Service/Method`; without those that the server has refused, which `logger` is told of. */
  readonly services: readonly { readonly name: string; readonly methods: readonly string[] }[];
}

const RULES: Readonly<Record<keyof ExposeOptions, check.Check>> = Object.freeze({
  to: isAddress,
  tls: isTls,
  services: check.listOf(check.someText),
  descriptors: check.bytes,
  maxCalls: check.anything,
  deadlineMs: check.waitMs,
  onPresence: check.method,
});

/** The compressions of gRPC: what its target does not take of them, that says itself. */
const ENCODINGS = ['gzip', 'deflate', 'snappy', 'zstd'];
const LOOK_MS = 20;

export interface Exposing {
  readonly offer: Offer;
  readonly exposed: Exposed;
}

/** Reaches a target and asks it what it serves. @param onPresence it has gone, or come back */
export async function exposeTarget(
  options: ExposeOptions,
  connection: Connection,
  signal: AbortSignal,
  onPresence: () => void,
): Promise<Exposing> {
  check.checkFields(options, RULES);
  check.checkValue('to', options.to, isAddress);
  const { to, tls, services, descriptors } = options;
  const set = descriptors && readDescriptorSet(descriptors);
  const { clock, logger } = connection;
  function notice(): void {
    onPresence();
    try {
      options.onPresence?.(target.trouble);
    } catch (error) {
      logger.warn(`onPresence has thrown: ${describeThrown(error)}`);
    }
  }
  const target = createTarget({ to, tls, clock, logger, random: guardRandom(undefined), onPresence: notice });
  signal.addEventListener('abort', target.close);
  void target.keep();
  try {
    await untilThere(target, options.deadlineMs ?? Number.POSITIVE_INFINITY, connection, signal);
    const registry = createFileRegistry(set ?? (await reflect(options)));
    const chosen = chooseServices(registry, services, target.address);
    return offerTarget(chosen, target, connection);
  } catch (error) {
    target.close();
    throw error;
  }
}

function offerTarget(services: readonly DescService[], target: Target, { clock }: Connection) {
  const methods = new Map<string, Served>();
  const exposed: Exposed = {
    services: services.map((service) => ({
      name: service.typeName,
      methods: service.methods.map((method) => methodPath(method).slice(1)),
    })),
  };
  for (const method of services.flatMap((service) => service.methods)) {
    const path = methodPath(method).slice(1);
    methods.set(path, {
      run: (call, open, maxMessageBytes, onOver) => forwardCall(call, open, { target, clock, maxMessageBytes, onOver }),
      kept: canKeep(path, method) ? keepForTarget(path, target) : undefined,
    });
  }
  const offer: Offer = { methods, services, acceptEncodings: ENCODINGS, isAway: () => !target.isThere };
  return { offer, exposed };
}

/** The process is kept alive meanwhile, also where nothing else of it is open any more. */
async function untilThere(target: Target, deadlineMs: number, { clock }: Connection, signal: AbortSignal) {
  const beganAt = clock.monotonic();
  while (!target.isThere) {
    if (signal.aborted) throw new ContactError('CANCELLED', 'the worker stops');
    if (clock.monotonic() - beganAt >= deadlineMs) {
      const why = target.trouble?.message ?? 'no answer yet';
      throw new ContactError('UNAVAILABLE', `could not reach ${target.address} within ${deadlineMs} ms: ${why}`, {
        field: 'to',
      });
    }
    await pause(clock, LOOK_MS, signal);
  }
}

async function reflect({ to, tls, services }: ExposeOptions): Promise<FileDescriptorSet> {
  const reflection = createReflection({ server: to, ...(tls ? { tls } : {}) });
  try {
    const names = services ?? (await reflection.listServices()).filter((name) => !isOwnService(name));
    return await reflection.describe(names);
  } catch (error) {
    const { code, problem } = ContactError.from(error);
    if (code === 'UNIMPLEMENTED') {
      const hint = `${to} has no reflection; give a FileDescriptorSet of its services`;
      throw new ContactError('FAILED_PRECONDITION', hint, { field: 'descriptors', cause: error });
    }
    if (code === 'NOT_FOUND') throw new ContactError('NOT_FOUND', problem, { field: 'services', cause: error });
    throw error;
  } finally {
    await reflection.close();
  }
}

function chooseServices(registry: FileRegistry, names: readonly string[] | undefined, address: string): DescService[] {
  const all = [...registry].filter((one) => one.kind === 'service');
  if (names === undefined) {
    const chosen = all.filter(({ typeName }) => !isOwnService(typeName));
    if (chosen.length > 0) return chosen;
    throw new ContactError('NOT_FOUND', `${address} serves nothing but services of grpc and of contact`, {
      field: 'services',
    });
  }
  return names.map((name) => {
    if (isOwnService(name)) throw invalid('services', `${name}: this name is the server’s own`);
    const found = registry.getService(name);
    if (found) return found;
    const there = all.map(({ typeName }) => typeName).join(', ');
    throw new ContactError('NOT_FOUND', `there is no ${name}${there === '' ? '' : `; there are: ${there}`}`, {
      field: 'services',
    });
  });
}
