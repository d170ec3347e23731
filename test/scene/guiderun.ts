import assert from 'node:assert/strict';
import { type Guide, prepareGuide } from './guide.ts';
import { findPort, startProgram } from './process.ts';
import { until } from './until.ts';

/** Runs a guide, one step after the other; none begins before every line that the guide has until there was said. Each is another one. */
export async function runGuide(guide: Guide): Promise<void> {
  const ports = await Promise.all([findPort(), findPort()]);
  const [server, app] = ports.map((port) => `127.0.0.1:${port}`) as [string, string];
  const app8080 = { '127.0.0.1:50051': server, '127.0.0.1:8080': app, "listen(8080, '127": `listen(${ports[1]}, '127` };
  const folder = prepareGuide(guide, app8080);
  const session = startProgram('bash', ['-c', `cd "${folder}" && . ./session.sh`], {
    env: { CONTACT_SERVER: server, PYTHONUNBUFFERED: '1' },
    stdin: 'open',
    isGroup: true,
  });
  for (const at of guide.steps.keys()) {
    await session.waitFor(new RegExp(`^== ${at}$`, 'm'), 'stdout');
    const told = guide.steps.slice(0, at + 1).flatMap((step) => step.told);
    const missing = (): readonly RegExp[] => {
      const lines = session.stdout.replaceAll(server, '127.0.0.1:50051').split('\n');
      return told.filter((pattern) => !takeLine(lines, pattern));
    };
    await until('every line is there', () => missing().length === 0, 30_000).catch(() => {
      assert.fail(`no line ${missing().join(' and no line ')} in:\n${session.stdout}\n${session.stderr}`);
    });
    session.child.stdin?.write('\n');
  }
  session.child.stdin?.end();
  const { code, stderr } = await session.ended;
  assert.equal(code, 0, stderr);
}

/** Removes the first line that fits. */
function takeLine(lines: string[], pattern: RegExp): boolean {
  const at = lines.findIndex((line) => pattern.test(line));
  if (at >= 0) lines.splice(at, 1);
  return at >= 0;
}
