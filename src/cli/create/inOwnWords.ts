/**
 * What is said of a tap by the flags of the form that prints manifests, in the words of `kokotap create`, which has `--to` and
 * targets in their place.
 */
export function inOwnWords(message: string): string {
  return message
    .replaceAll(/--dest-ip "([^"]*)"/gu, '--to=ip/$1')
    .replaceAll(/--dest-(node|pod|ip)=/gu, '--to=$1/')
    .replaceAll(/--dest-(node|pod|ip)\b/gu, '--to=$1/…')
    .replaceAll(/--pod\b(?!-)/gu, 'the target')
    .replace(
      'delete it with this line and kubectl delete -f -, then create it again',
      'delete it, then create it again',
    );
}
