/**
 * Whether a command failed because its interface is gone: ip and tc say `Cannot find device` when they look for it, and the
 * kernel answers `No such device` when it went after that, which in a batch is as long as the batch takes.
 *
 * @param said what the command wrote to its standard error
 */
export function isDeviceGone(said: string): boolean {
  return /Cannot find device|No such device/u.test(said);
}
