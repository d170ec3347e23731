import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAMILIES } from '../server/metrics/families.ts';
import { ROOT } from './tool.ts';

// Writes docs/metrics.md from the table of metrics in server/metrics/. With --check nothing is written: exit code 1 if stale.

const PAGE = `<!-- Written by scripts/metrics.ts from server/metrics/families.ts: run \`npm run generate\`. -->
# Metrics

What \`contact serve --metrics 127.0.0.1:9464\` tells Prometheus at \`/metrics\`; [running.md](running.md) says how, and
[alerts.yml](alerts.yml) has rules to begin with. Counters begin at 0 with the process. Of all metrics with a label
\`queue\` at most 100 queues have one of their own, the largest first; it stays theirs while they have tasks. All others are
\`_other\` together, whose counters only grow too: a queue that gets a label of its own later begins there with what was not told
of it before.

| metric | type | labels | what it is |
|---|---|---|---|
`;

/** The whole text of docs/metrics.md. */
export function renderMetricsPage(): string {
  const rows = FAMILIES.map(({ name, type, labels, help }) => {
    const list = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${list} | ${help} |\n`;
  });
  return `${PAGE}${rows.join('')}`;
}

if (import.meta.main) {
  const path = join(ROOT, 'docs', 'metrics.md');
  const text = renderMetricsPage();
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    console.error('docs/metrics.md: differs from server/metrics/families.ts\nrun: npm run generate');
    process.exitCode = 1;
  }
}
