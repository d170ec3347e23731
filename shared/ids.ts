import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SESSION_ID = /^[0-9a-f]{32}$/;
const NAME = /^[A-Za-z0-9._:/-]{1,128}$/;

/** A new task id: UUIDv7 (RFC 9562), time-ordered, in canonical lower-case text. */
export function newTaskId(): string {
  return v7();
}

export function isTaskId(text: string): boolean {
  return text.length === 36 && UUID_V7.test(text);
}

/** 128 random bits as 32 lower-case hex digits. */
export function newSessionId(): string {
  return randomBytes(16).toString('hex');
}

export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text);
}

/** Queue names, client ids, label keys. */
export function isName(text: string): boolean {
  return NAME.test(text);
}
