/** The bytes as an URL of their own, for a frame that may load nothing else. */
export function dataUrl(content: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new Error('The bytes cannot be read.'));
    reader.readAsDataURL(content);
  });
}
