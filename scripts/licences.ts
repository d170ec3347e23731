import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './tool.ts';

// `npm run check`: what is installed with the package is what was meant. `--write` makes the list in NOTICE anew, as
// `npm run generate` does.

/** Licences that let others use, change and pass on what they cover, and ask for no more than to be named. */
const ALLOWED = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'];
const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;
const HEADING = 'It is installed with these packages:';
/** Tools here, whose code is in the scripts that the dashboard is built into: shipped all the same. */
const BUILT_IN = ['@preact/signals', '@preact/signals-core', 'preact', 'uplot'];
const BUILT_IN_HEADING = 'These are in the scripts of its dashboard:';

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  /** Packages that may run a script when they are installed. */
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly link?: boolean;
}

export interface Sources {
  readonly manifest: Manifest;
  /** `packages` of package-lock.json. */
  readonly locked: Readonly<Record<string, Locked>>;
  readonly notice: string;
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

/** What is wrong, a line each; none: nothing. */
export function findLicenceProblems({ manifest, locked, notice }: Sources): readonly string[] {
  const problems = findLockProblems({ manifest, locked });
  if (notice !== renderNotice(notice, locked)) problems.push('NOTICE lists other packages: npm run generate');
  return problems;
}

/** The same of a lock alone, of which nothing is passed on: the tools of the docs' site have their own. */
export function findLockProblems({ manifest, locked }: Omit<Sources, 'notice'>): string[] {
  const problems: string[] = [];
  for (const field of ['dependencies', 'devDependencies'] as const) {
    for (const [name, version] of Object.entries(manifest[field] ?? {})) {
      if (!EXACT.test(version)) problems.push(`package.json: ${field}: ${name} has no exact version: ${version}`);
    }
  }
  for (const [path, { license, integrity, resolved, hasInstallScript, dev, link }] of Object.entries(locked)) {
    if (path === '' || link) continue;
    const name = nameOf(path);
    if (!integrity?.startsWith('sha512-')) problems.push(`package-lock.json: ${path} has no checksum`);
    // Without a word, from the registry.
    if (resolved !== undefined && !resolved.startsWith('https://'))
      problems.push(`package-lock.json: ${path} comes from ${resolved}`);
    if (hasInstallScript && manifest.allowScripts?.[name] === undefined)
      problems.push(`${path} has a script that runs when it is installed: allowScripts says nothing of it`);
    if (!dev && manifest.allowScripts?.[name])
      problems.push(`${name} is shipped, and its script may run when it is installed`);
    const isShipped = !dev || BUILT_IN.includes(nameOf(path));
    if (isShipped && !isAllowed(license)) problems.push(`${path} has the licence ${license ?? '(none)'}`);
  }
  return problems;
}

/** `(A AND B)` needs both, `A OR B` one of them. */
function isAllowed(license = ''): boolean {
  return license
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((one) => ALLOWED.includes(one)));
}

/** The notice with the packages that are shipped, each once. */
export function renderNotice(notice: string, locked: Sources['locked']): string {
  const shipped = Object.entries(locked).filter(([path, { dev, link }]) => path !== '' && !dev && !link);
  const builtIn = Object.entries(locked).filter(([path, { dev }]) => dev && BUILT_IN.includes(nameOf(path)));
  const [head = ''] = notice.split(`\n\n${HEADING}`);
  const parts = [
    ...[head.trimEnd(), HEADING, listPackages(shipped)],
    ...(builtIn.length > 0 ? [BUILT_IN_HEADING, listPackages(builtIn)] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

function listPackages(packages: readonly (readonly [string, Locked])[]): string {
  const lines = packages.map(
    ([path, { version, license }]) => `  ${nameOf(path)} ${version} (${license?.replaceAll(/[()]/g, '')})`,
  );
  return [...new Set(lines)].join('\n');
}

function readSources(folder = ROOT): Sources {
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  return {
    manifest: JSON.parse(read('package.json')) as Manifest,
    locked: (JSON.parse(read('package-lock.json')) as { readonly packages: Sources['locked'] }).packages,
    notice: readFileSync(join(ROOT, 'NOTICE'), 'utf8'),
  };
}

if (import.meta.main) {
  const sources = readSources();
  if (process.argv.includes('--write')) {
    writeFileSync(join(ROOT, 'NOTICE'), renderNotice(sources.notice, sources.locked));
  } else {
    const site = findLockProblems(readSources(join(ROOT, 'docs', 'site'))).map((problem) => `docs/site: ${problem}`);
    const problems = [...findLicenceProblems(sources), ...site];
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) process.exitCode = 1;
  }
}
