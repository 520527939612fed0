const LONG_ENOUGH_TO_START_MILLISECONDS = 60_000;

/** Let the browser save bytes that needed our token to be fetched. */
export function saveFile(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name || 'attachment';
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), LONG_ENOUGH_TO_START_MILLISECONDS);
}
