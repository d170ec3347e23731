import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { startProgram } from './process.ts';
import { findPython, PYTHON_NEEDS } from './python.ts';
import { findPlugin, isOk } from './stubs.ts';

/** The examples of workers in another language, which are built and started as their README says. */
export interface Language {
  /** The folder below `examples/`. */
  readonly name: string;
  /** What to install where its tests skip themselves. */
  readonly needs: string;
  /** Whether the toolchain is here. */
  isInstalled(): boolean;
  /** What stands for the name of the interpreter in the commands; default: the name itself. */
  readonly interpreter?: { readonly name: string; find(): string };
}

export type WorkerKind = 'plain' | 'full';

const PYTHON: Language = {
  name: 'python',
  needs: PYTHON_NEEDS,
  isInstalled: () => findPython() !== undefined,
  interpreter: { name: 'python3', find: () => findPython()! },
};

const RUBY: Language = {
  name: 'ruby',
  needs: 'Ruby clients need ruby-grpc, protobuf-compiler-grpc and libprotobuf-dev (Debian)',
  isInstalled: () => isOk('ruby', '-rgrpc', '-e', '') && findPlugin('ruby') !== undefined,
};

const CPP: Language = {
  name: 'cpp',
  needs: 'C++ clients need g++, cmake, pkg-config, libgrpc++-dev, libprotobuf-dev and protobuf-compiler-grpc (Debian)',
  isInstalled: () =>
    isOk('cmake', '--version') &&
    isOk('c++', '--version') &&
    isOk('pkg-config', 'grpc++', 'protobuf') &&
    findPlugin('cpp') !== undefined,
};

const GO: Language = {
  name: 'go',
  needs: 'Go clients need golang-go, golang-google-grpc-dev, protoc-gen-go and protoc-gen-go-grpc (Debian)',
  isInstalled: () =>
    isOk('go', 'version') &&
    isOk('test', '-d', '/usr/share/gocode/src/google.golang.org/grpc') &&
    isOk('sh', '-c', 'command -v protoc protoc-gen-go protoc-gen-go-grpc'),
};

export const LANGUAGES: readonly Language[] = [PYTHON, RUBY, CPP, GO];

/** Runs the first commands of its README in an empty folder, where the repository's `proto` and `examples` are. */
export async function buildWorkers(language: Language, folder: string): Promise<void> {
  for (const name of ['proto', 'examples']) symlinkSync(join(ROOT, name), join(folder, name));
  const [commands = ''] = readCommands(language);
  const build = startProgram('sh', ['-ec', `cd "$0"\n${commands}`, folder], { isGroup: true });
  const { code, stdout, stderr } = await build.ended;
  if (code !== 0) throw new Error(`examples/${language.name} was not built: ${stdout}${stderr}`);
}

/** The line of its README that starts the full worker, or the same for the plain one, for `sh` in that folder; without arguments. */
export function startLine(language: Language, worker: WorkerKind): string {
  const line = /^(.*\bfull_worker\S*) 127\.0\.0\.1:50051 /m.exec(readCommands(language)[1] ?? '')?.[1];
  if (line === undefined) throw new Error(`examples/${language.name}/README.md starts no full worker`);
  return line.replace('full_worker', `${worker}_worker`);
}

/** What stands in its README for a shell. */
function readCommands({ name, interpreter }: Language): readonly string[] {
  const text = readFileSync(join(ROOT, 'examples', name, 'README.md'), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  if (!interpreter) return blocks;
  return blocks.map((block) => block.replaceAll(new RegExp(`\\b${interpreter.name}\\b`, 'g'), interpreter.find()));
}
