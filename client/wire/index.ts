import type { HandCodecs } from '../../shared/grpc.ts';
import { decodeGetTaskResponse, decodeSendStatusResponse } from './decode.ts';
import { encodeSendStatusRequest, encodeStreamEnqueueRequest } from './encode.ts';

/** For the messages that every task causes; what they leave to protobuf-es they leave unchanged. */
export const HAND_CODECS: HandCodecs = {
  decode: {
    'contact.v1.GetTaskResponse': decodeGetTaskResponse,
    'contact.v1.SendStatusResponse': decodeSendStatusResponse,
  },
  encode: {
    'contact.v1.StreamEnqueueRequest': encodeStreamEnqueueRequest,
    'contact.v1.SendStatusRequest': encodeSendStatusRequest,
  },
};
