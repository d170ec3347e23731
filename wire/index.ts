import type { HandCodecs } from '../shared/grpc.ts';
import { decodeStreamEnqueueRequest, encodeStreamEnqueueRequest } from './enqueue.ts';
import { decodeSendStatusResponse, encodeSendStatusResponse } from './outcomes.ts';
import { decodeGetTaskResponse, encodeGetTaskResponse } from './push.ts';
import { decodeSendStatusRequest, encodeSendStatusRequest } from './status.ts';

/**
 * For the messages that every task comes with and causes. What these codecs do not know they leave to protobuf-es as it
 * is; which fields they know is in `fields.ts`.
 */
export const HAND_CODECS: HandCodecs = {
  decode: {
    'contact.v1.StreamEnqueueRequest': decodeStreamEnqueueRequest,
    'contact.v1.SendStatusRequest': decodeSendStatusRequest,
    'contact.v1.GetTaskResponse': decodeGetTaskResponse,
    'contact.v1.SendStatusResponse': decodeSendStatusResponse,
  },
  encode: {
    'contact.v1.StreamEnqueueRequest': encodeStreamEnqueueRequest,
    'contact.v1.SendStatusRequest': encodeSendStatusRequest,
    'contact.v1.GetTaskResponse': encodeGetTaskResponse,
    'contact.v1.SendStatusResponse': encodeSendStatusResponse,
  },
};
