import { DatabaseSync } from 'node:sqlite';
import { atEnd } from './end.ts';

/** Somebody else writes to the file and does not stop until the answer is called: commits are refused meanwhile. */
export function lockStore(file: string): () => void {
  const other = new DatabaseSync(file);
  atEnd(() => other.isOpen && other.close());
  other.exec('BEGIN IMMEDIATE');
  return () => other.close();
}
