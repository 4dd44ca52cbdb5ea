/** The least object file that libbpf loads a program from. */

const [fileHeader, sectionHeader, symbol] = [64, 64, 24]; // bytes
const [relocatable, bpfMachine] = [1, 247];
const [programBits, symbolTable, stringTable] = [1, 2, 3];
const allocatedCode = 6;
const globalFunction = 0x12;

interface Section {
  readonly name: string;
  readonly type: number;
  readonly content: Uint8Array;
  readonly flags?: number;
  readonly link?: number;
  readonly info?: number;
  readonly entryBytes?: number;
}

/**
 * @param section that the program is in, as tc names it
 * @param code of the program
 */
export function elfObject(section: string, code: Uint8Array): Uint8Array {
  const names = ['', section, 'license', '.symtab', '.strtab', 'filter'];
  const strings = Buffer.from(`${names.join('\0')}\0`);
  const sections: Section[] = [
    { name: '', type: 0, content: Buffer.alloc(0) },
    { name: section, type: programBits, content: code, flags: allocatedCode },
    { name: 'license', type: programBits, content: Buffer.from('GPL\0') },
    {
      name: '.symtab',
      type: symbolTable,
      content: symbols(nameAt(names, 'filter'), code.length),
      link: 4,
      info: 1,
      entryBytes: symbol,
    },
    { name: '.strtab', type: stringTable, content: strings },
  ];
  let end = fileHeader;
  const placed = sections.map((each) => {
    const at = Math.ceil(end / 8) * 8;
    end = at + each.content.length;
    return { ...each, at };
  });
  const headersAt = Math.ceil(end / 8) * 8;
  const file = Buffer.alloc(headersAt + sectionHeader * sections.length);
  writeFileHeader(file, headersAt, sections.length);
  for (const [index, each] of placed.entries()) {
    file.set(each.content, each.at);
    writeSectionHeader(file, headersAt + sectionHeader * index, {
      ...each,
      nameAt: nameAt(names, each.name),
    });
  }
  return file;
}

function nameAt(names: readonly string[], name: string): number {
  const before = names.slice(0, names.indexOf(name));
  return before.reduce((total, each) => total + each.length + 1, 0);
}

/** None, and the program as a function of section 1. */
function symbols(name: number, codeBytes: number): Buffer {
  const table = Buffer.alloc(2 * symbol);
  table.writeUInt32LE(name, symbol);
  table.writeUInt8(globalFunction, symbol + 4);
  table.writeUInt16LE(1, symbol + 6);
  table.writeBigUInt64LE(BigInt(codeBytes), symbol + 16);
  return table;
}

function writeFileHeader(file: Buffer, headersAt: number, count: number): void {
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF of 64 bits, little endian, version 1
  file.writeUInt16LE(relocatable, 16);
  file.writeUInt16LE(bpfMachine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(headersAt), 40);
  file.writeUInt16LE(fileHeader, 52);
  file.writeUInt16LE(sectionHeader, 58);
  file.writeUInt16LE(count, 60);
  file.writeUInt16LE(count - 1, 62); // the section that has the names
}

function writeSectionHeader(
  file: Buffer,
  at: number,
  section: Section & { at: number; nameAt: number },
): void {
  const { type, flags = 0, content, link = 0, info = 0, entryBytes = 0 } = section;
  file.writeUInt32LE(section.nameAt, at);
  file.writeUInt32LE(type, at + 4);
  file.writeBigUInt64LE(BigInt(flags), at + 8);
  file.writeBigUInt64LE(BigInt(section.at), at + 24);
  file.writeBigUInt64LE(BigInt(content.length), at + 32);
  file.writeUInt32LE(link, at + 40);
  file.writeUInt32LE(info, at + 44);
  file.writeBigUInt64LE(8n, at + 48);
  file.writeBigUInt64LE(BigInt(entryBytes), at + 56);
}
