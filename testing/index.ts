// First of all: it says what is missing where Node is too old.
import '../client/process/age.ts';

export type { Clock } from '../shared/clock.ts';
export { createTestClock, type TestClock } from './clock.ts';
export { type MockContext, type MockContextOptions, mockContext } from './context.ts';
export { startTestServer, type TestServer, type TestServerOptions } from './server.ts';
