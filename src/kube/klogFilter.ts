/** The head of a line that kubectl's log library writes, such as `E1128 04:01:40.123456   12345 proxy_server.go:147] `. */
const HEAD = /^[IWEF]\d{4} [\d:.]+ +\d+ \S+\] /u;
/** What may yet become such a head. */
const BEGINNING = /^[IWEF](?:\d{0,4}|\d{4} [\d:.]*|\d{4} [\d:.]+ +\d*|\d{4} [\d:.]+ +\d+ \S*)$/u;

/**
 * Tells what kubectl logs from what a credential plugin says through it, which a person has to read at once: also a
 * question without an end of line. What kubectl logs of a failed request comes as the answer to that request too.
 */
export class KlogFilter {
  #line = '';

  /** Takes a piece of the output and returns what of it, and of earlier pieces, is not kubectl's log. */
  pass(piece: string): string {
    let passed = '';
    for (const part of piece.split(/(?<=\n)/u)) passed += this.#take(part);
    return passed;
  }

  #take(part: string): string {
    const line = this.#line + part;
    const held = this.#line === '' || isHeld(this.#line) ? this.#line : '';
    this.#line = part.endsWith('\n') ? '' : line;
    if (HEAD.test(line)) return '';
    // Of a line that has been passed on in part, the rest.
    const isPassedInPart = held === '' && line !== part;
    return isPassedInPart ? part : isHeld(line) && !part.endsWith('\n') ? '' : line;
  }
}

function isHeld(line: string): boolean {
  return HEAD.test(line) || BEGINNING.test(line);
}
