import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/tool.ts';
import { findPython, generateStubs, PYTHON_NEEDS } from './python.ts';

/** The examples of workers in another language, and what they need. */
export interface Language {
  /** The folder below `examples/`. */
  readonly name: string;
  /** What to install where its tests skip themselves. */
  readonly needs: string;
  /** Whether the toolchain is here. */
  isInstalled(): boolean;
  /** Makes what is to be started, in an empty folder. */
  build(folder: string): Promise<void>;
  /** The command for a worker, to which ADDRESS CLIENT QUEUE are added; it runs in that folder. */
  command(worker: 'plain' | 'full', folder: string): readonly [string, ...string[]];
}

const PROTOS = ['contact/v1/contact.proto', 'contact/v1/task.proto'];

const PYTHON: Language = {
  name: 'python',
  needs: PYTHON_NEEDS,
  isInstalled: () => findPython() !== undefined,
  build: async (folder) => {
    generateStubs(folder, PROTOS);
    cpSync(join(ROOT, 'examples', 'python'), folder, { recursive: true });
  },
  command: (worker, folder) => [findPython()!, '-u', join(folder, `${worker}_worker.py`)],
};

export const LANGUAGES: readonly Language[] = [PYTHON];
