import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

/** The top of the project, whatever folder a script was started from. */
export const ROOT = join(import.meta.dirname, '..');

export interface ToolRun {
  readonly isOk: boolean;
  /** Standard output and error together. */
  readonly output: string;
}

/** The environment with the tools of `node_modules` first, as npm gives it to its scripts. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  const path = `${join(ROOT, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`;
  return { ...process.env, PATH: path };
}

/** Runs a program to its end. */
export function runTool(command: string, args: readonly string[], folder: string = ROOT): ToolRun {
  const run = spawnSync(command, args, { cwd: folder, env: toolEnvironment(), encoding: 'utf8', maxBuffer: 2 ** 26 });
  return { isOk: run.status === 0, output: `${run.stdout ?? ''}${run.stderr ?? ''}${run.error?.message ?? ''}` };
}
