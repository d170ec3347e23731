import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './mutants.ts';

// Loaded before everything else (`--import`), in every process of a test: with CONTACT_MUTANT=id in the environment it
// changes one place of one file while that is loaded, and says so in the file CONTACT_MUTANT_TOLD: a test may keep the stderr
// of the processes that it starts. No source is touched.

const id = process.env.CONTACT_MUTANT;
const mutant = MUTANTS.find((one) => one.id === id);
if (id !== undefined && !mutant) throw new Error(`no mutant ${id}`);

if (mutant) {
  const { file, find, replace } = mutant;
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.startsWith('file:') || fileURLToPath(url) !== path) return loaded;
      const source = Buffer.from(loaded.source as Uint8Array).toString();
      const parts = source.split(find);
      if (parts.length !== 2)
        throw new Error(`mutant ${id}: ${file} has its place ${parts.length - 1} times, not once`);
      if (process.env.CONTACT_MUTANT_TOLD) appendFileSync(process.env.CONTACT_MUTANT_TOLD, `${id}\n`);
      return { ...loaded, source: parts.join(replace) };
    },
  });
}
