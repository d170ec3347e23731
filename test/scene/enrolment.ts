import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAccess } from '../../client/access.ts';
import { ContactError } from '../../shared/errors.ts';
import { readJoinText, writeJoinText } from '../../shared/jointext.ts';
import { runHere } from './command.ts';
import { createFolder } from './folder.ts';
import { type ServerProcess, startServer } from './process.ts';

/** What became of an enrolment, as one is told it on the command line or by the SDK. */
export interface Told {
  /** The exit code; of the SDK the code of its error, or OK. */
  readonly code: number | string;
  readonly text: string;
  /** What was said beside it. */
  readonly warnings: string;
}

/** A server with TLS and an authority of its own, and what operators do there. */
export interface EnrolmentServer {
  readonly process: ServerProcess;
  readonly folder: string;
  operate(...args: readonly string[]): Promise<string>;
  /** A join text; whatever is made is kept in `secrets`. */
  makeJoin(...args: readonly string[]): Promise<string>;
}

/** All that must be in no text, and all texts. */
export interface Record {
  readonly secrets: string[];
  readonly texts: string[];
}

export async function startEnrolmentServer(
  record: Record,
  { folder = createFolder(), args = ['--tls', 'auto'], listen }: EnrolmentServerOptions = {},
): Promise<EnrolmentServer> {
  const process = await startServer({
    store: `sqlite:${join(folder, 'contact.db')}`,
    args: [...args, '--operator-socket', join(folder, 'operator.sock')],
    ...(listen === undefined ? {} : { listen }),
  });
  async function operate(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runHere([...args, '--server', `unix:${join(folder, 'operator.sock')}`]);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    record.texts.push(stderr);
    return stdout;
  }
  return {
    process,
    folder,
    operate,
    async makeJoin(...args) {
      const rights = ['--queue', 'q', '--client', 'robot-*', '--address', process.address];
      const text = (await operate('join', 'create', ...rights, ...args)).trim();
      const { secret } = readJoinText(text);
      record.secrets.push(text, text.slice(20, 80), secret, secret.slice(0, 20));
      return text;
    },
  };
}

export interface EnrolmentServerOptions {
  /** Where its store is; another one unless it is said. */
  readonly folder?: string;
  readonly args?: readonly string[];
  readonly listen?: string;
}

/** The same join text with some of its parts changed. */
export function changeJoin(text: string, change: Partial<ReturnType<typeof readJoinText>>): string {
  return writeJoinText({ ...readJoinText(text), ...change });
}

/** A file for its owner alone, in a folder of its own. */
export function keep(content: string | Uint8Array, mode = 0o600): string {
  const path = join(createFolder(), 'file');
  writeFileSync(path, content, { mode });
  return path;
}

/** Enrols by both ways, each as a client and with a file of its own; what there is of a secret is kept in `record`. */
export function createEnrolling(record: Record) {
  function note(file: string): void {
    try {
      const { secret, next } = JSON.parse(readFileSync(file, 'utf8'));
      record.secrets.push(secret, ...(next ? [next.secret] : []));
    } catch {
      // There is none, or none that is whole.
    }
  }

  return {
    async byCommand(given: string, id: string, file: string): Promise<Told> {
      const { code, stdout, stderr } = await runHere(['join', '--join-file', given, '--id', id, '--out', file]);
      note(file);
      record.texts.push(stdout, stderr);
      return { code: code ?? -1, text: `${stderr}${stdout}`, warnings: stderr };
    },
    async bySdk(given: string, id: string, file: string): Promise<Told> {
      const lines: string[] = [];
      const logger = { info: () => undefined, warn: (line: string) => void lines.push(line) };
      const told = (code: string, text: string): Told => ({ code, text, warnings: lines.join('\n') });
      try {
        const access = createAccess({ join: given, joinAs: id, credentialFile: file, logger, deadlineMs: 10_000 });
        try {
          const { principal } = await access.describeCaller();
          return told('OK', principal);
        } finally {
          await access.close();
        }
      } catch (error) {
        const { code, message } = ContactError.from(error);
        return told(code, message);
      } finally {
        note(file);
        record.texts.push(...lines);
      }
    },
  };
}
