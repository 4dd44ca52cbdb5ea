import * as z from 'zod/mini';
import { parseAddress, unreachableKind } from './address.ts';
import { isQuantity } from './quantity.ts';
import { isDnsLabel, isDnsSubdomain, MAX_LABEL_LENGTH, MAX_SUBDOMAIN_LENGTH } from './kubeNames.ts';

/** The kinds of values that a tap is made of. The message of each says what to give instead. */

/** A whole number of a range. */
export function wholeNumber(min: number, max: number, advice = `give a whole number from ${min} to ${max}`) {
  return z.int(advice).check(z.minimum(min, advice), z.maximum(max, advice));
}

/** A tap's id: see tapId.ts. */
export const tapIdText = z.string().check(z.regex(/^[0-9a-f]{12}$/u, 'give 12 hexadecimal digits'));

const MAX_PORT = 65_535;
export const port = wholeNumber(1, MAX_PORT);

export const nonEmpty = z.string().check(z.minLength(1, 'it must not be empty'));

/** A name that a pod, a node or a Secret can have. */
export const subdomainName = z
  .string()
  .check(
    z.refine(
      isDnsSubdomain,
      `give 1 to ${MAX_SUBDOMAIN_LENGTH} lower-case letters, digits, "-" or ".", with a letter or digit at both ends of each part`,
    ),
  );

/** A name that a namespace or a container can have. */
export const labelName = z
  .string()
  .check(
    z.refine(
      isDnsLabel,
      `give 1 to ${MAX_LABEL_LENGTH} lower-case letters, digits or "-", with a letter or digit at both ends`,
    ),
  );

export const imageReference = z
  .string()
  .check(
    z.regex(/^[^\s\p{C}]+$/u, 'give an image reference without blanks, such as localhost/kokotap:1.0.0'),
  );

const MAX_NAME_LENGTH = 15;
/** Other names that an interface has as well may be longer (ALTIFNAMSIZ). */
const MAX_ALTNAME_LENGTH = 127;
const CHARACTERS =
  'printable ASCII characters without blanks, "/", ":" or "%", and not ".", "..", "all" or "default"';

/**
 * An interface name that Linux accepts (dev_valid_name; `%` would be a pattern to number devices by). The kernel keeps
 * settings of more than one interface under the names `all` and `default`.
 */
export const interfaceName = z
  .string()
  .check(z.refine((name) => isInterfaceName(name), `give 1 to ${MAX_NAME_LENGTH} ${CHARACTERS}`));

/** Names of interfaces, or `all` alone: every one. */
export const interfaceNames = z.array(z.string()).check(
  z.check(({ value, issues }) => {
    const message = interfacesAdvice(value);
    if (message !== undefined) issues.push({ code: 'custom', message, input: value });
  }),
);

function interfacesAdvice(names: readonly string[]): string | undefined {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined && isInterfaceName(twice, MAX_ALTNAME_LENGTH))
    return `${JSON.stringify(twice)} is there twice; name each interface once`;
  if (names.includes('all') && names.length > 1) return '"all" says every interface; give it alone';
  const possible = names.every((name) => name === 'all' || isInterfaceName(name, MAX_ALTNAME_LENGTH));
  if (names.length > 0 && possible) return undefined;
  return `give all, or names separated by commas, each of 1 to ${MAX_ALTNAME_LENGTH} ${CHARACTERS}`;
}

function isInterfaceName(text: string, maxLength = MAX_NAME_LENGTH): boolean {
  return /^[!-~]+$/u.test(text) && text.length <= maxLength && !/[/:%]|^(?:\.\.?|all|default)$/u.test(text);
}

/**
 * An address that packets can be sent to, in its canonical form.
 *
 * @param whose for the advice
 */
export function unicastAddress(whose: string) {
  return z.string().check(
    z.check((payload) => {
      const address = parseAddress(payload.value);
      const kind = address && unreachableKind(address);
      if (address !== undefined && kind === undefined) {
        payload.value = address.text;
        return;
      }
      const message =
        kind === undefined
          ? 'give one IPv4 or IPv6 address, without prefix length or zone'
          : `that is ${kind}; give the unicast address of ${whose}`;
      payload.issues.push({ code: 'custom', message, input: payload.value });
    }),
  );
}

const RESOURCES = ['cpu', 'memory', 'ephemeral-storage'];

const AMOUNTS = `give amounts of ${RESOURCES.join(', ')}, each once, such as cpu=100m,memory=128Mi`;

/** Amounts by the names of resources, such as `{ cpu: '50m' }`. */
export const quantities = z
  .record(z.string(), z.string(), AMOUNTS)
  .check(
    z.refine(
      (amounts) =>
        Object.entries(amounts).every(([name, amount]) => RESOURCES.includes(name) && isQuantity(amount)),
      AMOUNTS,
    ),
  );
