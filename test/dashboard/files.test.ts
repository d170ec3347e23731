import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { BUILT, ensureDashboard } from '../../scripts/dashboard.ts';
import { createDashboard } from '../../server/web/dashboard.ts';
import { createFolder, removeFolders } from '../scene/folder.ts';

/** A page that is slow to come is not looked at: of all scripts together. */
const MAX_SCRIPT_BYTES = 70_000;

describe('the files of the dashboard', function () {
  this.timeout(60_000);
  before(ensureDashboard);
  after(removeFolders);

  const read = (ext: string): readonly string[] =>
    readdirSync(BUILT, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith(ext))
      .map((path) => join(BUILT, path));

  it(`have scripts of at most ${MAX_SCRIPT_BYTES} bytes, as they are sent`, () => {
    const bytes = read('.js.gz').reduce((sum, path) => sum + readFileSync(path).length, 0);
    assert.ok(bytes > 10_000 && bytes <= MAX_SCRIPT_BYTES, String(bytes));
  });

  it('load nothing of another origin, and run nothing that is written into the page', () => {
    const page = readFileSync(join(BUILT, 'index.html'), 'utf8');
    const loaded = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url);
    assert.ok(loaded.length >= 3);
    for (const url of loaded) assert.match(url!, /^\/assets\//);
    assert.doesNotMatch(page, /<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
    for (const path of read('.css')) assert.doesNotMatch(readFileSync(path, 'utf8'), /@import|url\((?!["']?\/assets)/);
  });

  it('have the licences of what they are built of', () => {
    const licences = readFileSync(join(BUILT, 'assets', 'licences.md'), 'utf8');
    for (const name of ['preact', '@preact/signals']) assert.ok(licences.includes(`## ${name} `), name);
  });
});

describe('createDashboard()', () => {
  before(function () {
    this.timeout(60_000);
    return ensureDashboard();
  });

  const script = (): string => `/assets/${readdirSync(join(BUILT, 'assets')).find((name) => name.endsWith('.js'))}`;

  it('answers the page anew each time, and what never changes for a year', () => {
    const find = createDashboard();
    const page = find({ path: '/' });
    assert.equal(page?.status, 200);
    assert.equal(page.headers['cache-control'], 'no-cache');
    assert.match(page.body.toString(), /<div id="app">/);
    const answer = find({ path: script() });
    assert.equal(answer?.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.match(answer.headers['content-type']!, /^text\/javascript/);
  });

  it('lets a page run its own scripts, and speak to its own server, alone', () => {
    const { headers } = createDashboard()({ path: '/' })!;
    const policy = headers['content-security-policy']!;
    assert.match(
      policy,
      /^default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; /,
    );
    assert.match(policy, /frame-ancestors 'none'$/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
  });

  it('sends what was packed before to who takes that, and says 304 of what a browser has', () => {
    const find = createDashboard();
    const plain = find({ path: script() })!;
    const packed = find({ path: script(), acceptEncoding: 'deflate, gzip;q=1.0, br' })!;
    assert.equal(packed.headers['content-encoding'], 'gzip');
    // Not deepEqual: what it says of buffers that differ takes it minutes.
    assert.ok(gunzipSync(packed.body).equals(plain.body));
    assert.equal(plain.headers['content-encoding'], undefined);
    for (const acceptEncoding of ['br', 'gzip;q=0', 'gzip; q=0.0, br'])
      assert.equal(find({ path: script(), acceptEncoding })!.headers['content-encoding'], undefined, acceptEncoding);
    const { etag } = plain.headers;
    const known = find({ path: script(), ifNoneMatch: `"other", W/${etag}` })!;
    assert.deepEqual([known.status, known.body.length], [304, 0]);
    assert.equal(find({ path: script(), ifNoneMatch: '"other"' })!.status, 200);
  });

  it('has nothing but its files, by whatever path', () => {
    const folder = join(createFolder(), 'built');
    mkdirSync(join(folder, 'assets'), { recursive: true });
    writeFileSync(join(folder, 'index.html'), 'page');
    writeFileSync(join(folder, '.stamp'), 'stamp');
    writeFileSync(join(folder, '..', 'secret.html'), 'secret');
    const find = createDashboard(folder);
    assert.equal(find({ path: '/index.html' })?.body.toString(), 'page');
    for (const path of [
      '/../secret.html',
      '/assets/../index.html',
      '/%2e%2e/package.json',
      '/.stamp',
      '/assets',
      '//',
      '',
    ])
      assert.equal(find({ path }), undefined, path);
  });

  it('says how it is built, in a checkout where it is not', () => {
    const find = createDashboard(join(createFolder(), 'nothing'));
    const answer = find({ path: '/' });
    assert.equal(answer?.status, 503);
    assert.match(answer.body.toString(), /npm run dashboard/);
    assert.equal(find({ path: '/assets/index.js' }), undefined);
  });
});
