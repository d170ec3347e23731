import { nowMs } from '../clock.ts';
import { createDialect } from '../fleet/dialect.ts';
import { type Line, openLine } from '../fleet/line.ts';

/** Clients that are opened at once: a server that has never seen so many is not what is measured. */
const AT_ONCE = 100;

export interface FleetTarget {
  /** `contact`, or else a control. */
  readonly system: string;
  readonly address: string;
  readonly queue: string;
  readonly clients: number;
  /** 1: each has a connection of its own. */
  readonly perConnection: number;
  /** Client ids are this and a number from 0. */
  readonly prefix: string;
}

export interface FleetCounts {
  readonly messages: number;
  readonly tasks: number;
  /** Clients that were given a task. */
  readonly served: number;
  /** When a task last came. */
  readonly newestAt: number;
  /** Clients whose streams have ended. */
  readonly gone: number;
}

export interface FleetAsks {
  /** Resolves when every client has heard from the server. */
  open(target: FleetTarget): Promise<void>;
  counts(): Promise<FleetCounts>;
  close(): Promise<void>;
}

/** Many clients in one process, each with its two streams. */
export function createFleetRole(): FleetAsks {
  const lines: Line[] = [];
  let messages = 0;
  let tasks = 0;
  let served = 0;
  let newestAt = 0;
  let gone = 0;

  async function openClient(line: Line, clientId: string, target: FleetTarget): Promise<void> {
    const dialect = createDialect(target.system, target.queue);
    const headers = dialect.headers(clientId);
    const { promise: heard, resolve, reject } = Promise.withResolvers<void>();
    let isServed = false;
    const up = line.call(dialect.answer.path, headers, () => undefined);
    const down = line.call(dialect.hear.path, headers, (message) => {
      messages += 1;
      resolve();
      const { answer, tasks: count } = dialect.read(message);
      if (answer) up.write(answer);
      tasks += count;
      if (count === 0) return;
      newestAt = nowMs();
      if (!isServed) served += 1;
      isServed = true;
    });
    down.end(dialect.hear.request);
    void Promise.race([up.ended, down.ended]).then(() => {
      gone += 1;
      reject(new Error(`${clientId}: its stream has ended`));
    });
    await heard;
  }

  return {
    async open(target) {
      const { address, clients, perConnection, prefix } = target;
      for (let from = 0; from < clients; from += AT_ONCE) {
        const until = Math.min(clients, from + AT_ONCE);
        while (lines.length * perConnection < until) lines.push(await openLine(address));
        const places = Array.from({ length: until - from }, (_, at) => from + at);
        await Promise.all(
          places.map((place) => openClient(lines[Math.floor(place / perConnection)]!, `${prefix}${place}`, target)),
        );
      }
    },
    counts: async () => ({ messages, tasks, served, newestAt, gone }),
    async close() {
      for (const line of lines) line.close();
    },
  };
}
