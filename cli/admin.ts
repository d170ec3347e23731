import { type Admin, createAdmin } from '../client/admin.ts';
import type { CommandContext } from './context.ts';
import { reachServer, readConnection } from './reach.ts';
import type { TargetOptions } from './target.ts';

/** For what may take a server long, such as cancelling a million tasks. */
export const BULK_DEADLINE_MS = 3_600_000;

/** Runs `work` with an admin of a server that answers. */
export async function withAdmin(
  options: TargetOptions,
  context: CommandContext,
  work: (admin: Admin) => Promise<void>,
  deadlineMs?: number,
): Promise<void> {
  const connection = readConnection(options, context.say);
  await reachServer(connection, options.connectTimeout);
  const admin = createAdmin({ ...connection, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
  try {
    await work(admin);
  } finally {
    await admin.close();
  }
}
