import { chmodSync, copyFileSync, mkdirSync, mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { ROOT } from './tool.ts';

// The command in a few files, for the processes that tests start by the hundred: a server that reads a thousand modules
// one by one has spent a second of processor time before it listens, most of what `npm test` had cost. What runs is the
// code of the checkout; whatever a test loads or looks at itself still is its sources.

/** What a module says of its own place stays true, so that it finds its workers and the files beside it. */
const places: Plugin = {
  name: 'places of modules',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
        .replaceAll('import.meta.filename', JSON.stringify(path))
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)));
      return { contents, loader: 'ts' };
    });
  },
};

/** Answers the script of the command, in a folder of its own that whoever asked for it removes. */
export async function bundleCommand(): Promise<{ readonly folder: string; readonly script: string }> {
  const cache = join(ROOT, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'contact-'));
  // Some tests run the command as another user.
  chmodSync(folder, 0o755);
  // CommonJS among the dependencies asks for parts of Node by it.
  const manifest = JSON.stringify(pathToFileURL(join(ROOT, 'package.json')).href);
  const banner = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(${manifest});`;
  await build({
    entryPoints: [join(ROOT, 'cli', 'main.ts')],
    outdir: join(folder, 'cli'),
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    banner: { js: banner },
    external: ['@opentelemetry/api'],
    plugins: [places],
    logLevel: 'warning',
  });
  mkdirSync(join(folder, 'bin'));
  const script = join(folder, 'bin', 'contact.js');
  copyFileSync(join(ROOT, 'bin', 'contact.js'), script);
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  return { folder, script };
}
