import { expect, it } from 'vitest';
import { htmlDocument, referencedContentIds, setsColours } from './htmlDocument';

const PLAIN = { inlineImages: new Map<string, string>(), remoteImages: false, dark: false, font: null };

const policyOf = (html: string) =>
  new DOMParser()
    .parseFromString(html, 'text/html')
    .querySelector('meta[http-equiv="Content-Security-Policy"]')
    ?.getAttribute('content') ?? '';

it('lets nothing be loaded, and no script run', () => {
  const policy = policyOf(htmlDocument('<p>Hello</p>', PLAIN));
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain('img-src data:;');
  expect(policy).not.toContain('script');
});

it('lets images be loaded from elsewhere once the reader said so', () => {
  expect(policyOf(htmlDocument('<p>Hello</p>', { ...PLAIN, remoteImages: true }))).toContain(
    'img-src data: https: http:;',
  );
});

it('puts inline images where the text has them', () => {
  const html = '<img src="cid:a%40b"><img src="cid:missing"><img src="https://x.example/y.png">';
  const document = htmlDocument(html, {
    ...PLAIN,
    inlineImages: new Map([['a@b', 'data:image/png;base64,AA==']]),
  });
  expect(document).toContain('<img src="data:image/png;base64,AA==">');
  expect(document).not.toContain('cid:');
  expect([...referencedContentIds(html)]).toEqual(['a@b', 'missing']);
});

it('makes links of addresses that are only written', () => {
  const document = htmlDocument(
    '<p>See https://a.example/b.</p><a href="https://c.example">https://d.example</a>',
    PLAIN,
  );
  expect(document).toContain(
    'See <a href="https://a.example/b" rel="noopener noreferrer nofollow">https://a.example/b</a>.',
  );
  expect(document).toContain('<a href="https://c.example">https://d.example</a>');
});

it('stays inside its own document, whatever the mail closes', () => {
  const document = htmlDocument('</body></html><script>alert(1)</script><meta http-equiv="refresh">', PLAIN);
  expect(document.match(/<body>/g)).toHaveLength(1);
  expect(policyOf(document)).toContain("default-src 'none'");
});

it('follows the dark theme only for mail that sets no colours', () => {
  expect(htmlDocument('<p>Hello</p>', { ...PLAIN, dark: true })).toContain('color-scheme: dark');
  expect(htmlDocument('<p style="color: #333">Hello</p>', { ...PLAIN, dark: true })).toContain(
    'color-scheme: light',
  );
  expect(setsColours('<table bgcolor=white>')).toBe(true);
  expect(setsColours('<p>a colourful word</p>')).toBe(false);
});
