import { once } from 'node:events';
import { connect } from 'node:net';

export interface Reserved {
  readonly id: string;
  readonly body: string;
}

/** As much of beanstalkd's protocol as is needed, every command pipelined. */
export interface BeanstalkClient {
  put(body: string): Promise<void>;
  delete(id: string): Promise<void>;
  stats(): Promise<Map<string, string>>;
  /** Reserves one job after another until the connection is closed. */
  reserveAll(run: (job: Reserved) => Promise<void>): Promise<void>;
  close(): void;
}

interface Answer {
  readonly line: string;
  readonly body: string;
}

const BODY = /^(?:RESERVED \d+|OK) (\d+)$/;
/** What a worker may take before its job goes to another, in seconds. */
const TIME_TO_RUN = 120;

export async function connectBeanstalk(port: number): Promise<BeanstalkClient> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const waiting: ((answer: Answer) => void)[] = [];
  let unread = Buffer.alloc(0);
  let isClosed = false;

  /** The next answer in what was received; null: it is not complete. */
  function read(): Answer | null {
    const end = unread.indexOf('\r\n');
    if (end < 0) return null;
    const line = unread.toString('latin1', 0, end);
    const length = BODY.exec(line)?.[1];
    const next = length === undefined ? end + 2 : end + 2 + Number(length) + 2;
    if (unread.length < next) return null;
    const body = length === undefined ? '' : unread.toString('latin1', end + 2, next - 2);
    unread = unread.subarray(next);
    return { line, body };
  }

  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    unread = unread.length > 0 ? Buffer.concat([unread, bytes]) : bytes;
    for (let answer = read(); answer; answer = read()) waiting.shift()?.(answer);
  });

  function send(command: string): Promise<Answer> {
    return new Promise((resolve) => {
      waiting.push(resolve);
      socket.write(command, 'latin1');
    });
  }

  async function expect(word: string, command: string): Promise<Answer> {
    const answer = await send(command);
    if (!answer.line.startsWith(word)) throw new Error(`beanstalkd says ${answer.line}`);
    return answer;
  }

  return {
    async put(body) {
      await expect('INSERTED', `put 1 0 ${TIME_TO_RUN} ${body.length}\r\n${body}\r\n`);
    },
    async delete(id) {
      await expect('DELETED', `delete ${id}\r\n`);
    },
    async stats() {
      const { body } = await expect('OK', 'stats\r\n');
      return new Map(
        [...body.matchAll(/^([\w-]+): "?([^"\n]*)"?$/gm)].map(([, name = '', value = '']) => [name, value]),
      );
    },
    async reserveAll(run) {
      while (!isClosed) {
        const { line, body } = await expect('RESERVED', 'reserve\r\n');
        await run({ id: line.split(' ')[1]!, body });
      }
    },
    close() {
      isClosed = true;
      socket.destroy();
    },
  };
}
