import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { extname, join } from 'node:path';

// The dashboard: files that were built before, read once, and answered from memory. What is not among them is not there, so that
// no path leads out of their folder.

/** Where the build puts them, of a checkout and of the package alike. */
const BUILT = join(import.meta.dirname, '..', '..', 'dashboard', 'built');
const TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
  ['.md', 'text/plain; charset=utf-8'],
]);

/**
 * The page runs its own scripts and styles and speaks to its own server; nothing else is loaded or told anything, nobody puts it
 * into a frame, and what it leads to is not told where it came from.
 */
const POLICY = Object.freeze({
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
});

interface DashboardFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer | undefined;
  readonly etag: string;
  /** Its name changes with what is in it. */
  readonly isImmutable: boolean;
}

/** What is answered for a file. */
export interface DashboardAnswer {
  readonly status: 200 | 304 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What a request says that matters here. */
export interface DashboardRequest {
  /** Without its query. */
  readonly path: string;
  readonly acceptEncoding?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** What matters of the headers of a request. */
export function fileRequest(path: string, headers: IncomingHttpHeaders): DashboardRequest {
  const { 'accept-encoding': encodings, 'if-none-match': ifNoneMatch } = headers;
  return { path, acceptEncoding: encodings, ifNoneMatch };
}

/** Answers what a request for a file is answered with; undefined: no file is there. */
export function createDashboard(folder: string = BUILT): (request: DashboardRequest) => DashboardAnswer | undefined {
  const files = readFiles(folder);
  if (files.size === 0) return answerUnbuilt;
  return ({ path, acceptEncoding = '', ifNoneMatch = '' }) => {
    const file = files.get(path === '/' ? '/index.html' : path);
    if (file === undefined) return undefined;
    const { type, bytes, gzipped, etag, isImmutable } = file;
    const headers = {
      ...POLICY,
      'content-type': type,
      'cache-control': isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      etag,
      vary: 'accept-encoding',
    };
    if (ifNoneMatch.split(',').some((one) => one.trim().replace(/^W\//, '') === etag))
      return { status: 304, headers, body: Buffer.alloc(0) };
    if (gzipped && /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*(?:,|$)))/.test(acceptEncoding))
      return { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: gzipped };
    return { status: 200, headers, body: bytes };
  };
}

/** A checkout in which nobody has built it. */
function answerUnbuilt({ path }: DashboardRequest): DashboardAnswer | undefined {
  if (path !== '/') return undefined;
  const headers = { ...POLICY, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  const text = 'The dashboard is not built in this checkout: npm run dashboard, and start the server again.\n';
  return { status: 503, headers, body: Buffer.from(text) };
}

function readFiles(folder: string): ReadonlyMap<string, DashboardFile> {
  if (!existsSync(folder)) return new Map();
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => TYPES.has(extname(path)));
  return new Map(
    paths.map((path) => {
      const bytes = readFileSync(join(folder, path));
      const gzipped = existsSync(join(folder, `${path}.gz`)) ? readFileSync(join(folder, `${path}.gz`)) : undefined;
      const name = `/${path.replaceAll('\\', '/')}`;
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      const isImmutable = /^\/assets\/.*-[\w-]{8}\.\w+$/.test(name);
      return [name, { type: TYPES.get(extname(path))!, bytes, gzipped, etag, isImmutable }];
    }),
  );
}
