import { timestampMs } from '@bufbuild/protobuf/wkt';
import { createAdmin } from '../../client/admin.ts';
import { type ConnectionOptions, silentLogger } from '../../client/options.ts';
import { describeTrouble, isFault } from '../../client/trouble.ts';
import { isLocal, readAddress } from '../../shared/address.ts';
import { ContactError } from '../../shared/errors.ts';
import { inFlags } from '../flags.ts';
import { readVersion } from '../version.ts';
import { lookAtChain } from './chain.ts';
import type { ServerFacts } from './facts.ts';

/** Queues and clients that are looked at; who has more has metrics. */
const MOST = 2_000;

/** Asks a server for all that is judged afterwards; what it does not tell is a fact too. */
export async function lookAtServer(connection: ConnectionOptions, timeoutMs: number): Promise<ServerFacts> {
  const { server = '' } = connection;
  const address = readAddress(server);
  const known = {
    server,
    clientVersion: readVersion(),
    isLocal: address !== undefined && isLocal(address),
    queues: [],
    clients: [],
    now: Date.now(),
  };
  const admin = createAdmin({ ...connection, logger: silentLogger, deadlineMs: timeoutMs });
  try {
    // The first call opens the connection, whose time is not that of an answer.
    await admin.serverInfo({ deadlineMs: timeoutMs });
    const [askedAt, startedAt] = [Date.now(), performance.now()];
    const info = await admin.serverInfo({ deadlineMs: timeoutMs });
    const roundTripMs = performance.now() - startedAt;
    const times = info.now
      ? { aheadMs: timestampMs(info.now) - (askedAt + roundTripMs / 2), roundTripMs }
      : { roundTripMs };
    const unsent = connection.tls && (await lookAtChain(server, connection.tls, timeoutMs));
    const told = { ...known, info, ...times, unsent };
    if (!info.startedAt) return { ...told, refusal: 'this credential is not that of an operator' };
    const queues = await take(admin.listAllQueues());
    const clients = await take(admin.listAllClients());
    return { ...told, queues, clients, now: Date.now() };
  } catch (error) {
    const { code, message } = ContactError.from(error);
    if (code !== 'UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED') return { ...known, refusal: message };
    const trouble = ContactError.from(error);
    const outOfReach = inFlags(describeTrouble(trouble, connection.tls !== undefined));
    return { ...known, outOfReach, ...(isFault(trouble) ? { fault: inFlags(message) } : {}) };
  } finally {
    await admin.close();
  }
}

async function take<T>(all: AsyncIterable<T>): Promise<T[]> {
  const some: T[] = [];
  for await (const one of all) if (some.push(one) >= MOST) break;
  return some;
}
