// `node scripts/themes.ts`: writes what VS Code's own themes set into test/fixtures/themes, as its workbench computes them, for pages that tests show outside
// of it. To be run again when VS Code's server is a newer one.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Workbench } from '../test/browser/workbench.ts';

const folder = path.join(import.meta.dirname, '../test/fixtures/themes');

/** By the file: the theme’s name in the settings, what marks the workbench that has it, and the class that VS Code gives the body of a webview then. */
const themes = {
  dark: { theme: 'Dark 2026', workbenchClass: 'vs-dark', bodyClass: 'vscode-dark' },
  light: { theme: 'Light 2026', workbenchClass: 'vs', bodyClass: 'vscode-light' },
  darkHighContrast: {
    theme: 'Default High Contrast',
    workbenchClass: 'hc-black',
    bodyClass: 'vscode-high-contrast',
  },
  lightHighContrast: {
    theme: 'Default High Contrast Light',
    workbenchClass: 'hc-light',
    bodyClass: 'vscode-high-contrast vscode-high-contrast-light',
  },
};

for (const [name, { theme, workbenchClass, bodyClass }] of Object.entries(themes)) {
  const workbench = await Workbench.open({}, { userSettings: { 'workbench.colorTheme': theme } });
  try {
    await workbench.page.locator(`.monaco-workbench.${workbenchClass}`).waitFor();
    const variables = await workbench.page.evaluate(colours);
    const source = `VS Code 1.139.1, theme “${theme}”, as its workbench sets it`;
    await writeFile(
      path.join(folder, `${name}.json`),
      `${JSON.stringify({ source, bodyClass, variables }, undefined, 2)}\n`,
    );
    console.log(`${name}: ${Object.keys(variables).length} variables`);
  } finally {
    await workbench.close();
  }
}

/** In the page: the variables that the workbench sets for itself, and hands to webviews. */
function colours(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const sheet of document.styleSheets) {
    let rules: CSSRuleList;
    try {
      rules = sheet.cssRules;
    } catch {
      continue;
    }
    for (const rule of rules) {
      if (!(rule instanceof CSSStyleRule) || rule.selectorText !== '.monaco-workbench') continue;
      for (const name of rule.style) {
        if (name.startsWith('--vscode-')) found[name] = rule.style.getPropertyValue(name).trim();
      }
    }
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => a.localeCompare(b)));
}
