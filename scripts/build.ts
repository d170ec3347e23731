import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, runTool } from './tool.ts';

// `npm run build`: dist/ as a package that `npm pack` and `npm publish` take as it is. Compiled, because Node strips no
// types from what lies in node_modules.

const DIST = join(ROOT, 'dist');
const COPIED = ['README.md', 'LICENSE', 'NOTICE', 'CHANGELOG.md', 'bin', 'proto'];
/** Kept from package.json as they are. */
const KEPT = [
  'name',
  'version',
  'description',
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

/** `./client/index.ts` → what a reader of the compiled package imports. */
function compileExport(source: string): { types: string; default: string } {
  const path = source.replace(/\.ts$/, '');
  return { types: `${path}.d.ts`, default: `${path}.js` };
}

function renderManifest(): string {
  const source = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
  const kept = KEPT.filter((field) => field in source).map((field) => [field, source[field]]);
  const exports = Object.entries(source.exports).map(([name, path]) => [name, compileExport(path)]);
  return `${JSON.stringify({ ...Object.fromEntries(kept), exports: Object.fromEntries(exports) }, null, 2)}\n`;
}

export function buildPackage(): void {
  rmSync(DIST, { recursive: true, force: true });
  const run = runTool('tsc', ['--project', 'tsconfig.build.json', '--pretty', 'false']);
  if (!run.isOk) throw new Error(`tsc failed:\n${run.output}`);
  for (const path of COPIED) {
    if (!existsSync(join(ROOT, path))) continue;
    mkdirSync(dirname(join(DIST, path)), { recursive: true });
    cpSync(join(ROOT, path), join(DIST, path), { recursive: true });
  }
  chmodSync(join(DIST, 'bin', 'contact.js'), 0o755);
  writeFileSync(join(DIST, 'package.json'), renderManifest());
}

if (import.meta.main) {
  buildPackage();
  console.log('dist/: built');
}
