/** Where an agent keeps files, in memory: a volume of its pod. */
export const RUN_FOLDER = '/run/kokotap';

/** It is there while the end of the tap is ready: the readiness probe looks for it. */
export const READY_FILE = `${RUN_FOLDER}/ready`;
