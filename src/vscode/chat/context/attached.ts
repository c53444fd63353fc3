import * as vscode from 'vscode';
import type { Attachment } from '../../../core/chat/conversation.ts';
import { selectedPiece } from '../../selectedPiece.ts';

/** Why something was not attached: a sentence for the user. */
export interface Refusal {
  readonly refused: string;
}

export type Attached = Attachment | Refusal;

export type TextAttachment = Attachment & { readonly kind: 'text' };

/** Something that can be attached, as the list behind `@` shows it. */
export interface Offer {
  /** The same for the same thing, whenever it is offered. */
  readonly id: string;
  /** `@file src/app.ts` */
  readonly label: string;
  readonly detail: string;
  /** Undefined: the user left the choice that it is. */
  attach(signal: AbortSignal): Promise<Attached | undefined>;
}

export function refuse(refused: string): Refusal {
  return { refused };
}

export function textAttachment(parts: Omit<TextAttachment, 'kind' | 'id'>): TextAttachment {
  return { kind: 'text', id: crypto.randomUUID(), ...parts };
}

/** A part of a document. */
export function partAttachment(
  source: 'selection' | 'symbol',
  document: vscode.TextDocument,
  range: vscode.Range,
): TextAttachment {
  const at = { uri: document.uri.toString(), firstLine: range.start.line + 1 };
  return textAttachment({ source, ...selectedPiece(document, range), ...at });
}

export function imageAttachment(label: string, mediaType: string, bytes: Uint8Array): Attachment {
  return { kind: 'image', id: crypto.randomUUID(), label, mediaType, base64: Buffer.from(bytes).toString('base64') };
}

/** As the explorer names it: from its workspace folder on. */
export function nameOf(uri: vscode.Uri): string {
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  return folder?.uri.toString() === uri.toString() ? folder.name : vscode.workspace.asRelativePath(uri);
}
