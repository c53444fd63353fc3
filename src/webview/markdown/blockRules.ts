/** How a line begins that begins or ends a block, once what its containers need of it is taken off. */
export const rules = {
  quote: /^ {0,3}>[ \t]?/,
  heading: /^ {0,3}(#{1,6})(?=[ \t]|$)/,
  underline: /^ {0,3}(=+|-+)[ \t]*$/,
  fence: /^( {0,3})(`{3,}|~{3,})(.*)$/,
  fenceEnd: /^ {0,3}(`+|~+)[ \t]*$/,
  rule: /^ {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$/,
  item: /^ {0,3}(?:([-+*])|(\d{1,9})([.)]))(?=[ \t]|$)/,
  task: /^\[([ xX])\][ \t]+/,
  math: /^ {0,3}(\$\$|\\\[)/,
  definition:
    /^\[([^[\]\\^][^[\]\\]{0,200})\]:[ \t]*(?:<([^<>]*)>|(\S+))(?:[ \t]+(?:"([^"]*)"|'([^']*)'|\(([^()]*)\)))?$/,
  footnote: /^ {0,3}(\[\^[^\]\s]{1,60}\]):[ \t]+/,
  /** The beginning of a line that can still become anything. */
  undecided: /^(?:[-+*_=|: \t]*|#{1,6}|`{1,3}|~{1,3}|\d{1,9}[.)]?|\$\$?|\\\[?|\[(?!\^)[^\]]*(?:\](?::.*)?)?)$/,
};
