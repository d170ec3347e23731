import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AnyRow, flagOf, GROUPS, keyOf, SERVER_ROWS, showDefault, variableOf } from '../server/config/index.ts';
import { ROOT } from './tool.ts';

// Writes docs/configuration.md from the table of options in server/config/. With --check nothing is written: exit code 1 if stale.

const PAGE = `# Configuration

Every option of \`contact serve\` has one name: \`max-payload\` is the flag \`--max-payload 2MiB\`, the variable
\`CONTACT_MAX_PAYLOAD=2MiB\` and the line \`max-payload: 2MiB\` of a file that \`--config contact.yaml\` (or
\`CONTACT_CONFIG\`) names. A flag outweighs the environment, the environment outweighs the file, and the file the default.
\`createServer()\` of \`contactd/server\` takes the same options by the name in the last column, in milliseconds and bytes; it
reads neither environment nor file.

\`\`\`yaml
listen: [127.0.0.1:50051, "unix:/run/contact/contact.sock"]
store: sqlite:/var/lib/contact/contact.db
resume-window: 30s
max-payload: 2MiB
\`\`\`

- Durations are written \`500ms\`, \`15s\`, \`5m\`, \`1h\`, \`2d\`; sizes \`4096\`, \`64KiB\`, \`1MiB\`, \`2GiB\`, where 1 KiB is 1,024 bytes.
- A list is a list in the file, commas in the environment, and a flag that is repeated; a flag replaces the whole list.
- A switch is \`true\` or \`false\`; the flag alone means true, \`--classic-settle-on-write false\` outweighs a file.
- A variable that is set to nothing is not set. Relative paths begin at the working directory, not at the file.
- The file is a regular one of at most 128 KiB, and what options name (certificates, keys) of at most 1 MiB: no named pipe, no device.
- A name that no option has, a value that cannot be read, a key that stands twice: the server does not start, says the
  file, the line and the key of each, and ends with 2. Of the environment it reads its own names alone, since
  others may begin with \`CONTACT_\` too (Kubernetes makes some for a service called contact); of one that is nearly an
  option's it warns.

\`contact serve --check\` prints the configuration that a server would have, as such a file, with where each value came from;
on stderr, what would keep it from starting: values, files that cannot be read, certificates, keys and grants that do not fit,
a store that cannot be opened, an address that this machine does not have; as a warning, what can hardly be meant, a server that
nobody can get in to say. It starts and changes nothing, and ends with 0 or 2. A server may run meanwhile: an address or a store
that is in use is no fault. A URL of keys is not fetched.

SIGHUP makes a running server read file and environment anew. What is marked with ↻ below is taken over; what else has
changed is named in the log (\`needRestart\`) and waits for a restart. A configuration that is wrong changes nothing, which the log
says too. A hang-up because the terminal of the server was closed ends it, as it ends other programs.
`;

/** The whole text of the page. */
export function renderConfigurationPage(): string {
  const groups = GROUPS.map(([title, rows]) => {
    const lines = Object.entries(rows).map(([name, row]) => renderRow(name, row));
    return `\n## ${title}\n\n| option | value | default | what it means | in \`createServer()\` |\n|---|---|---|---|---|\n${lines.join('')}`;
  });
  return `${PAGE}${groups.join('')}`;
}

function renderRow(name: string, row: AnyRow): string {
  const names = `\`${flagOf(name)}\`, \`${variableOf(name)}\`, \`${keyOf(name)}:\`${row.isReloaded ? ' ↻' : ''}`;
  const shown = showDefault(row);
  const fallback = row.defaultText ?? (shown === '' ? 'none' : `\`${shown}\``);
  const inPrograms = name in SERVER_ROWS ? `\`${name}\`` : 'no';
  const cells = [names, row.kind.form, fallback, row.description, inPrograms];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
}

if (import.meta.main) {
  const path = join(ROOT, 'docs', 'configuration.md');
  const text = renderConfigurationPage();
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error('docs/configuration.md: differs from the table in server/config/\nrun: npm run generate');
    process.exitCode = 1;
  }
}
