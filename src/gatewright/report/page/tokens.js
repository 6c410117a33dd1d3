// Texts to steps: the rules of gatewright/data/encoders.py, text.py and keras_words.py.

// The white space of Python's str.split, which differs from \s of JavaScript.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LETTER = "[\\p{L}\\p{N}_]";
const WORD_OR_MARK = new RegExp(`\\n|${LETTER}+(?:['’]${LETTER}+)*|[^\\p{L}\\p{N}_${SPACE}]`, "gu");
const SPACES = new RegExp(`[${SPACE}]+`, "u");
const KERAS_GAPS = /[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~\t\n ]+/;
const PUNCTUATION = /[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g;
const PADDING = 0;

/** The functions that split a text into tokens, by the names of `TextRule.split`. */
const SPLITTERS = {
  keras: (text) => withoutSurrogates(text).toLowerCase().split(KERAS_GAPS).filter(Boolean),
  punctuation: (text) => withoutSurrogates(text).match(WORD_OR_MARK) || [],
  characters: (text) => Array.from(withoutSurrogates(text)),
  spaces: (text) =>
    withoutSurrogates(text)
      .split("\n")
      .flatMap((line, place) => [...(place ? ["\n"] : []), ...line.split(SPACES).filter(Boolean)]),

  keras_words(text, { filters, lower, split, characters }) {
    const cased = lower ? text.toLowerCase() : text;
    if (characters) return Array.from(cased);
    const gaps = new Set(filters);
    return Array.from(cased, (letter) => (gaps.has(letter) ? split : letter)).join("").split(split).filter(Boolean);
  },

  keras_vocabulary(text, { standardize, split }) {
    let raw = withoutSurrogates(text);
    if (standardize.includes("strip")) raw = raw.replace(PUNCTUATION, "");
    if (standardize.includes("lower")) raw = raw.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    if (split === "whitespace") return raw.split(/[ \t\n\r\v\f]+/).filter(Boolean);
    return split === "character" ? Array.from(raw) : [raw];
  },
};

/** Return a text without unpaired surrogates, which are replaced with U+FFFD as in Python. */
function withoutSurrogates(text) {
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** Return the object that turns texts into steps. */
function makeReader(rule) {
  const numbers = new Map(rule.tokens.map((token, place) => [token, rule.ids[place]]));
  const isOfCharacters =
    rule.split === "characters" || rule.options.characters || rule.options.split === "character";

  /** Return the tokens of a text as {text, id, known}. The id of a token that is left out is null. */
  function tokens(text) {
    return SPLITTERS[rule.split](text, rule.options).map((token) => {
      const id = numbers.get(token);
      return { text: token, id: id === undefined ? rule.unknown : id, known: id !== undefined };
    });
  }

  /** Return the steps that the network reads of these tokens. The place of a step is the index of its token, or -1. */
  function steps(read) {
    let found = read.map((token, place) => ({
      text: token.text,
      id: token.id,
      kind: token.known ? "input" : "unknown",
      place,
    }));
    if (rule.start !== null) found.unshift({ text: "start of the text", id: rule.start, kind: "start", place: -1 });
    const longest = rule.maxLength ?? Infinity;
    if (found.length > longest) found = rule.truncating === "pre" ? found.slice(-longest) : found.slice(0, longest);
    const padding = { text: "padding", id: PADDING, kind: "padding", place: -1 };
    if (!rule.padding) return found.length ? found : [padding];
    const missing = Array(longest - found.length).fill(padding);
    return rule.padding === "pre" ? [...missing, ...found] : [...found, ...missing];
  }

  /** Return a text with these tokens. */
  function join(texts) {
    return texts.filter(Boolean).join(isOfCharacters ? "" : " ");
  }

  return { tokens, steps, join };
}
