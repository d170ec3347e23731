import { readFileSync } from 'node:fs';
import { formatTable, type Round } from './figuretable.ts';

// node test/faults/table.ts FILE: the table of the rounds that CONTACT_FIGURES=FILE has gathered.

const lines = readFileSync(process.argv[2]!, 'utf8').trim().split('\n');
console.log(formatTable(lines.map((line) => JSON.parse(line) as Round)));
