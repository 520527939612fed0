import { partsOf } from './plainText';

const CONTENT_ID_LINK = /^cid:/i;
const OWN_COLOURS = /\bbgcolor\s*=|\bbackground(?:-color)?\s*[:=]|\bcolor\s*[:=]|<font\b/i;

export interface DocumentOptions {
  /** Data URLs of inline images, by content id. */
  inlineImages: ReadonlyMap<string, string>;
  remoteImages: boolean;
  dark: boolean;
  /** A data URL of the page's own typeface, for mail that asks for none. */
  font: string | null;
}

/** Mail that sets colours was made for white paper; the rest can follow the reader's theme. */
export function setsColours(html: string): boolean {
  return OWN_COLOURS.test(html);
}

/** The content ids of the images that a message's text shows. */
export function referencedContentIds(html: string): Set<string> {
  return new Set(inlineImagesOf(parse(html)).map(([, contentId]) => contentId));
}

/**
 * The document for the frame that shows a message. The frame runs no script and has no origin; the policy inside
 * it is the second lock, and lets nothing be loaded but what the reader allowed.
 */
export function htmlDocument(
  html: string,
  { inlineImages, remoteImages, dark, font }: DocumentOptions,
): string {
  const message = parse(html);
  for (const [image, contentId] of inlineImagesOf(message)) {
    image.setAttribute('src', inlineImages.get(contentId) ?? 'data:,');
  }
  linkWrittenAddresses(message);
  const images = remoteImages ? 'data: https: http:' : 'data:';
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src ${images}; font-src data:; form-action 'none'`;
  const followsTheme = dark && !setsColours(html);
  return `<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<base target="_blank">
<style>${styleOf(followsTheme, font)}</style>
</head>
<body>${message.body.innerHTML}</body>
</html>`;
}

function styleOf(dark: boolean, font: string | null): string {
  const [paper, ink, link] = dark ? ['#15181e', '#e6e9ef', '#91a7ff'] : ['#ffffff', '#1a1e26', '#3b5bdb'];
  const face =
    font === null ? '' : `@font-face { font-family: Inter; font-weight: 100 900; src: url(${font}); }`;
  return `
    ${face}
    :root { color-scheme: ${dark ? 'dark' : 'light'}; scrollbar-width: thin; }
    body {
      margin: 0; padding: 24px 28px 48px; background: ${paper}; color: ${ink};
      font: 14.5px/1.6 Inter, system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; overflow-wrap: break-word;
    }
    a { color: ${link}; }
    img { max-width: 100%; height: auto; }
    pre { white-space: pre-wrap; }
    table { max-width: 100%; }
    blockquote { margin: 0 0 0 2px; padding-left: 14px; border-left: 2px solid #8884; }
    @media (max-width: 600px) { body { padding: 16px 14px 32px; } }`;
}

function inlineImagesOf(message: Document): [HTMLImageElement, string][] {
  return [...message.querySelectorAll('img')]
    .filter((image) => CONTENT_ID_LINK.test(image.getAttribute('src') ?? ''))
    .map((image) => [image, contentIdOf(image.getAttribute('src') ?? '')]);
}

function contentIdOf(link: string): string {
  const written = link.replace(CONTENT_ID_LINK, '');
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}

/** Addresses that are only written, as in text that became HTML on its way, become links. */
function linkWrittenAddresses(message: Document): void {
  const walker = message.createTreeWalker(message.body, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    const parts = partsOf(text.data);
    if (text.parentElement?.closest('a') || parts.every(({ href }) => href === null)) continue;
    text.replaceWith(
      ...parts.map(({ text: words, href }) => (href === null ? words : linkTo(href, words, message))),
    );
  }
}

function linkTo(href: string, words: string, message: Document): HTMLAnchorElement {
  const link = message.createElement('a');
  link.href = href;
  link.rel = 'noopener noreferrer nofollow';
  link.textContent = words;
  return link;
}

/** A parsed document is inert: it runs and loads nothing. */
function parse(html: string): Document {
  return new DOMParser().parseFromString(html, 'text/html');
}
