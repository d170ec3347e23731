import assert from 'node:assert/strict';
import * as z from 'zod';
import { NOTICE, ROWS } from '../../scripts/json/rows.ts';
import { runHere } from './command.ts';

/** Holds what commands print with --json against the types of docs/json.md, and remembers what of these was seen. */
export interface JsonJudge {
  /** Checks all that a command has written; answers its lines of stdout. */
  check(command: string, written: { readonly stdout: string; readonly stderr: string }): Record<string, unknown>[];
  /** Types, as `Task`, that no line was one of, and fields, as `Task.queue`, that no line had. */
  unseen(): string[];
}

export function createJsonJudge(): JsonJudge {
  const seen = new Set<string>();

  function judge(line: string, types: readonly z.ZodType[], place: string): Record<string, unknown> {
    const value = JSON.parse(line);
    const problems: string[] = [];
    for (const type of types) {
      const { error } = type.safeParse(value);
      if (!error) {
        note(type, value);
        return value;
      }
      problems.push(z.prettifyError(error));
    }
    assert.fail(`${place}: ${line}\n${problems.join('\nor\n')}`);
  }

  /** Notes what a value has of its type. */
  function note(type: z.ZodType, value: unknown): void {
    const inner = unwrap(type);
    if (inner instanceof z.ZodArray) {
      for (const item of value as unknown[]) note(inner.element as z.ZodType, item);
    } else if (inner instanceof z.ZodObject) {
      seen.add(titleOf(inner));
      for (const [name, field] of Object.entries(value as object)) {
        seen.add(`${titleOf(inner)}.${name}`);
        note(inner.shape[name] as z.ZodType, field);
      }
    } else {
      seen.add(titleOf(inner));
    }
  }

  return {
    check(command, { stdout, stderr }) {
      const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
      for (const line of lines(stderr)) judge(line, [NOTICE], `stderr of ${command}`);
      return lines(stdout).map((line) => judge(line, ROWS[command] ?? [], `stdout of ${command}`));
    },
    unseen: () =>
      [...new Set([...Object.values(ROWS).flat(), NOTICE].flatMap(listNames))].filter((name) => !seen.has(name)),
  };
}

function unwrap(type: z.ZodType): z.ZodType {
  return type instanceof z.ZodOptional ? (type.unwrap() as z.ZodType) : type;
}

function titleOf(type: z.ZodType): string {
  return String(type.meta()?.title ?? '');
}

function listNames(type: z.ZodType): string[] {
  const inner = unwrap(type);
  if (inner instanceof z.ZodArray) return listNames(inner.element as z.ZodType);
  if (!(inner instanceof z.ZodObject)) return inner instanceof z.ZodRecord && titleOf(inner) ? [titleOf(inner)] : [];
  const fields = Object.entries(inner.shape).flatMap(([name, field]) => [
    `${titleOf(inner)}.${name}`,
    ...listNames(field as z.ZodType),
  ]);
  return [titleOf(inner), ...fields];
}

export type Args = readonly string[];

/** Commands that print JSON, and whose lines are checked. */
export interface JsonRuns {
  /** @param name what the command is called in the table of rows */
  run(name: string, args?: Args, target?: Args): Promise<{ code: number | null; lines: Record<string, unknown>[] }>;
  /** The same of one that prints one line. */
  one(name: string, args?: Args, target?: Args): Promise<Record<string, unknown>>;
}

/** @param targetOf flags of the server that is spoken to unless another is named */
export function createJsonRuns(judge: JsonJudge, targetOf: () => Args): JsonRuns {
  const run: JsonRuns['run'] = async (name, args = [], target = targetOf()) => {
    const outcome = await runHere([...name.split(' '), ...args, '--json', ...target]);
    return { code: outcome.code, lines: judge.check(name, outcome) };
  };
  return {
    run,
    async one(name, args = [], target = targetOf()) {
      const { lines } = await run(name, args, target);
      assert.equal(lines.length, 1, `${name} ${args.join(' ')}`);
      return lines[0]!;
    },
  };
}
