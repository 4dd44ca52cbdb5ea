/**
 * How many times slower this machine is than a usual one, as far as its environment says so: a virtual machine without KVM
 * (vm/init) does.
 *
 * @throws {Error} when it says something else than a number
 */
export function givenSlowness(): number | undefined {
  const value = process.env['KOKOTAP_TEST_SLOWNESS'];
  if (value === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(value))
    throw new Error(`KOKOTAP_TEST_SLOWNESS is "${value}", but must be a number from 1`);
  return Number(value);
}
