import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatAge } from './format.ts';
import { listenToKeys } from './keys.ts';
import { linkTo } from './link.ts';
import { Dialog } from './parts/dialog.tsx';
import { Mark } from './parts/mark.tsx';
import { Notices } from './parts/notice.tsx';
import { refusal, token, useToken } from './request.ts';
import { route } from './route.ts';
import { SignIn } from './screens/signin.tsx';
import { findScreen, SCREENS } from './screens.ts';
import { Search } from './search.tsx';
import { caller, now, outage, server, watchServer } from './session.ts';
import { changeTheme, theme } from './theme.ts';

const THEME_WORDS = { auto: 'as the system', light: 'light', dark: 'dark' };

/** What is around every screen, and which one is shown. */
export function Frame() {
  const [isAsked, setAsked] = useState(false);
  const credential = token.value;
  // Another token is another caller.
  useEffect(() => watchServer(), [credential]);
  useEffect(() => listenToKeys(() => setAsked(true)), []);
  if (refusal.value !== undefined) return <SignIn />;
  const { parts } = route.value;
  const [Screen, names] = findScreen(parts);
  return (
    <div class="frame">
      <button type="button" class="button skip" onClick={skipToMain}>
        Skip to the screen
      </button>
      <div class="side">
        <a class="brand" href={linkTo([])} aria-label="contact: overview">
          <Mark />
          <span>contact</span>
        </a>
        <Search />
        <nav aria-label="Screens">
          <ul>
            {SCREENS.filter(({ isShown }) => isShown?.() ?? true).map(({ name, path }) => (
              <li key={name}>
                <a href={linkTo(path)} {...((parts[0] ?? '') === (path[0] ?? '') && { 'aria-current': 'page' })}>
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <Foot onKeys={() => setAsked(true)} />
      </div>
      <main id="main" class="screen" tabIndex={-1}>
        {outage.value && (
          <p class="outage" role="alert">
            {outage.value} What is shown may be old; it is tried again.
          </p>
        )}
        <Screen {...names} key={parts.join('/')} />
      </main>
      <Foot isBelow onKeys={() => setAsked(true)} />
      <Notices />
      {isAsked && <Keys onClose={() => setAsked(false)} />}
    </div>
  );
}

function skipToMain(): void {
  document.getElementById('main')?.focus();
}

function Foot({ isBelow = false, onKeys }: { readonly isBelow?: boolean; readonly onKeys: () => void }) {
  const { version, startedAt, node } = server.value ?? {};
  const who = caller.value?.principal;
  return (
    <div class={`foot${isBelow ? ' below' : ''}`}>
      {who && <p title={who}>{who}</p>}
      {version && (
        <p title={node ?? ''}>
          contact {version}
          {startedAt && `, up ${formatAge(startedAt, now.value)}`}
        </p>
      )}
      <div>
        <button type="button" class="link" onClick={changeTheme}>
          Colours: {THEME_WORDS[theme.value]}
        </button>
        <button type="button" class="link" onClick={onKeys}>
          Keys
        </button>
        {token.value && (
          <button type="button" class="link" onClick={() => useToken('')}>
            Sign out
          </button>
        )}
      </div>
    </div>
  );
}

const KEYS: readonly (readonly [string, ComponentChildren])[] = [
  ['/', 'look for a task or a queue'],
  ['g o', 'overview'],
  ['g q', 'queues'],
  ['g t', 'tasks'],
  ['g c', 'clients'],
  ['g r', 'live results'],
  ['g n', 'new task'],
  ['j k', 'the next and the one before, in a table'],
  ['?', 'this list'],
];

function Keys({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([keys, text]) => (
          <>
            <dt>
              {keys.split(' ').map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </>
        ))}
      </dl>
      <div class="dialog-acts">
        <button type="button" class="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
