import diagnostics from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { atEnd } from './end.ts';

/** A call as it came to a server of this process. */
export interface AskedCall {
  /** `/pkg.Service/Method` */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** Every call that comes to a server at this address from now on, until the end of the test. */
export function recordCalls(address: string): AskedCall[] {
  const calls: AskedCall[] = [];
  function record(message: unknown): void {
    const { stream, headers } = message as { stream: ServerHttp2Stream; headers: IncomingHttpHeaders };
    if (!address.endsWith(`:${stream.session?.socket.localPort}`)) return;
    calls.push({ path: String(headers[':path']), headers });
  }
  diagnostics.subscribe('http2.server.stream.created', record);
  atEnd(() => diagnostics.unsubscribe('http2.server.stream.created', record));
  return calls;
}
