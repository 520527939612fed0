import { expect, it } from 'vitest';
import { linesOf, partsOf } from './plainText';

it('keeps quoted lines apart by their depth', () => {
  expect(linesOf('Yes.\n> Really?\n> > Maybe.\n> > Not.\n\nBye')).toEqual([
    { depth: 0, text: 'Yes.' },
    { depth: 1, text: '> Really?' },
    { depth: 2, text: '> > Maybe.\n> > Not.' },
    { depth: 0, text: '\nBye' },
  ]);
});

it('finds links and addresses, without the punctuation after them', () => {
  expect(partsOf('See https://a.example/b?c=1, or (http://d.example). Ask ada@example.com!')).toEqual([
    { text: 'See ', href: null },
    { text: 'https://a.example/b?c=1', href: 'https://a.example/b?c=1' },
    { text: ', or (', href: null },
    { text: 'http://d.example', href: 'http://d.example' },
    { text: '). Ask ', href: null },
    { text: 'ada@example.com', href: 'mailto:ada@example.com' },
    { text: '!', href: null },
  ]);
});

it('makes no link of a script', () => {
  expect(partsOf('javascript:alert(1) and data:text/html,x')).toEqual([
    { text: 'javascript:alert(1) and data:text/html,x', href: null },
  ]);
});
