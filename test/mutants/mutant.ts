/** A fault of one place: what is there is replaced while the file is loaded. */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
  /** A test that fails with it: its file, and its full title or the end of that. */
  readonly caughtBy: { readonly file: string; readonly title: string };
}

export const conformance = (name: string, title: string) => ({ file: `test/conformance/${name}.test.ts`, title });
export const sqlite = (name: string, title: string) => ({ file: `test/sqlite/${name}.test.ts`, title });
export const transport = (name: string, title: string) => ({ file: `test/transport/${name}.test.ts`, title });
export const unit = (name: string, title: string) => ({ file: `test/unit/${name}.test.ts`, title });
export const property = (name: string, title: string) => ({ file: `test/property/${name}.test.ts`, title });
export const e2e = (name: string, title: string) => ({ file: `test/e2e/${name}.test.ts`, title });
