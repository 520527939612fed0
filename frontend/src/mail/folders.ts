import type { Folder } from '../api/types';

export interface FolderNode {
  folder: Folder;
  children: FolderNode[];
}

/** Folders that every mailbox has come first, in the order that people know. */
const KNOWN_ORDER = ['inbox', 'drafts', 'sentitems', 'archive', 'junkemail', 'deleteditems'];

export function folderTree(folders: readonly Folder[]): FolderNode[] {
  const nodes = new Map(folders.map((folder) => [folder.id, { folder, children: [] as FolderNode[] }]));
  const roots: FolderNode[] = [];
  for (const node of nodes.values()) {
    const parent = nodes.get(node.folder.parent_id ?? '');
    (parent?.children ?? roots).push(node);
  }
  for (const siblings of [roots, ...[...nodes.values()].map((node) => node.children)]) {
    siblings.sort((a, b) => compareFolders(a.folder, b.folder));
  }
  return roots;
}

export function inboxOf(folders: readonly Folder[]): Folder | undefined {
  return folders.find((folder) => folder.well_known_name === 'inbox');
}

function compareFolders(a: Folder, b: Folder): number {
  return rank(a) - rank(b) || a.display_name.localeCompare(b.display_name);
}

function rank({ well_known_name: name }: Folder): number {
  const position = name === null ? -1 : KNOWN_ORDER.indexOf(name);
  return position < 0 ? KNOWN_ORDER.length : position;
}
