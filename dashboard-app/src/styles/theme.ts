import { onScopeDispose, ref, watchEffect, type Ref } from 'vue';

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'offhook.theme';
const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

/** Storage is denied to some frames; then the choice lasts as long as the page. */
function kept(): Theme {
  try {
    return THEMES.find((one) => one === localStorage.getItem(KEY)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

function keep(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Denied: see `kept`.
  }
}

/** Follows the system, or the person's own choice, and puts the class `dark` on the page. */
export function useTheme(): { theme: Ref<Theme>; next: () => void } {
  const theme = ref<Theme>(kept());
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  const systemDark = ref(system.matches);
  const follow = (event: MediaQueryListEvent): void => {
    systemDark.value = event.matches;
  };
  system.addEventListener('change', follow);
  onScopeDispose(() => system.removeEventListener('change', follow));
  watchEffect(() => {
    const dark = theme.value === 'dark' || (theme.value === 'auto' && systemDark.value);
    document.documentElement.classList.toggle('dark', dark);
  });
  return {
    theme,
    next: () => {
      theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'auto';
      keep(theme.value);
    },
  };
}
