import type { DescService } from '@bufbuild/protobuf';
import { invalid } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import type { Open } from '../../tunnel/frame.ts';
import * as check from '../check.ts';
import { checkService } from '../descriptor.ts';
import { type KeptMethod, keepMethod } from './durable.ts';
import { type RunningCall, runCall, type Surroundings, typed } from './run.ts';
import type { AnyHandler, ServiceHandlers } from './service.ts';

/** What answers the calls of one method. */
export interface Served {
  /** Runs a live call. @param onOver it is over, and nothing of it goes on here */
  run(call: TunnelCall, open: Open, maxMessageBytes: number, onOver: () => void): RunningCall;
  /** Runs calls that come as tasks; undefined: this method's are not kept. */
  readonly kept: KeptMethod | undefined;
}

/** Methods that are served together. */
export interface Offer {
  /** By `pkg.Service/Method`. */
  readonly methods: ReadonlyMap<string, Served>;
  /** Those of them that the server's reflection may tell of. */
  readonly services: readonly DescService[];
  /** How messages may be compressed that come, as `grpc-encoding` names it. */
  readonly acceptEncodings: readonly string[];
  /** For the moment nobody is to call them. */
  readonly isAway: () => boolean;
}

/**
 * The methods of a service that have handlers, be they of an object or, as with a class, of its prototype; fields of a class that
 * are no methods of the service are its own affair.
 * @throws ContactError INVALID_ARGUMENT naming what is none
 */
export function offerService<S extends DescService>(
  service: S,
  handlers: ServiceHandlers<S>,
  around: Surroundings,
): Offer {
  checkService(service);
  check.checkValue('handlers', handlers, check.object);
  const names = new Set(service.methods.map(({ localName }) => localName));
  const odd = check.isPlain(handlers) ? Object.keys(handlers).find((name) => !names.has(name)) : undefined;
  if (odd !== undefined) throw invalid(`handlers.${odd}`, `${service.typeName} has no such method`);
  const methods = new Map<string, Served>();
  for (const descriptor of service.methods) {
    const { localName: name } = descriptor;
    if (!(name in handlers) || name in Object.prototype) continue;
    const given: unknown = (handlers as Record<string, unknown>)[name];
    if (typeof given !== 'function') throw invalid(`handlers.${name}`, 'expected a function');
    const handler = given.bind(handlers) as AnyHandler;
    const path = methodPath(descriptor).slice(1);
    const method = typed(descriptor, handler);
    methods.set(path, {
      run: (call, open, _, onOver) => runCall(call, open, method, around, onOver),
      kept: keepMethod(path, descriptor, handler, around),
    });
  }
  if (methods.size === 0) throw invalid('handlers', `expected one at least, of: ${[...names].join(', ')}`);
  return { methods, services: [service], acceptEncodings: [], isAway: () => false };
}
