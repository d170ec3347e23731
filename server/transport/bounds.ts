import type { DescMessage } from '@bufbuild/protobuf';
import { tooLarge } from '../../shared/errors.ts';
import { MAX_METADATA_PAIRS } from '../api/batch.ts';
import { MAX_HOLDING, MAX_LABELS } from '../api/registration.ts';
import { type Bounds, type BoundsCheck, compileBounds } from './counts.ts';

/** Bytes of a request that carries no payload. */
const MAX_PLAIN_BYTES = 64 << 10;

/** Requests that may be as large as a message can be: they carry payloads, or name all that a worker holds. */
const LARGE: ReadonlySet<string> = new Set([
  'contact.v1.EnqueueTasksRequest',
  'contact.v1.StreamEnqueueRequest',
  'contact.v1.CallTaskRequest',
  'contact.v1.GetTaskRequest',
  'contact.v1.SendStatusRequest',
  'contact.v1.TellResultRequest',
  // The classic contract has no limit of its own: its texts are cut, and its results are checked as results.
  'ClientMsg',
  'Result',
]);

const BOUNDS: Bounds = {
  'contact.v1.Resume.holding': MAX_HOLDING,
  'contact.v1.GetTaskRequest.labels': MAX_LABELS,
  'contact.v1.NewTask.metadata': MAX_METADATA_PAIRS,
};

/** What a request may hold, looked at before it is decoded. */
export function checkRequest(request: DescMessage): BoundsCheck {
  const checkCounts = compileBounds(request, BOUNDS);
  if (LARGE.has(request.typeName)) return checkCounts;
  return (bytes) => {
    const size = bytes.byteLength;
    if (size > MAX_PLAIN_BYTES) {
      throw tooLarge(`${size} bytes, at most ${MAX_PLAIN_BYTES} are taken`, { field: 'request' });
    }
    checkCounts(bytes);
  };
}
