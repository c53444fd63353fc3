/** More than this of one file is not attached: about 280,000 tokens, which hardly a window holds. */
export const largestTextBytes = 1_000_000;
/** What the strictest API takes of one image. */
export const largestImageBytes = 5_000_000;

const imageTypes: readonly (readonly [mediaType: string, signature: RegExp])[] = [
  ['image/png', /^\x89PNG\r\n\x1a\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
];

/** Of an image that models take; by its first bytes, since names and media types of dropped things may say anything. */
export function imageMediaType(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  return imageTypes.find(([, signature]) => signature.test(head))?.[0];
}

const pdfHead = Buffer.from('%PDF-');

/**
 * As Git tells it: a NUL in the first 8,000 bytes; UTF-16 and UTF-32, which are full of them, begin with a byte order mark. A PDF may have none so early, and
 * is dropped often.
 */
export function isBinary(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return false;
  return bytes.subarray(0, 8000).includes(0) || Buffer.from(bytes.subarray(0, 5)).equals(pdfHead);
}

const secretNames = [
  /^\.env(\..+)?$/,
  /^\.(npmrc|pypirc|netrc|pgpass|git-credentials|htpasswd)$/,
  /^id_(rsa|dsa|ecdsa|ed25519)$/,
  /\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)$/,
  /^(credentials|secrets?)(\.(json|ya?ml|toml|ini|txt))?$/,
];
/** They look like it, and hold none. */
const secretTemplates = /^\.env\.(example|sample|template|dist)$/;

/** Keys and passwords are usually in files of this name: such a file is attached only when the user picks it by itself. */
export function mayHoldSecrets(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  return !secretTemplates.test(name) && secretNames.some((pattern) => pattern.test(name));
}
