import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { COPIED } from '../../scripts/build.ts';
import { ROOT, toolEnvironment } from '../../scripts/tool.ts';
import { createFolder } from '../scene/folder.ts';
import { isFull } from '../scene/full.ts';
import { cleanUpProcesses, startProgram } from '../scene/process.ts';
import { skipLoudly } from '../scene/skip.ts';

const DEPLOY = join(ROOT, 'examples', 'deploy');
const read = (file: string): string => readFileSync(join(DEPLOY, file), 'utf8');
/** Instructions of the Dockerfile, a line each. */
const instructions = read('Dockerfile')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\s*\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => /^(\w+) +(.*)$/.exec(line)!)
  .map(([, name = '', rest = '']) => ({ name, rest }));
const valuesOf = (name: string): string[] => instructions.filter((one) => one.name === name).map(({ rest }) => rest);
/** What is copied from the checkout. */
const copied = valuesOf('COPY')
  .filter((rest) => !rest.startsWith('--from='))
  .flatMap((rest) => rest.split(' ').slice(0, -1));

/** What `npm pack` makes, of any version. */
function tarball(): string {
  const { name } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { name: string };
  return `${name}-*.tgz`;
}

describe('the Dockerfile', () => {
  cleanUpProcesses();

  it('has only instructions that there are, and ends in one user, one way to stop and one to ask how it is', () => {
    const known = /^(FROM|WORKDIR|COPY|RUN|USER|VOLUME|EXPOSE|STOPSIGNAL|ENV|HEALTHCHECK|ENTRYPOINT|CMD)$/;
    for (const { name } of instructions) assert.match(name, known);
    assert.deepEqual([valuesOf('USER'), valuesOf('STOPSIGNAL')], [['contact'], ['SIGTERM']]);
    assert.equal(valuesOf('FROM').length, 2);
    for (const image of valuesOf('FROM')) assert.match(image, /^node:24-bookworm-slim\b/, 'the Node that is tested');
    for (const form of [...valuesOf('CMD'), ...valuesOf('ENTRYPOINT')])
      assert.ok(Array.isArray(JSON.parse(form)), form);
    assert.match(valuesOf('HEALTHCHECK')[0]!, /contact health --timeout 5s/);
  });

  it('copies what there is, and nothing that its list of ignored files keeps away', () => {
    const kept = read('Dockerfile.dockerignore').match(/(?<=^!).*$/gm);
    assert.deepEqual(
      copied.filter((path) => !existsSync(join(ROOT, path))),
      [],
    );
    assert.deepEqual(copied.toSorted(), kept?.toSorted());
  });

  it('copies whatever the package is built of, and installs what comes of it', () => {
    const { include } = parse(readFileSync(join(ROOT, 'tsconfig.build.json'), 'utf8')) as { include: string[] };
    const needed = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts'];
    const isCopied = (path: string): boolean => copied.some((one) => path === one || path.startsWith(`${one}/`));
    assert.deepEqual(
      [...needed, ...COPIED, ...include].filter((path) => !isCopied(path)),
      [],
    );
    const named = new Set(instructions.flatMap(({ rest }) => rest.match(/[\w.*-]+\.tgz/g) ?? []));
    assert.deepEqual([...named], [tarball()]);
  });

  it('has a compose file of the same volume, port and stop signal', () => {
    const { services, volumes } = parse(read('compose.yaml'));
    const { contact } = services;
    assert.equal(join(DEPLOY, contact.build.context, contact.build.dockerfile), join(DEPLOY, 'Dockerfile'));
    assert.deepEqual(contact.volumes, [`contact:${valuesOf('VOLUME')[0]}`]);
    assert.ok('contact' in volumes);
    assert.deepEqual(contact.ports, [`${valuesOf('EXPOSE')[0]}:${valuesOf('EXPOSE')[0]}`]);
    assert.equal(contact.stop_signal, valuesOf('STOPSIGNAL')[0]);
  });

  it('builds from what it copies, and runs as a user who owns nothing but the volume', async function () {
    if (!isFull) this.skip();
    if (process.getuid?.() !== 0) skipLoudly(this, 'needs root, to run as another user');
    this.timeout(400_000);
    const build = createFolder();
    for (const path of copied) {
      mkdirSync(dirname(join(build, path)), { recursive: true });
      cpSync(join(ROOT, path), join(build, path), { recursive: true });
    }
    // `npm ci` puts the same there.
    symlinkSync(join(ROOT, 'node_modules'), join(build, 'node_modules'));
    const run = (folder: string, command: string): string => {
      const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
        cwd: folder,
        encoding: 'utf8',
        env: toolEnvironment(),
      });
      assert.equal(status, 0, `${command}\n${stdout}${stderr}`);
      return stdout;
    };
    run(build, `npm run build && npm pack ./dist --pack-destination ${build}`);
    const prefix = createFolder();
    run(prefix, `npm install --global --prefix ${prefix} --no-audit --no-fund ${build}/${tarball()}`);
    chmodSync(prefix, 0o755);
    const volume = createFolder();
    run(volume, `chown 10001:10001 ${volume} && chmod 0700 ${volume}`);
    const PATH = [join(prefix, 'bin'), dirname(process.execPath), process.env.PATH].join(':');
    const as = ['--reuid=10001', '--regid=10001', '--clear-groups', '--no-new-privs', 'contact'];
    const options = { env: { PATH, HOME: volume } };
    const [, ...flags] = (JSON.parse(valuesOf('CMD')[0]!) as string[]).map((word) =>
      word.replace('/var/lib/contact', volume).replace('0.0.0.0:50051', '127.0.0.1:0'),
    );
    const server = startProgram('setpriv', [...as, 'serve', ...flags], options);
    const [, address = ''] = await server.waitFor(/^listening (\d\S+)$/m, 'stdout');
    const ask = ['health', '--timeout', '5s', '--server', address, '--tls-ca', join(volume, 'contact.db.ca.pem')];
    const health = await startProgram('setpriv', [...as, ...ask], options).ended;
    assert.deepEqual([health.stdout, health.code], ['serving\n', 0], health.stderr);
    assert.ok(readdirSync(volume).includes('contact.db'));
    const { code } = await server.stop(valuesOf('STOPSIGNAL')[0] as NodeJS.Signals);
    assert.equal(code, 0);
  });
});
