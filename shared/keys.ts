// Keys of metadata by which server, callers and clients speak with each other.

/** Who called, in the words of the server: callees and workers are told by it, and nobody else may say it. */
export const PRINCIPAL_KEY = 'contact-principal';
