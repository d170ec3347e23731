import diagnostics from 'node:diagnostics_channel';
import type { ServerHttp2Stream } from 'node:http2';

// Loaded into a server (`node --import …/openstreams.ts`): at SIGWINCH it tells on stderr how many HTTP/2 streams are open
// for each path, whatever the server itself thinks of them.

const pathByStream = new Map<ServerHttp2Stream, string>();

diagnostics.subscribe('http2.server.stream.created', (message) => {
  const { stream, headers } = message as { stream: ServerHttp2Stream; headers: Record<string, string> };
  pathByStream.set(stream, headers[':path'] ?? '');
});
diagnostics.subscribe('http2.server.stream.close', (message) => {
  pathByStream.delete((message as { stream: ServerHttp2Stream }).stream);
});

process.on('SIGWINCH', () => {
  const counts: Record<string, number> = {};
  for (const path of pathByStream.values()) counts[path] = (counts[path] ?? 0) + 1;
  process.stderr.write(`streams ${JSON.stringify(counts)}\n`);
});
