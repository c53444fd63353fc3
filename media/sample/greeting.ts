export interface Person {
  readonly name: string;
  readonly languages: readonly string[];
}

const greetings: Readonly<Record<string, string>> = { en: 'Hello', fr: 'Bonjour', pl: 'Cześć' };

/** Greets a person in the first of their languages that is known here. */
export function greet(person: Person): string {
  const language = person.languages.find((candidate) => candidate in greetings) ?? 'en';
  return `${greetings[language]}, ${person.name}!`;
}
