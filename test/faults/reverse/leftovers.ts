import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { bytes, createObserver } from '../../../client/index.ts';
import { AdminService } from '../../../gen/index.ts';
import { MessageSchema } from '../../echo/gen/echo_pb.ts';
import { ask, connect } from '../../scene/clients.ts';
import type { ServerProcess, TestProcess } from '../../scene/process.ts';
import { until } from '../../scene/until.ts';
import { readGauge } from '../weight.ts';
import { bodyOf, CALL_KEY, planCall } from './plan.ts';
import type { Player, Scene } from './scene.ts';

const MIB = 1 << 20;
/** A line that went silent is found dead after some 17 s, and only then do its tasks run elsewhere. */
const SETTLE_MS = 60_000;

/** HTTP/2 streams that are open at the server, by their path, as Node counts them. */
export async function countStreams(server: ServerProcess): Promise<Readonly<Record<string, number>>> {
  const told = (): string[] => [...server.stderr.matchAll(/^streams (.+)$/gm)].map(([, text]) => text!);
  const before = told().length;
  server.child.kill('SIGWINCH');
  await until('the server has told its streams', () => told().length > before);
  return JSON.parse(told().at(-1)!) as Record<string, number>;
}

/** Waits until every callee is there and no call is open, by what the server tells and by its streams. */
export async function untilIdle({ address, server, callees }: Scene): Promise<void> {
  const clients = connect({ address });
  let seen = '';
  const isIdle = async (): Promise<boolean> => {
    const { clients: listed } = await ask(clients, AdminService.method.listClients, {});
    const counts = listed.map((client) => `${client.id} ${client.calls} of ${client.maxCalls}`);
    const streams = await countStreams(server);
    seen = JSON.stringify({ counts, streams });
    const isFree = listed.every(({ calls }) => calls === 0);
    const isThere = listed.filter(({ maxCalls }) => maxCalls > 0).length === callees.length;
    const echoes = Object.keys(streams).filter((path) => path.startsWith('/echo.'));
    return isFree && isThere && echoes.length === 0 && streams['/contact.v1.ReverseService/Serve'] === callees.length;
  };
  await until('no call is open', isIdle, SETTLE_MS).catch(() => assert.fail(`calls are open: ${seen}`));
}

/** Waits until every durable call that was stored has a result, and looks at those. Answers how many failed. */
export async function checkKept(
  { address, callees }: Scene,
  seed: number,
  stored: ReadonlyMap<string, string>,
): Promise<number> {
  const open = new Map([...stored].map(([id, task]) => [task, id]));
  if (open.size === 0) return 0;
  const observer = createObserver<Uint8Array>({ server: address, codec: bytes });
  let failed = 0;
  const late = setTimeout(() => void observer.close(), SETTLE_MS);
  for await (const result of observer.results({ queues: ['echo.Echo/Unary'], from: 'beginning' })) {
    const id = open.get(result.taskId);
    if (id === undefined) continue;
    open.delete(result.taskId);
    assert.equal(result.metadata[CALL_KEY], id);
    if (result.state !== 'succeeded') failed += 1;
    else assert.ok(isRight(id, result.value()!), `the result of ${id} is its body`);
    if (open.size === 0) break;
  }
  clearTimeout(late);
  await observer.close();
  assert.equal(open.size, 0, `without a result: ${[...open].slice(0, 5)}`);
  return failed;

  function isRight(id: string, value: Uint8Array): boolean {
    const [caller = '', number] = id.split('/');
    const plan = planCall(seed, caller, Number(number), callees.length);
    return bodyOf(id, 0, plan.bytes).equals(fromBinary(MessageSchema, value).body);
  }
}

/** What a process takes, in MiB: after a collection, or of another language as the kernel counts it. */
export async function weigh(one: TestProcess): Promise<number> {
  if (!one.child.spawnargs.includes('--expose-gc')) {
    const status = readFileSync(`/proc/${one.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1_024;
  }
  return (await readGauge(one)).heap / MIB;
}

/** Ends a callee as its user would: it goes only once it knows of no call any more. */
export async function drain(player: Player): Promise<void> {
  const { code, stderr } = await player.process.stop('SIGTERM');
  assert.equal(code, 0, `${player.name} did not end by itself: ${stderr.slice(-2_000)}`);
}
