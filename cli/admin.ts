import { type Admin, createAdmin } from '../client/admin.ts';
import { ContactError } from '../shared/errors.ts';
import type { CommandContext } from './context.ts';
import { CommandFailure } from './exit.ts';
import { reachServer, readConnection } from './reach.ts';
import type { TargetOptions } from './target.ts';

/** For what may take a server long, such as cancelling a million tasks. */
export const BULK_DEADLINE_MS = 3_600_000;

/**
 * Runs `work` with an admin of a server that answers. One that goes away meanwhile is waited for as long as it was at
 * first, by what may well be done twice.
 */
export async function withAdmin(
  options: TargetOptions,
  context: CommandContext,
  work: (admin: Admin) => Promise<void>,
  deadlineMs?: number,
  isPatient = true,
): Promise<void> {
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const patienceMs = isPatient ? options.connectTimeout || Number.MAX_SAFE_INTEGER : 0;
  const admin = createAdmin({ ...connection, patienceMs, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
  try {
    await work(admin).catch((error) => explainStranger(error, connection.server ?? 'the server'));
  } finally {
    await admin.close();
  }
}

/** Another server of gRPC answers as well; what it says of a method that it does not know are its own words, or grpc-js's. */
export function explainStranger(error: unknown, server: string): never {
  if (!(error instanceof ContactError) || error.code !== 'UNIMPLEMENTED' || error.isMarked) throw error;
  throw new CommandFailure(`${server} does not know this request: it is no contact server, or an older one`);
}
