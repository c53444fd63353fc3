import highlighter from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import csharp from 'highlight.js/lib/languages/csharp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import dockerfile from 'highlight.js/lib/languages/dockerfile';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import kotlin from 'highlight.js/lib/languages/kotlin';
import markdown from 'highlight.js/lib/languages/markdown';
import php from 'highlight.js/lib/languages/php';
import powershell from 'highlight.js/lib/languages/powershell';
import python from 'highlight.js/lib/languages/python';
import ruby from 'highlight.js/lib/languages/ruby';
import rust from 'highlight.js/lib/languages/rust';
import shell from 'highlight.js/lib/languages/shell';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import { visibleCode } from './plainText.ts';

const languages = {
  bash,
  c,
  cpp,
  csharp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  kotlin,
  markdown,
  php,
  powershell,
  python,
  ruby,
  rust,
  shell,
  sql,
  typescript,
  xml,
  yaml,
};
for (const [name, language] of Object.entries(languages)) highlighter.registerLanguage(name, language);

/** What highlight.js makes before it makes HTML of it. Its types do not say so. */
interface Tree {
  readonly children: readonly (string | Branch)[];
}
interface Branch extends Tree {
  /** `title.function`, or the name of a language within the language. */
  readonly scope?: string;
  readonly language?: string;
}

/** Undefined when the language is not known. */
export function highlighted(code: string, language: string): DocumentFragment | undefined {
  if (!highlighter.getLanguage(language)) return undefined;
  const { _emitter } = highlighter.highlight(code, { language, ignoreIllegals: true });
  const content = document.createDocumentFragment();
  appendTree(content, (_emitter as unknown as { readonly rootNode: Tree }).rootNode);
  return content;
}

function appendTree(parent: ParentNode, tree: Tree): void {
  for (const child of tree.children) {
    if (typeof child === 'string') {
      parent.append(visibleCode(child));
      continue;
    }
    const element = document.createElement('span');
    const kind = child.scope?.split('.')[0];
    if (kind !== undefined) element.className = `hljs-${kind}`;
    appendTree(element, child);
    parent.append(element);
  }
}
