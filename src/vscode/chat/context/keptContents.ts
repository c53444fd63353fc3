import * as vscode from 'vscode';
import type { Attachment } from '../../../core/chat/conversation.ts';

const scheme = 'a2ia-attachment';

/** Attachments as files that can be read only: what was sent is there although its source has changed or is gone. */
export class KeptContents implements vscode.FileSystemProvider {
  readonly #contents = new Map<string, Uint8Array>();
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;
  readonly #registration = vscode.workspace.registerFileSystemProvider(scheme, this, { isReadonly: true });

  dispose(): void {
    vscode.Disposable.from(this.#registration, this.#changed).dispose();
  }

  async show(attachment: Attachment): Promise<void> {
    const isText = attachment.kind === 'text';
    const bytes = isText ? Buffer.from(attachment.text) : Buffer.from(attachment.base64, 'base64');
    const uri = vscode.Uri.from({ scheme, path: `/${attachment.id}/${fileName(attachment)}` });
    this.#contents.set(uri.path, bytes);
    if (!isText) return void (await vscode.commands.executeCommand('vscode.open', uri));
    const document = await vscode.workspace.openTextDocument(uri);
    const { languageId } = attachment;
    const isKnown = languageId !== '' && (await vscode.languages.getLanguages()).includes(languageId);
    if (isKnown) await vscode.languages.setTextDocumentLanguage(document, languageId);
    await vscode.window.showTextDocument(document);
  }

  stat({ path }: vscode.Uri): vscode.FileStat {
    const size = this.#contents.get(path)?.length;
    if (size === undefined) throw vscode.FileSystemError.FileNotFound('This attachment can be opened from the chat.');
    return { type: vscode.FileType.File, ctime: 0, mtime: 0, size };
  }

  readFile(uri: vscode.Uri): Uint8Array {
    const bytes = this.#contents.get(uri.path);
    if (!bytes) throw vscode.FileSystemError.FileNotFound(uri);
    return bytes;
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  readDirectory(): [string, vscode.FileType][] {
    return [];
  }

  createDirectory(): void {
    throw vscode.FileSystemError.NoPermissions();
  }

  writeFile(): void {
    throw vscode.FileSystemError.NoPermissions();
  }

  delete(): void {
    throw vscode.FileSystemError.NoPermissions();
  }

  rename(): void {
    throw vscode.FileSystemError.NoPermissions();
  }
}

/** The last part of the label; of an image with the ending by which VS Code finds its viewer. */
function fileName(attachment: Attachment): string {
  const name = attachment.label.slice(attachment.label.lastIndexOf('/') + 1) || 'attachment';
  if (attachment.kind === 'text' || /\.(png|jpe?g|gif|webp)$/i.test(name)) return name;
  return `${name}.${attachment.mediaType.slice(attachment.mediaType.indexOf('/') + 1)}`;
}
