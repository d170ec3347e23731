import { useRef } from 'preact/hooks';
import { Mark } from '../parts/mark.tsx';
import { refusal, token, useToken } from '../request.ts';

/** Asks for a token, where the server asks for one. */
export function SignIn() {
  const input = useRef<HTMLInputElement>(null);
  const signIn = (event: Event): void => {
    event.preventDefault();
    const text = input.current?.value.trim() ?? '';
    if (text !== '') useToken(text);
  };
  const wasGiven = token.value !== '';
  return (
    <main>
      <form class="signin" onSubmit={signIn}>
        <h1 class="brand">
          <Mark />
          <span>contact</span>
        </h1>
        {wasGiven && (
          <p class="bad" role="alert">
            {refusal.value}
          </p>
        )}
        <div class="field">
          <label for="token">Token</label>
          <input
            ref={input}
            id="token"
            type="password"
            autocomplete="off"
            spellcheck={false}
            placeholder="ct_…"
            autofocus
          />
        </div>
        <button type="submit" class="button primary">
          Sign in
        </button>
        <p class="quiet">
          This server asks who calls. The token is kept for this tab only; <code>contact token create</code> makes one.
        </p>
      </form>
    </main>
  );
}
