import { createFileRegistry, type DescMethod, type DescService } from '@bufbuild/protobuf';
import type { Admin } from '../../client/admin.ts';
import type { Reflection } from '../../client/reflection.ts';
import { findNear, suggest } from '../../shared/near.ts';
import { describeSymbol } from '../call/source.ts';
import { usageError } from '../exit.ts';
import { findServers, type Server } from './servers.ts';

export interface ServiceView {
  readonly service: string;
  /** Undefined: nobody describes it. */
  readonly desc: DescService | undefined;
  /** Null: the server itself. */
  readonly clients: readonly Server[] | null;
}

/** What can be called: what clients serve, then what the server does, each by name. */
export async function listServices(asking: Reflection, admin: Admin): Promise<ServiceView[]> {
  const clientsByService = await findServers(admin);
  const described = new Set(await asking.listServices());
  const names = new Set([...described, ...clientsByService.keys()]);
  const views: ServiceView[] = [];
  for (const service of [...names].toSorted()) {
    // The server lists what somebody describes.
    const desc = described.has(service) ? await describeOne(asking, service) : undefined;
    views.push({ service, desc, clients: clientsByService.get(service) ?? null });
  }
  return views.toSorted((a, b) => Number(a.clients === null) - Number(b.clients === null));
}

/** One of them. @throws CommandFailure of wrong usage that names what there is instead */
export async function findService(asking: Reflection, admin: Admin, service: string): Promise<ServiceView> {
  const clientsByService = await findServers(admin);
  const clients = clientsByService.get(service) ?? null;
  const desc = await describeOne(asking, service);
  if (desc || clients) return { service, desc, clients };
  const names = [...new Set([...(await asking.listServices()), ...clientsByService.keys()])];
  throw usageError(`nobody serves ${service}${suggest(findNear(service, names), names)}`);
}

async function describeOne(asking: Reflection, service: string): Promise<DescService | undefined> {
  const set = await describeSymbol(asking, service);
  return set && createFileRegistry(set).getService(service);
}

const STREAMS: Readonly<Record<DescMethod['methodKind'], readonly [up: boolean, down: boolean]>> = {
  unary: [false, false],
  server_streaming: [false, true],
  client_streaming: [true, false],
  bidi_streaming: [true, true],
};

/** What a method takes and answers: `stream pkg.Message`. */
export function describeTypes({ methodKind, input, output }: DescMethod): readonly [request: string, answer: string] {
  const [isUp, isDown] = STREAMS[methodKind];
  const write = (isStream: boolean, name: string): string => (isStream ? `stream ${name}` : name);
  return [write(isUp, input.typeName), write(isDown, output.typeName)];
}
