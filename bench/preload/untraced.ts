import { registerHooks } from 'node:module';

// A preload (`node --import`) that hides the API of OpenTelemetry, as if it were not installed.

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === '@opentelemetry/api') throw new Error(`${specifier} is hidden`);
    return next(specifier, context);
  },
});
