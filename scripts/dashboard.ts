import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, createServer, type InlineConfig } from 'vite';
import { ROOT } from './tool.ts';

// `npm run dashboard`: the dashboard as the files that a server gives to browsers, in dashboard/built. With --dev it is served
// from its sources instead, beside a server at 127.0.0.1:50051 that answers its requests.

const SOURCE = join(ROOT, 'dashboard');
/** Where a server of this checkout looks for it. */
export const BUILT = join(SOURCE, 'built');
/** What the files were built of, so that nobody builds them twice. */
const STAMP = '.stamp';
const DEV_PORT = 5_173;

const CONFIG: InlineConfig = {
  configFile: false,
  root: SOURCE,
  base: '/',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
};

/** Builds it into a folder, which is made anew. */
export async function buildDashboard(folder: string): Promise<void> {
  await build({
    ...CONFIG,
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: 'es2022',
      // What is inlined as `data:` would be refused by the policy of the page.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      license: { fileName: 'assets/licences.md' },
    },
  });
  for (const path of globSync('**/*.{js,css,svg,html}', { cwd: folder })) {
    writeFileSync(join(folder, `${path}.gz`), gzipSync(readFileSync(join(folder, path)), { level: 9 }));
  }
}

/** Builds it for this checkout, unless it is built of the sources as they are. */
export async function ensureDashboard(): Promise<void> {
  const stamp = hashSources();
  if (existsSync(join(BUILT, STAMP)) && readFileSync(join(BUILT, STAMP), 'utf8') === stamp) return;
  const cache = join(ROOT, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(join(cache, 'dashboard-'));
  await buildDashboard(made);
  // Some tests run a server as another user.
  chmodSync(made, 0o755);
  writeFileSync(join(made, STAMP), stamp);
  rmSync(BUILT, { recursive: true, force: true });
  try {
    renameSync(made, BUILT);
  } catch (error) {
    // Another process was quicker, with the same.
    rmSync(made, { recursive: true, force: true });
    if (!existsSync(BUILT)) throw error;
  }
}

function hashSources(): string {
  const hash = createHash('sha256');
  const files = globSync('**/*.{ts,tsx,css,html,svg}', { cwd: SOURCE, exclude: ['built/**'] }).sort();
  for (const path of [...files.map((file) => join('dashboard', file)), 'scripts/dashboard.ts', 'package-lock.json']) {
    hash.update(`${path}\n`).update(readFileSync(join(ROOT, path)));
  }
  return hash.digest('hex');
}

if (import.meta.main) {
  if (process.argv.includes('--dev')) {
    const proxy = { '/v1': 'http://127.0.0.1:50051' };
    const server = await createServer({ ...CONFIG, server: { host: '127.0.0.1', port: DEV_PORT, proxy } });
    await server.listen();
    server.printUrls();
  } else {
    await ensureDashboard();
    console.log('dashboard/built: built');
  }
}
