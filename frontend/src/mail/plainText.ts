/** Lines in a row that are quoted equally deep. */
export interface TextBlock {
  depth: number;
  text: string;
}

export interface TextPart {
  text: string;
  /** Where the part leads, when it is a link. */
  href: string | null;
}

const QUOTE_MARKS = /^(?:>\s?)+/;
const LINK = /\bhttps?:\/\/[^\s<>"]+|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+/gi;
const TRAILING_PUNCTUATION = /[.,;:!?)\]}'*]+$/;

export function linesOf(text: string): TextBlock[] {
  const blocks: TextBlock[] = [];
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    const depth = QUOTE_MARKS.exec(line)?.[0].replace(/\s/g, '').length ?? 0;
    const last = blocks.at(-1);
    if (last?.depth === depth) last.text += `\n${line}`;
    else blocks.push({ depth, text: line });
  }
  return blocks;
}

/** The text cut at its links, which do not swallow the punctuation after them. */
export function partsOf(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const link = match[0].replace(TRAILING_PUNCTUATION, '');
    if (match.index > end) parts.push({ text: text.slice(end, match.index), href: null });
    parts.push({ text: link, href: /^https?:/i.test(link) ? link : `mailto:${link}` });
    end = match.index + link.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null });
  return parts;
}
