import { UsageError } from '#src/errors.ts';
import { parseAddress, unreachableKind } from '#src/tap/address.ts';
import { isDnsLabel, isDnsSubdomain, MAX_LABEL_LENGTH, MAX_SUBDOMAIN_LENGTH } from '#src/tap/kubeNames.ts';
import { quote } from './text.ts';

/** Kubernetes keeps activeDeadlineSeconds in a signed 32-bit integer. */
const MAX_DURATION_SECONDS = 2_147_483_647;
const MAX_ONE_IN = 1_000_000;
const LEAST_BYTES_PER_SECOND = 1000;
const MAX_BYTES_PER_SECOND = 125e9;

/** Each function here checks one flag's value and throws a {@link UsageError} that names flag, value and range. */
type Check<Value> = (flag: string, text: string) => Value;

/** A whole number in plain decimal digits. */
export function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/u.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw refusal(flag, text, `give a whole number from ${min} to ${max}`);
}

export function oneOf<Value extends string>(flag: string, text: string, values: readonly Value[]): Value {
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  throw refusal(flag, text, `give one of ${values.join(', ')}`);
}

/** An interface name that Linux accepts (dev_valid_name; `%` would be a pattern to number devices by). */
export const interfaceName: Check<string> = (flag, text) => {
  if (isInterfaceName(text)) return text;
  throw refusal(flag, text, `give ${INTERFACE_NAME}`);
};

/** Names of interfaces, separated by commas, or `all`; as given. */
export const interfaceNames: Check<string> = (flag, text) => {
  const names = text.split(',');
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined && isInterfaceName(twice, MAX_ALTNAME_LENGTH))
    throw refusal(flag, text, `${quote(twice)} is there twice; name each interface once`);
  if (names.includes('all') && names.length > 1)
    throw refusal(flag, text, '"all" says every interface; give it alone');
  if (text === 'all' || names.every((name) => isInterfaceName(name, MAX_ALTNAME_LENGTH))) return text;
  throw refusal(flag, text, `give all, or names separated by commas, each of ${ALTNAME}`);
};

const MAX_NAME_LENGTH = 15;
/** Other names that an interface has as well may be longer (ALTIFNAMSIZ). */
const MAX_ALTNAME_LENGTH = 127;
const CHARACTERS =
  'printable ASCII characters without blanks, "/", ":" or "%", and not ".", "..", "all" or "default"';
const INTERFACE_NAME = `1 to ${MAX_NAME_LENGTH} ${CHARACTERS}`;
const ALTNAME = `1 to ${MAX_ALTNAME_LENGTH} ${CHARACTERS}`;

/** The kernel keeps settings of more than one interface under the names `all` and `default`. */
function isInterfaceName(text: string, maxLength = MAX_NAME_LENGTH): boolean {
  return /^[!-~]+$/u.test(text) && text.length <= maxLength && !/[/:%]|^(?:\.\.?|all|default)$/u.test(text);
}

/** A name that a pod or a node can have. */
export const subdomainName: Check<string> = (flag, text) => {
  if (isDnsSubdomain(text)) return text;
  throw refusal(
    flag,
    text,
    `give 1 to ${MAX_SUBDOMAIN_LENGTH} lower-case letters, digits, "-" or ".", with a letter or digit at both ends of each part`,
  );
};

/** A name that a namespace or a container can have. */
export const labelName: Check<string> = (flag, text) => {
  if (isDnsLabel(text)) return text;
  throw refusal(
    flag,
    text,
    `give 1 to ${MAX_LABEL_LENGTH} lower-case letters, digits or "-", with a letter or digit at both ends`,
  );
};

/** An address that packets can be sent to, in its canonical form. */
export const destinationAddress: Check<string> = (flag, text) =>
  unicastAddress(flag, text, 'a machine outside the cluster');

/** An address of a node, in its canonical form. */
export const nodeAddress: Check<string> = (flag, text) =>
  unicastAddress(flag, text, 'the node that the other node reaches it by');

function unicastAddress(flag: string, text: string, whose: string): string {
  const address = parseAddress(text);
  if (!address) throw refusal(flag, text, 'give one IPv4 or IPv6 address, without prefix length or zone');
  const kind = unreachableKind(address);
  if (kind === undefined) return address.text;
  throw refusal(flag, text, `that is ${kind}; give the unicast address of ${whose}`);
}

/** A time in hours, minutes and seconds as kubectl writes it, in seconds. */
export const durationSeconds: Check<number> = (flag, text) => {
  const unitSeconds = new Map([
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ]);
  const parts = /^(?:\d+[hms])+$/u.test(text) ? Array.from(text.matchAll(/(\d+)([hms])/gu)) : [];
  const seconds = parts.reduce(
    (sum, [, count = '', unit = '']) => sum + Number(count) * (unitSeconds.get(unit) ?? 0),
    0,
  );
  if (seconds >= 1 && seconds <= MAX_DURATION_SECONDS) return seconds;
  throw refusal(
    flag,
    text,
    `give whole hours, minutes and seconds such as 30m, 1h30m or 90s, from 1s to ${MAX_DURATION_SECONDS}s`,
  );
};

/** The N of 1/N. */
export const sampleOneIn: Check<number> = (flag, text) => {
  const count = Number(/^1\/(\d+)$/u.exec(text)?.[1]);
  if (count >= 1 && count <= MAX_ONE_IN) return count;
  throw refusal(
    flag,
    text,
    `give 1/N, such as 1/100 for one conversation in a hundred, with N up to ${MAX_ONE_IN}`,
  );
};

/** A rate as tc writes it, of bits with their SI units, in bytes. */
export const bytesPerSecond: Check<number> = (flag, text) => {
  const [, count = '', unit = ''] = /^(\d+)([kmg]?)bit$/u.exec(text) ?? [];
  const bytes = Math.floor((Number(count) * 1000 ** ['', 'k', 'm', 'g'].indexOf(unit)) / 8);
  if (bytes >= LEAST_BYTES_PER_SECOND && bytes <= MAX_BYTES_PER_SECOND) return bytes;
  throw refusal(
    flag,
    text,
    'give whole bit, kbit, mbit or gbit a second, from 8kbit to 1000gbit, such as 200mbit',
  );
};

export const imageReference: Check<string> = (flag, text) => {
  if (/^[^\s\p{C}]+$/u.test(text)) return text;
  throw refusal(flag, text, 'give an image reference without blanks, such as localhost/kokotap:1.0.0');
};

export const nonEmpty: Check<string> = (flag, text) => {
  if (text !== '') return text;
  throw refusal(flag, text, 'it must not be empty');
};

function refusal(flag: string, text: string, advice: string): UsageError {
  return new UsageError(`${flag} ${quote(text)} is not possible: ${advice}`);
}
