import { existsSync, writeFileSync } from 'node:fs';
import { createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createFolder } from './folder.ts';
import { startProgram, type TestProcess } from './process.ts';

/** A proxy that people run; `docs/proxies.md` says what each setting is for. */
export interface ProxyKind {
  readonly title: string;
  readonly program: string;
  readonly reload: NodeJS.Signals;
  /** For a file in `folder`. */
  configure(port: number, target: string, folder: string, idleSeconds: number): string;
  /** The command line for the file. */
  args(file: string, folder: string): readonly string[];
}

export interface RealProxy {
  readonly address: string;
  /** Lets the proxy read its configuration again: its old processes end soon, and the streams on them. */
  reload(): void;
  stop(): Promise<void>;
  /** Starts it on the same port; answers when it accepts connections. */
  start(): Promise<void>;
  /** While the proxy is stopped: answers every request on its port with `status`, for so long. Answers how many. */
  standIn(status: number, forMs: number): Promise<number>;
}

function configureNginx(port: number, target: string, folder: string, idleSeconds: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${join(folder, name)};`,
  );
  // Started by root, nginx gives its workers to somebody who may not enter the folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `${user}
daemon off;
master_process on;
worker_processes 1;
worker_shutdown_timeout 1s;
pid ${join(folder, 'nginx.pid')};
error_log ${join(folder, 'error.log')};
events {}
http {
  access_log off;
${temporary.join('\n')}
  upstream contact {
    server ${target};
  }
  server {
    listen 127.0.0.1:${port} http2;
    client_max_body_size 0;
    client_body_timeout ${idleSeconds}s;
    location / {
      grpc_pass grpc://contact;
      grpc_read_timeout ${idleSeconds}s;
      grpc_send_timeout ${idleSeconds}s;
    }
  }
}
`;
}

const configureHaproxy =
  (mode: 'http' | 'tcp') => (port: number, target: string, _folder: string, idleSeconds: number) => {
    const proto = mode === 'http' ? ' proto h2' : '';
    return `global
  hard-stop-after 1s
defaults
  mode ${mode}
  timeout connect 5s
  timeout client ${idleSeconds}s
  timeout server ${idleSeconds}s
frontend clients
  bind 127.0.0.1:${port}${proto}
  default_backend contact
backend contact
  server contact ${target}${proto}
`;
  };

const HAPROXY = {
  program: '/usr/sbin/haproxy',
  reload: 'SIGUSR2',
  args: (file: string) => ['-W', '-db', '-f', file],
} as const;

export const PROXY_KINDS: readonly ProxyKind[] = [
  {
    title: 'nginx',
    program: '/usr/sbin/nginx',
    reload: 'SIGHUP',
    configure: configureNginx,
    args: (file, folder) => ['-p', folder, '-e', join(folder, 'error.log'), '-c', file],
  },
  { ...HAPROXY, title: 'haproxy with HTTP/2', configure: configureHaproxy('http') },
  { ...HAPROXY, title: 'haproxy with TCP', configure: configureHaproxy('tcp') },
];

/** @param idleSeconds after which it takes a silent stream for dead */
export async function startRealProxy(kind: ProxyKind, target: string, idleSeconds = 60): Promise<RealProxy> {
  const folder = createFolder();
  const file = join(folder, 'proxy.conf');
  const port = await findPort();
  writeFileSync(file, kind.configure(port, target, folder, idleSeconds));
  let running: TestProcess;
  const proxy: RealProxy = {
    address: `127.0.0.1:${port}`,
    reload: () => void running.child.kill(kind.reload),
    async stop() {
      await running.stop('SIGTERM');
    },
    async start() {
      running = startProgram(kind.program, kind.args(file, folder), { isGroup: true });
      await Promise.race([
        listens(port),
        running.ended.then(({ stderr }) => Promise.reject(new Error(`${kind.title} ended: ${stderr}`))),
      ]);
    },
    standIn: (status, forMs) => standIn(port, status, forMs),
  };
  await proxy.start();
  return proxy;
}

export const isInstalled = ({ program }: ProxyKind): boolean => existsSync(program);

async function findPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function listens(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => done(true));
      socket.on('error', () => done(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

async function standIn(port: number, status: number, forMs: number): Promise<number> {
  const sockets = new Set<Socket>();
  let answers = 0;
  const server = createHttp2Server();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => undefined);
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    answers += 1;
    stream.respond({ ':status': status, 'content-type': 'text/html' });
    stream.end('no such server\n');
  });
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  await new Promise((done) => setTimeout(done, forMs));
  for (const socket of sockets) socket.destroy();
  await new Promise((done) => server.close(done));
  return answers;
}
