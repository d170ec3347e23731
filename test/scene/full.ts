/** The whole measure: many rounds and true times. Else a short one of each kind. */
export const isFull = process.env.CONTACT_TEST === 'all';
