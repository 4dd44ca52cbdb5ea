/**
 * Where an agent keeps files, in memory. Every container has /dev/shm: that of its pod, writable also where the root file
 * system is not, and no volume, for which `kubectl drain` and the cluster autoscaler would leave the pod alone.
 */
export const RUN_FOLDER = '/dev/shm/kokotap';

/** It is there while the end of the tap is ready: the readiness probe looks for it. */
export const READY_FILE = `${RUN_FOLDER}/ready`;

/** The unix socket by which an agent answers what is asked of it. Only root may enter the folder. */
export const AGENT_SOCKET = `${RUN_FOLDER}/agent.sock`;
