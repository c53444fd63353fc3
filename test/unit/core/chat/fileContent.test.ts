import assert from 'node:assert/strict';
import { imageMediaType, isBinary, mayHoldSecrets } from '../../../../src/core/chat/fileContent.ts';
import { lineLabel } from '../../../../src/core/chat/lineLabel.ts';

const bytes = (...parts: readonly (string | number)[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from([part]))));

describe('The content of a file', () => {
  it('is an image by its first bytes, whatever it is called', () => {
    assert.equal(imageMediaType(bytes('\x89PNG\r\n\x1a\n', 0, 0, 0)), 'image/png');
    assert.equal(imageMediaType(bytes(0xff, 0xd8, 0xff, 0xe0)), 'image/jpeg');
    assert.equal(imageMediaType(bytes('GIF89a')), 'image/gif');
    assert.equal(imageMediaType(bytes('RIFF', 1, 10, 13, 0, 'WEBPVP8 ')), 'image/webp');
    for (const other of ['<svg/>', 'RIFF0000WAVE', '', 'BM6']) assert.equal(imageMediaType(bytes(other)), undefined);
  });

  it('is binary when there is a NUL near its beginning', () => {
    assert.equal(isBinary(bytes('ELF', 0)), true);
    assert.equal(isBinary(bytes('%PDF-1.7\n')), true);
    assert.equal(isBinary(bytes('text')), false);
    assert.equal(isBinary(Buffer.from('Grüße 你好 🙂')), false);
    assert.equal(isBinary(bytes()), false);
    assert.equal(isBinary(Buffer.from('\ufeffUTF-16', 'utf16le')), false);
  });

  it('may hold secrets by its name', () => {
    const secret = ['.env', 'app/.env.local', '.ENV', 'id_ed25519', 'tls/Server.key', '.npmrc', 'secrets.yaml'];
    for (const path of secret) assert.equal(mayHoldSecrets(path), true, path);
    const plain = ['.env.example', 'env.ts', 'id_rsa.pub', 'keyboard.ts', 'monkey', 'secretsView.ts', 'src/keys/a.ts'];
    for (const path of plain) assert.equal(mayHoldSecrets(path), false, path);
  });
});

describe('The label of lines', () => {
  const label = (from: number, to: number, character: number) =>
    lineLabel({ start: { line: from, character: 0 }, end: { line: to, character } });

  it('counts from 1, and leaves out the line of which nothing is in it', () => {
    assert.equal(label(2, 8, 4), 'lines 3 to 9');
    assert.equal(label(2, 2, 4), 'line 3');
    assert.equal(label(2, 3, 0), 'line 3');
    assert.equal(label(2, 4, 0), 'lines 3 to 4');
    assert.equal(label(0, 0, 0), 'line 1');
  });
});
