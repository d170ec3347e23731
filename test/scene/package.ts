import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildPackage } from '../../scripts/build.ts';
import { ROOT, toolEnvironment } from '../../scripts/tool.ts';
import { createFolder } from './folder.ts';

/** The environment of somebody who installs the package: none of what these tests tell Node by it. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...environment } = toolEnvironment();
  return environment;
}

/** Runs a program to its end; fails with its output if that is not 0. What it answers has no stderr in it. */
export function runIn(folder: string, command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { cwd: folder, encoding: 'utf8', env: plainEnvironment(), stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? error}`);
  }
}

/** The path of the tarball that a checkout packs, in a folder of its own. */
export async function packPackage({ areTypesChecked }: { readonly areTypesChecked: boolean }): Promise<string> {
  const folder = createFolder();
  const dist = join(folder, 'dist');
  await buildPackage({ folder: dist, areTypesChecked });
  runIn(folder, 'npm', 'pack', dist, '--silent', '--offline');
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) throw new Error('npm pack made no tarball');
  return join(folder, tarball);
}

/** A project that has the package as npm would install it, without a network: its dependencies are those of the checkout. */
export function installOffline(tarball: string): string {
  const project = createFolder();
  const modules = join(project, 'node_modules');
  const own = join(modules, 'contactd');
  mkdirSync(own, { recursive: true });
  runIn(own, 'tar', '-xzf', tarball, '--strip-components=1');
  const { dependencies } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of [...Object.keys(dependencies), '@types/node', 'undici-types']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }\n');
  return project;
}
