/** What ends a command in good order. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The exit code of a program that was interrupted, as shells have it. */
const INTERRUPTED = 130;

/** From the first call on, signals that would end the program abort this one instead; a second one ends it at once. */
export function untilInterrupted(): AbortSignal {
  ending ??= listen();
  return ending.signal;
}

let ending: AbortController | undefined;

function listen(): AbortController {
  const controller = new AbortController();
  const end = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  for (const signal of SIGNALS) process.on(signal, end);
  return controller;
}
