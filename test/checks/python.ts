import { spawnSync } from 'node:child_process';

const CANDIDATES = ['python3', '/usr/bin/python3'];

/** A Python that has grpc and protobuf, on a machine that can generate stubs; undefined: none. */
export function findPython(): string | undefined {
  if (!isOk('protoc', '--version') || !isOk('sh', '-c', 'command -v grpc_python_plugin')) return undefined;
  return CANDIDATES.find((python) => isOk(python, '-c', 'import grpc, google.protobuf'));
}

function isOk(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
