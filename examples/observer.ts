import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createObserver } from 'contactd';

// node examples/observer.ts [HOST:PORT] [CURSOR_FILE] — every result exactly once, also when this program is stopped
// and started again: it goes on from the cursor of the last result that it dealt with.

const [server = '127.0.0.1:50051', file = 'words.cursor'] = process.argv.slice(2);
const observer = createObserver<{ words: number }>({ server });
const from = existsSync(file) ? readFileSync(file, 'utf8') : 'oldest';
process.on('SIGINT', () => void observer.close());

for await (const result of observer.results({ queues: ['words'], from })) {
  console.log(result.taskId, result.state, result.value()?.words ?? result.error?.message);
  writeFileSync(file, result.cursor);
}
