import { expect, it } from 'vitest';
import { folderWith } from '../testing/samples';
import { folderTree, type FolderNode } from './folders';

const namesOf = (nodes: readonly FolderNode[]): unknown[] =>
  nodes.map(({ folder, children }) =>
    children.length > 0 ? [folder.display_name, namesOf(children)] : folder.display_name,
  );

it('puts the folders that everybody has first, and the rest below by name', () => {
  const tree = folderTree([
    folderWith({ id: '1', display_name: 'Travel' }),
    folderWith({ id: '2', display_name: 'Gesendet', well_known_name: 'sentitems' }),
    folderWith({ id: '3', display_name: 'Archive', well_known_name: 'archive' }),
    folderWith({ id: '4', display_name: 'Posteingang', well_known_name: 'inbox' }),
    folderWith({ id: '5', display_name: 'Bills', parent_id: '4' }),
    folderWith({ id: '6', display_name: 'Animals' }),
    folderWith({ id: '7', display_name: '2025', parent_id: '5' }),
  ]);
  expect(namesOf(tree)).toEqual([
    ['Posteingang', [['Bills', ['2025']]]],
    'Gesendet',
    'Archive',
    'Animals',
    'Travel',
  ]);
});

it('shows a folder whose parent is not there at the top', () => {
  expect(namesOf(folderTree([folderWith({ id: '1', display_name: 'Lost', parent_id: 'gone' })]))).toEqual([
    'Lost',
  ]);
});
