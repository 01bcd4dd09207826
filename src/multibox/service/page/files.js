// Images from the disk: chosen, dropped (folders too) or pasted.

const LOOKS_LIKE_IMAGE = /\.(jpe?g|png|webp|gif|bmp|tiff?|avif|jp2|jfif)$/i;

export const isImage = (file) => file.type.startsWith("image/") || LOOKS_LIKE_IMAGE.test(file.name);

// The images of a drop, those in dropped folders included.
export async function droppedImages(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].filter(isImage);
  const files = await Promise.all(entries.map(filesOf));
  return files.flat().filter(isImage);
}

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesOf))).flat();
}

export const pastedImages = (data) => [...(data?.files ?? [])].filter(isImage);
