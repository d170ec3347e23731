import type { DescService } from '@bufbuild/protobuf';
import type { Clock } from '../../shared/clock.ts';
import { invalid } from '../../shared/errors.ts';
import { methodPath } from '../../shared/grpc.ts';
import type { TunnelCall } from '../../tunnel/call.ts';
import type { Open } from '../../tunnel/frame.ts';
import { type KeptMethod, keepMethod } from './durable.ts';
import { type RunningCall, runCall, typed } from './run.ts';
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

/** The methods of a service that have handlers. @throws ContactError INVALID_ARGUMENT naming what is none */
export function offerService<S extends DescService>(service: S, handlers: ServiceHandlers<S>, clock: Clock): Offer {
  const methods = new Map<string, Served>();
  for (const [name, handler] of Object.entries(handlers as Record<string, AnyHandler | undefined>)) {
    const descriptor = service.methods.find(({ localName }) => localName === name);
    if (!descriptor) throw invalid(`handlers.${name}`, `${service.typeName} has no such method`);
    if (typeof handler !== 'function') throw invalid(`handlers.${name}`, 'expected a function');
    const path = methodPath(descriptor).slice(1);
    const method = typed(descriptor, handler);
    methods.set(path, {
      run: (call, open, _, onOver) => runCall(call, open, method, clock, onOver),
      kept: keepMethod(path, descriptor, handler),
    });
  }
  return { methods, services: [service], acceptEncodings: [], isAway: () => false };
}
