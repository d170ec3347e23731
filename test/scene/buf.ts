import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const BUF = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'buf');

/** What `buf curl` prints, which knows nothing of a server but what its reflection says. */
export async function bufCurl(url: string, ...flags: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(BUF, [
    'curl',
    '--http2-prior-knowledge',
    '--protocol',
    'grpc',
    ...flags,
    url,
  ]);
  return stdout;
}
