import * as vscode from 'vscode';
import { fuzzyMatch } from '../../../core/chat/fuzzyMatch.ts';
import { nameOf, partAttachment, refuse, type Attached, type Offer } from './attached.ts';
import { unreadable } from './readFile.ts';

interface FoundSymbol {
  readonly name: string;
  readonly uri: vscode.Uri;
  readonly range: vscode.Range;
}

/** Those of the document, then those of the workspace, as far as language extensions know them. */
export async function symbolOffers(
  text: string,
  document: vscode.TextDocument | undefined,
  most: number,
): Promise<readonly Offer[]> {
  const [here, everywhere] = await Promise.all([
    document ? documentSymbols(document.uri) : [],
    text === '' ? [] : workspaceSymbols(text),
  ]);
  const elsewhere = everywhere.filter(({ uri }) => uri.toString() !== document?.uri.toString());
  const score = ({ name }: FoundSymbol) => fuzzyMatch(text, name);
  const matching = here
    .filter((symbol) => score(symbol) !== undefined)
    .sort((a, b) => (score(b) ?? 0) - (score(a) ?? 0));
  return [...matching, ...elsewhere].slice(0, most).map((symbol) => ({
    id: `symbol ${symbol.uri.toString()}#${symbol.range.start.line + 1} ${symbol.name}`,
    label: `@symbol ${symbol.name}`,
    detail: `${nameOf(symbol.uri)}, line ${symbol.range.start.line + 1}`,
    attach: () => attachSymbol(symbol),
  }));
}

async function attachSymbol(symbol: FoundSymbol): Promise<Attached> {
  const { name, uri } = symbol;
  try {
    const document = await vscode.workspace.openTextDocument(uri);
    const range = wholeLines(document, (await wholeRange(symbol)) ?? symbol.range);
    const part = partAttachment('symbol', document, range);
    if (part.text.trim() === '') return refuse(`${name} is not in ${nameOf(uri)} any more.`);
    return { ...part, label: `${name} in ${part.label}` };
  } catch (error) {
    return unreadable(nameOf(uri), error);
  }
}

/** Many providers of workspace symbols tell only where the name is. */
async function wholeRange({ name, uri, range }: FoundSymbol): Promise<vscode.Range | undefined> {
  const around = (await documentSymbols(uri)).filter((one) => one.range.contains(range.start));
  // The innermost: those inside come after those around them.
  return (around.findLast((one) => one.name === name) ?? around.findLast((one) => name.includes(one.name)))?.range;
}

/** With the indentation of the first. */
function wholeLines(document: vscode.TextDocument, { start, end }: vscode.Range): vscode.Range {
  return document.validateRange(new vscode.Range(start.with({ character: 0 }), end));
}

async function documentSymbols(uri: vscode.Uri): Promise<readonly FoundSymbol[]> {
  type Symbols = readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[];
  const found = await vscode.commands.executeCommand<Symbols | undefined>('vscode.executeDocumentSymbolProvider', uri);
  const flatten = (symbols: Symbols): readonly FoundSymbol[] =>
    symbols.flatMap((symbol) => {
      if (!('children' in symbol)) return [{ name: symbol.name, uri, range: symbol.location.range }];
      return [{ name: symbol.name, uri, range: symbol.range }, ...flatten(symbol.children)];
    });
  return flatten(found ?? []);
}

async function workspaceSymbols(text: string): Promise<readonly FoundSymbol[]> {
  const found = await vscode.commands.executeCommand<readonly vscode.SymbolInformation[] | undefined>(
    'vscode.executeWorkspaceSymbolProvider',
    text,
  );
  return (found ?? []).map(({ name, location: { uri, range } }) => ({ name, uri, range }));
}
