import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { createBrowse } from '../cli/top/browse.ts';
import type { Line } from '../cli/top/line.ts';
import { arrange } from '../cli/top/rows.ts';
import { renderTop } from '../cli/top/view.ts';
import { widthOf } from '../cli/width.ts';
import {
  type ClientInfo,
  ClientInfoSchema,
  GetServerInfoResponseSchema,
  QueueSchema,
} from '../gen/contact/v1/admin_service_pb.ts';
import { ROOT } from './tool.ts';

// Draws the picture of `contact top` by what draws its screen. With --check nothing is written: exit code 1 if stale.

const SIZE = { columns: 110, rows: 22 };
const [COLUMN, ROW, MARGIN] = [8, 18, 12];
const NOW = Date.UTC(2027, 0, 31, 8, 0, 0);

const waitsSince = (ms: number) => [{ oldestCreatedAt: timestampFromMs(NOW - ms) }];

const QUEUES: readonly (MessageInitShape<typeof QueueSchema> & { readonly rate: number })[] = [
  { name: 'mails', ready: 1_204, running: 24, failed: 3, workers: 3, oldest: waitsSince(41_000), rate: 412 },
  { name: 'orders', ready: 86, scheduled: 12, running: 8, workers: 2, oldest: waitsSince(3_000), rate: 96.4 },
  { name: 'films', ready: 31, running: 2, failed: 1, workers: 1, oldest: waitsSince(740_000), rate: 0.2 },
  { name: 'reports', ready: 17, workers: 2, paused: true, oldest: waitsSince(95_000), rate: 0 },
  { name: 'reboot', ready: 3, workers: 1, unroutable: 3, oldest: waitsSince(3_600_000), rate: 0 },
  { name: 'mial', ready: 1, unroutable: 1, oldest: waitsSince(12_000), rate: 0 },
];

const client = (
  id: string,
  running: number,
  p99Ms: number,
  part: Partial<Pick<ClientInfo, 'queues' | 'labels' | 'status'>>,
) => ({
  ...{ id, running, connected: true, maxInFlight: 8, connectedAt: timestampFromMs(NOW - 7_380_000) },
  ...{ runs: { ended: BigInt(40 * p99Ms), failed: BigInt(Math.round(p99Ms / 9)), p50Ms: p99Ms / 2, p99Ms } },
  ...part,
});

const CLIENTS = [
  client('postman-1', 8, 46, { queues: ['mails', 'reports'], labels: { site: 'berlin' }, status: 'ok' }),
  client('postman-2', 8, 52, { queues: ['mails'], labels: { site: 'oslo' }, status: 'ok' }),
  client('postman-3', 8, 480, { queues: ['mails'], labels: { site: 'oslo' }, status: 'slow relay' }),
  client('shop-1', 5, 71, { queues: ['orders'], labels: { site: 'berlin' } }),
  client('studio-1', 2, 840, { queues: ['films'], labels: { gpu: '' }, status: 'reel 2 of 5' }),
  { id: 'robot-7', lastSeenAt: timestampFromMs(NOW - 3_700_000), queues: ['reboot'], labels: { site: 'oslo' } },
];

const FILLS = { bold: '#fff', dim: '#8a94a6', yellow: '#e5c07b', red: '#e06c75', inverse: '#1c2029' };

/** The whole picture. */
export function renderTopPicture(): string {
  const startedAt = timestampFromMs(NOW - 266_000_000);
  const snapshot = {
    info: create(GetServerInfoResponseSchema, { version: '0.1.0', node: 'main', store: 'sqlite', startedAt }),
    queues: QUEUES.map(({ rate: _, ...queue }) => create(QueueSchema, queue)),
    clients: CLIENTS.map((one) => create(ClientInfoSchema, one)),
    ...{ isCut: false, at: NOW, monotonicAt: 0 },
  };
  const rates = new Map(QUEUES.map(({ name = '', rate }) => [name, rate]));
  const asked = createBrowse();
  const browse = { ...asked, looks: { ...asked.looks, queue: { ...asked.looks.queue, at: 'films' } } };
  const rows = arrange(snapshot, browse, { now: NOW, rates });
  const frame = { snapshot, rates, server: '127.0.0.1:50051', browse, rows, trouble: null };
  return drawLines(renderTop(frame, SIZE));
}

function drawLines(lines: readonly Line[]): string {
  const width = SIZE.columns * COLUMN + 2 * MARGIN;
  const height = SIZE.rows * ROW + 2 * MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img"><title>contact top</title>`,
    '<style>text{font:13px ui-monospace,monospace;fill:#d5d9e0;white-space:pre}.bold{font-weight:bold}</style>',
    `<rect width="${width}" height="${height}" rx="8" fill="#1c2029"/>`,
    ...lines.map(drawLine),
    '</svg>\n',
  ].join('\n');
}

function drawLine({ text, style }: Line, row: number): string {
  const y = MARGIN + row * ROW;
  const length = widthOf(text) * COLUMN;
  if (text === '') return '';
  const bar =
    style === 'inverse' ? `<rect x="${MARGIN}" y="${y}" width="${length}" height="${ROW}" fill="#d5d9e0"/>` : '';
  const look = style ? ` class="${style}" style="fill:${FILLS[style]}"` : '';
  const place = `x="${MARGIN}" y="${y + 13}" textLength="${length}" lengthAdjust="spacingAndGlyphs"`;
  return `${bar}<text ${place}${look} xml:space="preserve">${escapeMarkup(text)}</text>`;
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

if (import.meta.main) {
  const file = join(ROOT, 'docs', 'guides', 'pictures', 'top.svg');
  const picture = renderTopPicture();
  if (!process.argv.includes('--check')) writeFileSync(file, picture);
  else if (readFileSync(file, 'utf8') !== picture) {
    console.error('docs/guides/pictures/top.svg is stale: run `npm run generate`');
    process.exitCode = 1;
  }
}
