import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';

/** Whether a command ends with 0. */
export function isOk(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** What gRPC's compiler needs for the services of a language: the path of its plugin; undefined: something is missing. */
export function findPlugin(language: 'cpp' | 'python' | 'ruby'): string | undefined {
  // The compiler comes without the .proto files that ours import.
  const finds = ['-I', join(ROOT, 'proto'), 'contact/v1/task.proto', '--descriptor_set_out=/dev/null'];
  if (!isOk('protoc', ...finds)) return undefined;
  const { status, stdout } = spawnSync('sh', ['-c', `command -v grpc_${language}_plugin`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
