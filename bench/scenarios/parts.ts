import type { Scenario } from '../scenario.ts';
import { combined } from './combined.ts';

/** What a part of contact costs: `combined` with and without it. */
export const parts: Scenario = {
  ...combined,
  name: 'parts',
  about:
    'As `combined`: contact with a token in each call, with TLS, with spans, and without the API of OpenTelemetry.',
  yardstick: 'contact',
  systems: ['contact', 'contact-token', 'contact-tls', 'contact-untraced', 'contact-traced'],
};
