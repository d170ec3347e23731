import { openLines } from './journal.ts';

// Loaded into each process of these tests (`node --import …/gaps.ts`, CONTACT_LINES=FOLDER, CONTACT_NAME=NAME): it notes
// when its event loop stood still, because the process was stopped or the machine was busy with others.

const TICK_MS = 20;
const GAP_MS = 100;

/** Notes the gaps of this process from now on; the answer ends it. */
export function watchGaps(folder: string, name: string): () => void {
  const lines = openLines(folder, `${name}.gaps`);
  let last = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - last > GAP_MS) lines.write({ kind: 'gap', from: last, to: now });
    last = now;
  }, TICK_MS).unref();
  return () => {
    clearInterval(timer);
    lines.close();
  };
}

const { CONTACT_LINES: folder, CONTACT_NAME: name } = process.env;
if (folder !== undefined && name !== undefined) watchGaps(folder, name);
