// Apart from names.ts, so that help does not load node:crypto.
export const DEFAULT_POD_IFNAME = 'eth0';
export const DEFAULT_IFNAME = 'mirror';
