import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { Admin } from '../../client/index.ts';
import { withAdmin } from '../admin.ts';
import type { CommandContext } from '../context.ts';
import { escapeLine } from '../escape.ts';
import { CommandFailure } from '../exit.ts';
import { onStopSignal } from '../signals.ts';
import { addTargetOptions, type TargetOptions } from '../target.ts';

interface BackupCommandOptions extends TargetOptions {
  readonly force?: boolean;
}

export function fillBackupCommand(command: Command, context: CommandContext): void {
  command
    .option('--force', 'replace the file if it is there')
    .option('--json', 'as a JSON object')
    .action((file: string, options: BackupCommandOptions) => backUp(file, options, context))
    .addHelpText(
      'after',
      `
The server goes on meanwhile. It makes the copy on its own disk first, beside its database, and needs as much room there
for a while. FILE is written as FILE.partial, readable by its user alone, and has its name once all of it has come, as it
was sent, and is on disk. "contact restore" makes a store of it; docs/backup.md has more.

Example:
  contact backup contact-monday.db`,
    );
  addTargetOptions(command);
}

async function backUp(file: string, options: BackupCommandOptions, context: CommandContext): Promise<void> {
  if (existsSync(file) && !options.force)
    throw new CommandFailure(`${file} is there already: say --force to replace it`);
  const stop = new AbortController();
  const stopListening = onStopSignal(() => stop.abort());
  try {
    await withAdmin(options, context, async (admin) => {
      const bytes = await writeFile(file, admin, stop.signal);
      await (options.json
        ? context.out.writeJson({ file, bytes })
        : context.out.write(`${escapeLine(file)} has ${bytes} bytes\n`));
    });
  } finally {
    stopListening();
  }
}

/** Writes what comes, and gives it its name at last; answers its bytes. */
async function writeFile(file: string, admin: Admin, signal: AbortSignal): Promise<number> {
  const partial = `${file}.partial`;
  await rm(partial, { force: true });
  try {
    const bytes = await writeAll(partial, admin.backUp({ signal }));
    await rename(partial, file);
    await syncFolder(dirname(file));
    return bytes;
  } catch (error) {
    await rm(partial, { force: true });
    if (isOfSystem(error)) throw new CommandFailure(`cannot write ${partial}: ${error.message}`);
    throw error;
  }
}

async function writeAll(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await open(path, 'wx', 0o600);
  try {
    let bytes = 0;
    for await (const chunk of chunks) {
      await handle.writeFile(chunk);
      bytes += chunk.byteLength;
    }
    await handle.sync();
    return bytes;
  } finally {
    await handle.close();
  }
}

/** The name is on disk too. Windows cannot sync folders. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
