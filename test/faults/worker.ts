import { createJobWorker, type WorkerOrder } from './jobworker.ts';

// A worker as a program of its own: node worker.ts '{"server": …}'. Prints each state of its connection, `began N`
// when the Nth handler is entered, and what it logs; SIGTERM drains it.

const worker = createJobWorker(JSON.parse(process.argv[2]!) as WorkerOrder, {
  began: (count) => {
    if (count <= 100 || count % 100 === 0) console.log(`began ${count}`);
  },
  said: (message) => console.log(`said ${message}`),
  warned: (message) => console.log(`warned ${message}`),
});

let lastState = '';
worker.status$.subscribe(({ state }) => {
  if (state !== lastState) console.log(state);
  lastState = state;
});
process.on('SIGTERM', () => void worker.drain());
await worker.finished;
