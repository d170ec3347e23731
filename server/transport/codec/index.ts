import type { HandCodecs } from '../../../shared/grpc.ts';
import { decodeSendStatus, decodeStreamEnqueue } from './decode.ts';
import { encodeGetTaskResponse, encodeSendStatusResponse } from './encode.ts';

/** For the messages that every task comes with and causes; what they leave to protobuf-es they leave unchanged. */
export const HAND_CODECS: HandCodecs = {
  decode: {
    'contact.v1.StreamEnqueueRequest': decodeStreamEnqueue,
    'contact.v1.SendStatusRequest': decodeSendStatus,
  },
  encode: {
    'contact.v1.GetTaskResponse': encodeGetTaskResponse,
    'contact.v1.SendStatusResponse': encodeSendStatusResponse,
  },
};
