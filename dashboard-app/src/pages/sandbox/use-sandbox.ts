import {
  computed,
  inject,
  onScopeDispose,
  provide,
  ref,
  shallowRef,
  type ComputedRef,
  type InjectionKey,
  type Ref,
} from 'vue';

import { followState, Refused, type Link, type SandboxState } from '../../api/sandbox';

export type Sandbox = {
  state: Ref<SandboxState | null>;
  link: Ref<Link>;
  /** Why the last action was refused, in the sandbox's words; null when it was not. */
  refusal: Ref<string | null>;
  /** The sandbox's present instant in milliseconds, running on between two states. */
  nowMs: ComputedRef<number>;
  /** Carries out an action and keeps its refusal. */
  attempt: (action: Promise<void>) => Promise<boolean>;
};

const KEY: InjectionKey<Sandbox> = Symbol('sandbox');

/** Follows the live state for this page and hands it to every component below. */
export function provideSandbox(): Sandbox {
  const state = shallowRef<SandboxState | null>(null);
  const link = ref<Link>('connecting');
  const refusal = ref<string | null>(null);
  const tick = ref(Date.now());
  const aheadMs = ref(0);

  const stop = followState(
    (next) => {
      state.value = next;
      tick.value = Date.now();
      aheadMs.value = Date.parse(next.now) - tick.value;
    },
    (next) => (link.value = next),
  );
  const ticking = setInterval(() => (tick.value = Date.now()), 1000);
  onScopeDispose(() => {
    stop();
    clearInterval(ticking);
  });

  const sandbox: Sandbox = {
    state,
    link,
    refusal,
    nowMs: computed(() => tick.value + aheadMs.value),
    attempt: async (action) => {
      try {
        await action;
        refusal.value = null;
        return true;
      } catch (cause) {
        refusal.value = cause instanceof Refused ? cause.message : String(cause);
        return false;
      }
    },
  };
  provide(KEY, sandbox);
  return sandbox;
}

/** The live state, anywhere below the page. */
export function useSandbox(): Sandbox {
  const sandbox = inject(KEY);
  if (!sandbox) throw new Error('useSandbox is used outside the sandbox page');
  return sandbox;
}
