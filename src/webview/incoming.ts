import type { Post } from './branchStepper.ts';

/** Of one file: what a message to the host can carry without being felt. */
const maxFileBytes = 10 * 1024 * 1024;
/** A longer text is a document, not a question. */
const maxPastedCharacters = 4000;

/** What the panel says about what it was given. */
export interface Incoming {
  readonly takesImages: () => boolean | undefined;
  readonly refuse: (why: string) => void;
  readonly post: Post;
}

/** Takes what is pasted into the input, or dropped anywhere in the panel. */
export function acceptIncoming(input: HTMLTextAreaElement, panel: HTMLElement, incoming: Incoming): void {
  input.addEventListener('paste', (event) => {
    if (event.clipboardData && takeData(event.clipboardData, incoming)) event.preventDefault();
  });
  panel.addEventListener('dragover', (event) => {
    if (!event.dataTransfer || isPlainText(event.dataTransfer)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    panel.classList.add('dropping');
  });
  panel.addEventListener('dragleave', ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && panel.contains(relatedTarget))) panel.classList.remove('dropping');
  });
  panel.addEventListener('drop', (event) => {
    panel.classList.remove('dropping');
    if (event.dataTransfer && takeData(event.dataTransfer, incoming)) {
      event.preventDefault();
      input.focus();
    }
  });
}

/** Text alone goes where it is dropped, as in every other field. */
function isPlainText({ types }: DataTransfer): boolean {
  return types.every((type) => type === 'text/plain' || type === 'text/html');
}

/** False: it is text for the input itself. */
function takeData(data: DataTransfer, incoming: Incoming): boolean {
  const uris = urisOf(data);
  if (uris.length > 0) {
    incoming.post({ type: 'attachUris', uris });
    return true;
  }
  const files = [...data.files];
  const text = data.getData('text/plain');
  // An office program copies a picture of the text beside the text: the text is meant.
  if (files.length > 0 && text === '') {
    for (const file of files) void attachFile(file, incoming);
    return true;
  }
  if (text.length <= maxPastedCharacters) return false;
  const base64 = toBase64(new TextEncoder().encode(text));
  incoming.post({ type: 'attachData', name: 'Pasted text', mediaType: 'text/plain', base64 });
  return true;
}

/** From the explorer or an editor tab (`resourceurls`: JSON), or from a program that speaks the standard. */
function urisOf(data: DataTransfer): string[] {
  const lines = [data.getData('application/vnd.code.uri-list'), data.getData('text/uri-list')].find(
    (list) => list !== '',
  );
  const listed = (lines ?? '').split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
  const uris = listed.length > 0 ? listed : resourceUrls(data.getData('resourceurls'));
  return uris.filter(canBeFile);
}

/** What a link of a page has: dragged from there it is text, and nothing is fetched. */
const pageScheme = /^(?:https?|wss?|ftp|data|blob|javascript|vbscript|about|mailto|tel|view-source):/i;

/** Any extension of VS Code can bring a file system: which schemes there are, the host knows. One letter is the drive of a path. */
function canBeFile(uri: string): boolean {
  return /^[a-z][a-z\d+.-]+:/i.test(uri) && !pageScheme.test(uri);
}

function resourceUrls(json: string): string[] {
  try {
    const value: unknown = JSON.parse(json || '[]');
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

async function attachFile(file: File, { takesImages, refuse, post }: Incoming): Promise<void> {
  if (file.type.startsWith('image/') && takesImages() === false) {
    refuse(`This model does not take images, so ${file.name} was left out.`);
  } else if (file.size > maxFileBytes) {
    refuse(`${file.name} was left out: it is larger than ${maxFileBytes / 1024 / 1024} MB.`);
  } else {
    try {
      const base64 = toBase64(new Uint8Array(await file.arrayBuffer()));
      post({ type: 'attachData', name: file.name, mediaType: file.type || 'application/octet-stream', base64 });
    } catch {
      // A folder, or a file that is gone.
      refuse(`${file.name} could not be read, so it was left out.`);
    }
  }
}

function toBase64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  // More arguments than this overflow the stack.
  for (let at = 0; at < bytes.length; at += 32_768) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + 32_768)));
  }
  return btoa(pieces.join(''));
}
