// The life of a call, as the end that receives sees what comes to it. Of what comes to the callee:
//
//   messages ──half_close──▶ half-closed          chunk: stays; after half_close it is a fault
//       └─────────cancel──────────┴───▶ over
//
// Of what comes to the server:
//
//   unanswered ──headers, chunk──▶ answering      chunk: stays; headers again is a fault
//       └──────────────end────────────┴──▶ over
//
// What a side has no business to say is a fault too, and a fault ends the call. Over is over: whichever of end, cancel
// and fault is first counts, and frames that come after it are dropped with the number of the call.

export type Phase = 'messages' | 'half-closed' | 'unanswered' | 'answering' | 'over';

/** What a frame may say of a call, besides `window`, which is legal in every phase. */
export type Part = 'headers' | 'chunk' | 'half_close' | 'end' | 'cancel';

/** Which end of the tunnel receives. */
export type Role = 'callee' | 'server';

const NEXT: Readonly<Record<Phase, Readonly<Partial<Record<Part, Phase>>>>> = {
  messages: { chunk: 'messages', half_close: 'half-closed', cancel: 'over' },
  'half-closed': { cancel: 'over' },
  unanswered: { headers: 'answering', chunk: 'answering', end: 'over' },
  answering: { chunk: 'answering', end: 'over' },
  over: {},
};

export function firstPhase(receiver: Role): Phase {
  return receiver === 'callee' ? 'messages' : 'unanswered';
}

/** The phase after a part; undefined: it is a fault. */
export function nextPhase(phase: Phase, part: Part): Phase | undefined {
  return NEXT[phase][part];
}
