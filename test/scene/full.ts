/** The whole measure: many rounds and true times. Else a short one of each kind. */
export const isFull = process.env.CONTACT_TEST === 'all';

// It is near an option's name: a server that is tried in this process, or started by it, would warn of it.
delete process.env.CONTACT_TEST;
