// Texts to steps: the rules of gatewright/data/encoders.py and gatewright/data/text.py.

// The white space of Python's str.split, which differs from \s of JavaScript.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LETTER = "[\\p{L}\\p{N}_]";
const WORD_OR_MARK = new RegExp(`\\n|${LETTER}+(?:['’]${LETTER}+)*|[^\\p{L}\\p{N}_${SPACE}]`, "gu");
const SPACES = new RegExp(`[${SPACE}]+`, "u");
const KERAS_GAPS = /[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~\t\n ]+/;

const SPLITTERS = {
  keras: (text) => text.toLowerCase().split(KERAS_GAPS).filter(Boolean),
  punctuation: (text) => text.match(WORD_OR_MARK) || [],
  characters: (text) => Array.from(text),
  spaces: (text) =>
    text
      .split("\n")
      .flatMap((line, place) => [...(place ? ["\n"] : []), ...line.split(SPACES).filter(Boolean)]),
};

/** Return a text without unpaired surrogates, which are replaced with U+FFFD as in Python. */
function withoutSurrogates(text) {
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** Return the object that turns texts into steps. */
function makeReader(rule) {
  const numbers = new Map(rule.tokens.map((token, place) => [token, rule.ids[place]]));

  /** Return the tokens of a text as {text, id, known}. */
  function tokens(text) {
    return SPLITTERS[rule.split](withoutSurrogates(text)).map((token) => {
      const id = numbers.get(token);
      return { text: token, id: id === undefined ? rule.unknown : id, known: id !== undefined };
    });
  }

  /** Return the steps that the network reads of these tokens. */
  function steps(all) {
    const read = all.slice(-rule.maxLength).map((token) => ({
      text: token.text,
      id: token.id,
      kind: token.known ? "input" : "unknown",
    }));
    if (rule.start !== null && read.length < rule.maxLength)
      read.unshift({ text: "start of the text", id: rule.start, kind: "start" });
    while (rule.padded && read.length < rule.maxLength)
      read.unshift({ text: "padding", id: rule.padding, kind: "padding" });
    return read;
  }

  /** Return a text with these tokens. */
  function join(texts) {
    return texts.filter(Boolean).join(rule.split === "characters" ? "" : " ");
  }

  return { tokens, steps, join, cut: (all) => Math.max(0, all.length - rule.maxLength) };
}
