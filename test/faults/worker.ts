import { createJobWorker, type WorkerOrder } from './jobworker.ts';

// A worker as a program of its own: node worker.ts '{"server": …}'. Prints each state of its connection, `began N`
// when the Nth handler is entered, and what it logs; with a spool also `running N`, once what has ended is in it; SIGTERM drains it.

const order = JSON.parse(process.argv[2]!) as WorkerOrder;
const worker = createJobWorker(order, {
  began: (count) => {
    if (count <= 100 || count % 100 === 0) console.log(`began ${count}`);
  },
  said: (message) => console.log(`said ${message}`),
  warned: (message) => console.log(`warned ${message}`),
});

let lastState = '';
let lastRunning = 0;
worker.status$.subscribe(({ state, running }) => {
  if (state !== lastState) console.log(state);
  if (order.spool && running !== lastRunning) console.log(`running ${running}`);
  lastState = state;
  lastRunning = running;
});
process.on('SIGTERM', () => void worker.drain());
await worker.finished;
