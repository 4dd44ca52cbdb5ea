/** A value as error messages show it: quoted, with control characters escaped. */
export function quote(value: string): string {
  return escapeControls(JSON.stringify(value));
}

/** How messages name a pod. */
export function podLabel(namespace: string, name: string): string {
  return `Pod ${quote(name)} in namespace ${quote(namespace)}`;
}

/** Text of unknown origin as one printable line. */
export function oneLine(text: string): string {
  return escapeControls(text.trim().replaceAll(/\s*[\r\n]+\s*/gu, ' '));
}

/** Without control characters, which could move the cursor or recolour the terminal of whoever reads it. */
export function escapeControls(text: string): string {
  return text.replaceAll(
    /\p{Cc}/gu,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
