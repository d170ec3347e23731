/** The mark of the program. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#3f5bd8" />
      <path d="M9 16h6m8 0h-3" stroke="#fff" stroke-width="2.6" stroke-linecap="round" />
      <circle cx="17.5" cy="16" r="3.6" fill="none" stroke="#fff" stroke-width="2.6" />
      <circle cx="8" cy="16" r="1.9" fill="#fff" />
      <circle cx="24" cy="16" r="1.9" fill="#fff" />
    </svg>
  );
}
