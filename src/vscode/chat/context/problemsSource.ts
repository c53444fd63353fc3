import * as vscode from 'vscode';
import { countBySeverity, problemsText, type ProblemLine } from '../../../core/chat/problemsText.ts';
import { nameOf, refuse, textAttachment, type Attached, type Offer } from './attached.ts';

/** Those of the file that is open, and those of the workspace. Hints are not problems: the editor's own list does not show them either. */
export function problemOffers(
  file: vscode.Uri | undefined,
  roomTokens: () => number,
  isNamed: boolean,
): readonly Offer[] {
  const offer = (id: string, label: string, where: string, of: () => readonly ProblemLine[]): readonly Offer[] => {
    const count = countBySeverity(of());
    if (count === 'none' && !isNamed) return [];
    const attach = () => Promise.resolve(attachProblems(of(), where, roomTokens()));
    return [{ id, label, detail: count, attach }];
  };
  const ofWorkspace = () => vscode.languages.getDiagnostics().flatMap(([uri, found]) => lines(uri, found));
  const workspace = offer('problems', '@problems', 'the workspace', ofWorkspace);
  if (!file) return workspace;
  const name = nameOf(file);
  const ofFile = () => lines(file, vscode.languages.getDiagnostics(file));
  return [...offer(`problems ${file.toString()}`, `@problems ${name}`, name, ofFile), ...workspace];
}

function attachProblems(problems: readonly ProblemLine[], where: string, roomTokens: number): Attached {
  if (problems.length === 0) return refuse(`There are no problems in ${where}.`);
  const { text, summary } = problemsText(problems, roomTokens);
  return textAttachment({ source: 'problems', label: `Problems of ${where} (${summary})`, languageId: '', text });
}

const severities: readonly (ProblemLine['severity'] | undefined)[] = ['error', 'warning', 'note'];

function lines(uri: vscode.Uri, diagnostics: readonly vscode.Diagnostic[]): readonly ProblemLine[] {
  const path = nameOf(uri);
  return diagnostics.flatMap(({ severity: value, range, message, source, code }) => {
    const severity = severities[value];
    if (!severity) return [];
    const number = typeof code === 'object' ? code.value : code;
    return [
      { path, line: range.start.line + 1, severity, message, source: [source, number].filter(Boolean).join(' ') },
    ];
  });
}
