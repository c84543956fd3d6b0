/** Something that is done on the platform: whether it is under way, and what went wrong with it. */

import { type Signal, useSignal } from "@preact/signals";

import { ApiError } from "../api";

export interface Action {
  isBusy: Signal<boolean>;
  error: Signal<ApiError | null>;
  /** Do it; says whether it succeeded. */
  run: (work: () => Promise<void>) => Promise<boolean>;
}

export function useAction(): Action {
  const isBusy = useSignal(false);
  const error = useSignal<ApiError | null>(null);
  return {
    isBusy,
    error,
    run: async (work) => {
      isBusy.value = true;
      error.value = null;
      try {
        await work();
        return true;
      } catch (failure) {
        if (!(failure instanceof ApiError)) throw failure;
        error.value = failure;
        return false;
      } finally {
        isBusy.value = false;
      }
    },
  };
}
