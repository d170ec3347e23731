import { base64Of, type Json, someText } from './plain.ts';

/** Why a task or an attempt did not succeed, as the server says it, or the SDK. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly details?: Uint8Array;
  readonly detail?: string;
}

export function errorToJson({ code, message, details, detail }: Problem): Json {
  return { code: someText(code), message, details: base64Of(details), detail: someText(detail) };
}
