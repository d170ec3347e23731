/** The fields of a message that has a codec written by hand, a line of the contract each, its package left out. */
export interface FieldTable {
  /** Fields that the codec writes and reads itself. */
  readonly byHand: readonly string[];
  /** Fields that it does not know: a message that has one of them set goes to protobuf-es as a whole. */
  readonly left: readonly string[];
}

/**
 * Every field of every message that is encoded and decoded by hand. A test holds this table against the contract, and
 * the codecs against the table, so that a field which is new in the contract cannot be dropped in silence.
 */
export const FIELDS: Readonly<Record<string, FieldTable>> = {
  StreamEnqueueRequest: {
    byHand: ['repeated NewTask tasks = 1', 'bool await_results = 2'],
    left: ['repeated string abandoned = 3'],
  },
  NewTask: {
    byHand: [
      'string id = 1',
      'string queue = 2',
      'bytes payload = 3',
      'string content_type = 4',
      'sint32 priority = 6',
      'uint32 max_attempts = 11',
      'uint32 timeout_ms = 12',
      'string idempotency_key = 13',
    ],
    left: [
      'map<string, string> metadata = 5',
      'oneof start: uint32 delay_ms = 7',
      'oneof start: google.protobuf.Timestamp run_at = 8',
      'oneof expiry: uint32 expires_after_ms = 9',
      'oneof expiry: google.protobuf.Timestamp expires_at = 10',
      'oneof target: string client_id = 14',
      'oneof target: string selector = 15',
      'oneof target: Broadcast broadcast = 16',
      'Backoff backoff = 17',
    ],
  },
  SendStatusRequest: {
    byHand: ['uint32 receipt = 1', 'repeated Delivery started = 2', 'repeated Succeeded succeeded = 5'],
    left: [
      'repeated Progress progress = 3',
      'repeated Checkpoint checkpoints = 4',
      'repeated Failed failed = 6',
      'repeated Delivery released = 7',
      'repeated Delivery stopped = 8',
      'optional uint32 credit = 9',
      'optional string status = 10',
      'repeated Delivery untouched = 11',
      'repeated TaskLog logs = 12',
    ],
  },
  Delivery: {
    byHand: ['string task_id = 1', 'uint32 delivery = 2'],
    left: [],
  },
  Succeeded: {
    byHand: ['string task_id = 1', 'uint32 delivery = 2', 'bytes result = 3', 'string content_type = 4'],
    left: [],
  },
  GetTaskResponse: {
    byHand: ['uint32 seq = 1', 'oneof event: Tasks tasks = 3', 'oneof event: Ping ping = 7'],
    left: [
      'oneof event: Registered registered = 2',
      'oneof event: Cancel cancel = 4',
      'oneof event: Drain drain = 5',
      'oneof event: Moving moving = 6',
      'oneof event: Renew renew = 8',
    ],
  },
  Tasks: {
    byHand: ['repeated Assignment tasks = 1'],
    left: [],
  },
  Assignment: {
    byHand: [
      'string task_id = 1',
      'uint32 delivery = 2',
      'uint32 attempt = 3',
      'string queue = 4',
      'bytes payload = 5',
      'string content_type = 6',
      'uint32 timeout_ms = 8',
      'uint32 max_attempts = 9',
      'bytes checkpoint = 10',
      'sint32 priority = 11',
    ],
    left: ['map<string, string> metadata = 7'],
  },
  Ping: {
    byHand: [],
    left: [],
  },
  SendStatusResponse: {
    byHand: ['repeated Outcome outcomes = 1'],
    left: [],
  },
  Outcome: {
    byHand: ['string task_id = 1', 'uint32 delivery = 2', 'OutcomeCode code = 3', 'uint32 after_ms = 4'],
    left: [],
  },
};
