import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { findPlugin } from './stubs.ts';

/** What to install where the tests with Python clients skip themselves. */
export const PYTHON_NEEDS =
  'Python clients need python3-grpcio, python3-protobuf, protobuf-compiler-grpc and libprotobuf-dev (Debian)';

const WHERE = 'import grpc, google.protobuf, sys; print(sys.executable)';
const CANDIDATES = ['python3', '/usr/bin/python3'];

/**
 * The path of a Python that has grpc and protobuf, on a machine that can generate stubs; undefined: none. Which one a name
 * means is another matter in a shell with a profile of its own.
 */
export function findPython(): string | undefined {
  if (findPlugin('python') === undefined) return undefined;
  for (const python of CANDIDATES) {
    const { status, stdout } = spawnSync(python, ['-c', WHERE], { encoding: 'utf8' });
    if (status === 0) return stdout.trim();
  }
  return undefined;
}

/** Bare stubs of these files under `root`, with their services, in a folder that PYTHONPATH is to name. */
export function generateStubs(folder: string, files: readonly string[], root = join(ROOT, 'proto')): void {
  const flags = ['-I', root, `--python_out=${folder}`, `--grpc_out=${folder}`];
  execFileSync('protoc', [...flags, `--plugin=protoc-gen-grpc=${findPlugin('python')}`, ...files]);
}
