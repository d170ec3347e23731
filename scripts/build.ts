import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { COMMONJS, writeCommonJs } from './commonjs.ts';
import { buildDashboard } from './dashboard.ts';
import { ROOT, runTool } from './tool.ts';

// `npm run build`: dist/ as a package that `npm pack` and `npm publish` take as it is. Compiled, because Node strips no
// types from what lies in node_modules.

const DIST = join(ROOT, 'dist');
/** With what README.md links to, so that its links work in the package as they do in the checkout. */
export const COPIED: readonly string[] = [
  'README.md',
  'LICENSE',
  'NOTICE',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/README.md',
  'bin',
  'docs',
  'examples',
  'proto',
];
/** What lies in those, and is nobody's who installs the package: the tools of the docs' site, and what is made. */
const LEFT_OUT = ['__pycache__', join('docs', 'site')];
/** Kept from package.json as they are. */
const KEPT = [
  'name',
  'version',
  'description',
  'keywords',
  'repository',
  'homepage',
  'bugs',
  'license',
  'type',
  'engines',
  'bin',
  'dependencies',
  'peerDependencies',
  'peerDependenciesMeta',
];

interface Manifest {
  readonly exports: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface BuildOptions {
  /** Where the package is made; what was there is removed. Default: dist/. */
  readonly folder?: string;
  /** Whether a wrong type stops it. Default: true; `npm run check` has looked at them too. */
  readonly areTypesChecked?: boolean;
}

function readManifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
}

/** `./client/index.ts` → what a reader of the compiled package imports or requires. */
function compileExport(source: string): unknown {
  if (!source.endsWith('.ts')) return source;
  const path = source.slice(2, -3);
  const pair = (file: string): object => ({ types: `./${file}.d.ts`, default: `./${file}.js` });
  return { require: pair(`${COMMONJS}/${path}`), default: pair(path) };
}

function renderManifest(source: Manifest): string {
  const kept = KEPT.filter((field) => field in source).map((field) => [field, source[field]]);
  const exports = Object.entries(source.exports).map(([name, path]) => [name, compileExport(path)]);
  return `${JSON.stringify({ ...Object.fromEntries(kept), exports: Object.fromEntries(exports) }, null, 2)}\n`;
}

/** The compiler leaves `.ts` at the end of what declarations import, which not every version of TypeScript resolves. */
function renameImports(dist: string): void {
  for (const path of globSync('**/*.d.ts', { cwd: dist })) {
    const file = join(dist, path);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/(['"])(\.{1,2}\/[^'"\n]*)\.ts\1/g, '$1$2.js$1'));
  }
}

export async function buildPackage({ folder = DIST, areTypesChecked = true }: BuildOptions = {}): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const flags = areTypesChecked
    ? []
    : ['--noCheck', '--singleThreaded', '--sourceMap', 'false', '--inlineSources', 'false'];
  const project = ['--project', 'tsconfig.build.json', '--pretty', 'false', '--outDir', folder];
  const run = runTool('tsc', [...project, ...flags]);
  if (!run.isOk) throw new Error(`tsc failed:\n${run.output}`);
  renameImports(folder);
  await buildDashboard(join(folder, 'dashboard', 'built'));
  for (const path of COPIED) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(ROOT, path), join(folder, path), {
      recursive: true,
      filter: (from) => !LEFT_OUT.some((part) => from.includes(part)),
    });
  }
  chmodSync(join(folder, 'bin', 'contact.js'), 0o755);
  const manifest = readManifest();
  const entries = Object.values(manifest.exports).filter((path) => path.endsWith('.ts'));
  writeCommonJs(
    folder,
    entries.map((path) => path.slice(2).replace(/ts$/, 'js')),
  );
  writeFileSync(join(folder, 'package.json'), renderManifest(manifest));
}

if (import.meta.main) {
  await buildPackage();
  console.log('dist/: built');
}
