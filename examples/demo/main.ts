import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createObserver, createProducer } from '../../client/index.ts';
import type { Question } from './answer.ts';
import { type BoardState, createBoard, type WorkerState } from './board.ts';
import { type FoundFile, findFiles } from './files.ts';
import { killProcesses, startServer, startWorker, stopProcess } from './processes.ts';
import { type Collected, checkAnswers, isComplete, renderReport } from './report.ts';

// A server, three worker processes, thousands of real files: each worker reads the file a task names and answers with
// its size, line count and SHA-256. Half-way one worker is killed; nothing may be missing at the end.

const ROOT = join(import.meta.dirname, '..', '..');
/** `node examples/demo/main.ts [FILES]` */
const MAX_FILES = Number(process.argv[2] ?? 5_000);
const MAX_FILE_BYTES = 4 * 2 ** 20;
const WORKERS = ['worker-1', 'worker-2', 'worker-3'];
const VICTIM = 'worker-2';
/** Short, so that the killed worker's tasks come back soon; the server's default is 15 s. */
const RESUME_WINDOW = '2s';
const DEADLINE_MS = 90_000;

async function runDemo(folder: string): Promise<boolean> {
  const files = findFiles(ROOT, MAX_FILES, MAX_FILE_BYTES);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  console.log(`${files.length.toLocaleString('en')} files, ${(bytes / 1e6).toFixed(0)} MB; a task for each of them`);

  const server = await startServer(join(folder, 'demo.db'), RESUME_WINDOW);
  console.log(`contact serve --store sqlite:… --resume-window ${RESUME_WINDOW}, listening ${server.address}`);
  const workers = WORKERS.map((name): WorkerState => ({ name, done: 0, running: 0, isKilled: false }));
  const processes = await Promise.all(
    workers.map((worker) =>
      startWorker(server.address, worker.name, (running) => {
        worker.running = running;
      }),
    ),
  );
  console.log(`${WORKERS.length} worker processes, 4 files at once each\n`);

  const state: BoardState = { total: files.length, enqueued: 0, done: 0, workers };
  const board = createBoard(state, process.stdout);
  const startedAt = performance.now();
  const collected: Collected = { resultsById: new Map(), repeated: 0 };
  function killHalfway(): void {
    const victim = workers.findIndex(({ name }) => name === VICTIM);
    const worker = workers[victim];
    if (!worker || worker.isKilled || state.done < files.length / 2) return;
    processes[victim]?.kill('SIGKILL');
    worker.isKilled = true;
    worker.running = 0;
    board.say(`half-way: ${VICTIM} got SIGKILL; what it had comes back after ${RESUME_WINDOW}`);
  }

  let filesById: Map<string, FoundFile>;
  try {
    [filesById] = await Promise.all([
      enqueueFiles(server.address, files, state),
      collectResults(server.address, state, collected, killHalfway),
    ]);
  } finally {
    for (const worker of workers) worker.running = 0;
    board.stop();
  }
  const elapsedMs = performance.now() - startedAt;
  await Promise.all(processes.map(stopProcess));
  await stopProcess(server.child);

  console.log('\nchecking every answer against a direct computation …\n');
  const findings = await checkAnswers(filesById, collected);
  console.log(renderReport(findings, collected, files.length, elapsedMs));
  for (const path of [...findings.missing, ...findings.wrong].slice(0, 10)) console.log(`missing or wrong: ${path}`);
  const isGood = isComplete(findings);
  console.log(isGood ? 'Nothing is missing.' : 'SOMETHING IS MISSING OR WRONG.');
  return isGood;
}

/** Answers which file each stored task is about. */
async function enqueueFiles(
  address: string,
  files: readonly FoundFile[],
  state: BoardState,
): Promise<Map<string, FoundFile>> {
  const producer = createProducer({ server: address });
  try {
    const enqueued = files.map(async (file): Promise<[string, FoundFile]> => {
      const question: Question = { path: file.path };
      const { id } = await producer.enqueue('files', question);
      state.enqueued += 1;
      return [id, file];
    });
    return new Map(await Promise.all(enqueued));
  } finally {
    await producer.close();
  }
}

/** Until there is a result for each task, or the deadline. */
async function collectResults(
  address: string,
  state: BoardState,
  collected: Collected,
  onResult: () => void,
): Promise<void> {
  const observer = createObserver({ server: address });
  const workersByName = new Map(state.workers.map((worker) => [worker.name, worker]));
  const signal = AbortSignal.timeout(DEADLINE_MS);
  try {
    for await (const result of observer.results({ queues: ['files'], from: 'beginning', follow: true, signal })) {
      if (collected.resultsById.has(result.taskId)) collected.repeated += 1;
      collected.resultsById.set(result.taskId, result);
      state.done = collected.resultsById.size;
      const worker = workersByName.get(result.clientId);
      if (worker) worker.done += 1;
      onResult();
      if (state.done === state.total) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await observer.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'contact-demo-'));
function cleanUp(): void {
  killProcesses();
  rmSync(folder, { recursive: true, force: true });
}
process.on('exit', cleanUp);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    // The bars hide the cursor.
    if (process.stdout.isTTY) process.stdout.write('\u001b[?25h\n');
    process.exit(code);
  });
}
process.exitCode = (await runDemo(folder)) ? 0 : 1;
