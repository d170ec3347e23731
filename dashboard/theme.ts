import { effect, signal } from '@preact/signals';

/** `auto` goes by what the browser prefers. */
export type Theme = 'auto' | 'light' | 'dark';

const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];
const KEY = 'contact-theme';
const preference = window.matchMedia('(prefers-color-scheme: dark)');

function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY) as Theme | null;
    return kept && THEMES.includes(kept) ? kept : 'auto';
  } catch {
    return 'auto';
  }
}

export const theme = signal<Theme>(readTheme());
const isPreferred = signal(preference.matches);
preference.addEventListener('change', () => {
  isPreferred.value = preference.matches;
});

/** What is seen now. */
export const isDark = (): boolean => theme.value === 'dark' || (theme.value === 'auto' && isPreferred.value);

effect(() => {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
});

export function changeTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // It lasts until the page is left.
  }
}
