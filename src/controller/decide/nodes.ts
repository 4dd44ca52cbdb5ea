import type { KnownNode } from '#src/controller/model.ts';
import type { AppArmorForm } from '#src/pods/appArmor.ts';
import { type Address, type AddressPair, commonAddresses, parseAddress } from '#src/spec/address.ts';
import { isOlderKernel, OLDEST_KERNEL } from '#src/tap/proc/kernelRelease.ts';

/** Why a tap's pods cannot do their work on a node; undefined: they can, as far as the node says. */
export function unfitness({ name, labels, system, architecture, kernel }: KnownNode): string | undefined {
  if (labels['type'] === 'virtual-kubelet' || labels['eks.amazonaws.com/compute-type'] === 'fargate')
    return `node ${name} is a virtual one, which runs no pods with hostNetwork`;
  if (!['', 'linux'].includes(system)) return `node ${name} runs ${system}, and a tap needs Linux`;
  if (!['', 'amd64'].includes(architecture))
    return `node ${name} is ${architecture}, and kokotap's image is built for amd64`;
  if (isOlderKernel(kernel, OLDEST_KERNEL))
    return `node ${name} has the kernel ${kernel}, older than ${OLDEST_KERNEL}`;
  return undefined;
}

/** The addresses that copies go from and to; undefined: there is no family that both have. */
export function addressesBetween(from: KnownNode, to: KnownNode | Address): AddressPair | undefined {
  return commonAddresses(addressesOf(from), 'text' in to ? [to] : addressesOf(to));
}

function addressesOf({ internal, external }: KnownNode): Address[] {
  return (internal.length > 0 ? internal : external).flatMap((text) => parseAddress(text) ?? []);
}

/** How the node is told of a container's AppArmor profile: by a field from Kubernetes 1.30 on. */
export function appArmorOf({ kubelet }: KnownNode): AppArmorForm {
  const minor = /^v1\.(\d+)/u.exec(kubelet)?.[1];
  return minor === undefined || Number(minor) >= 30 ? 'field' : 'annotation';
}
